"""Write marks into a workbook, or take them out: a path in, the book written out."""

from collections.abc import Sequence
from pathlib import Path

from engine.app.workbench.book.marks import Mark, paint, unmark
from engine.app.workbench.book.workbook import write_book
from engine.app.workbench.sheets.loading import changing, load
from engine.app.workbench.sheets.xml_stream import TooLargeError
from engine.errors import SpecError
from engine.problems import Problem

MOST_MARKS = 10_000
"""More are no help, and each note takes much memory."""


def mark_book(
    path: Path, out: Path, marks: Sequence[Mark], *, force: bool = False
) -> None:
    """
    Write a workbook with marks; those of an earlier check are taken out.

    Raises SpecError if the workbook can be read, but not changed, or not written.
    """
    with changing(path):
        same = out.resolve() == path.resolve()
        if len(marks) > MOST_MARKS:
            raise TooLargeError(f"{len(marks):,} problems are too many to paint")
        book = load(path)
        paint(book, marks)
        write_book(out, book, force=force or same)


def unmark_book(path: Path) -> Sequence[Problem]:
    """Take the marks out of a workbook; return why they are still there, if so."""
    try:
        with changing(path):
            book = load(path)
            unmark(book)
            write_book(path, book, force=True)
    except SpecError as error:
        return [
            Problem(problem.origin, "S081", problem.message)
            for problem in error.problems
        ]
    return ()
