"""Write specs as a workbook: partners in, a cover, an overview and their tables out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from lxml.etree import SerialisationError
from openpyxl import Workbook

from engine.app.catalogue import read_all, sound_partners
from engine.app.workbench.book.choices_tab import Offers
from engine.app.workbench.book.content import chosen_cases, tabs_of
from engine.app.workbench.book.cover import Cover
from engine.app.workbench.book.memory import write_memory
from engine.app.workbench.book.overview import write_overview
from engine.app.workbench.book.style import add_styles
from engine.app.workbench.book.table_tab import write_tab
from engine.app.workbench.tables.layout import (
    AUTHOR,
    CHOICES,
    COVER,
    MEMORY,
    OVERVIEW,
    TableId,
    tab_names,
)
from engine.app.workbench.tables.replacing import replace_file
from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.library import standard_of
from engine.spec import Folders

_CREATED = datetime(2026, 1, 1)


@dataclass(frozen=True)
class Export:
    """A workbook, the tab of each table, and what one should know of it."""

    book: Workbook
    tabs: Mapping[TableId, str]
    notices: tuple[Problem, ...]


def make_book(folders: Folders, partners: Iterable[str] = ()) -> Export:
    """
    Make the workbook of some partners, or of all.

    Raises SpecError if there is no such partner, if the two YAML files of a use case
    cannot be read, and if a table has what no sheet can hold.
    """
    known = read_all(folders)
    cases = chosen_cases(folders, known, partners)
    files = [file for case in cases for file in case.files]
    tabs = tab_names(file.table for file in files)
    notices = [notice for case in cases for notice in case.notices]
    book = Workbook()
    book.properties.creator = AUTHOR
    book.properties.created = _CREATED
    add_styles(book)
    cover = Cover(_first_sheet(book, COVER), tabs)
    cover.begin(
        list(dict.fromkeys(case.spec.page.name for case in cases)),
        [f"{notice.origin}: {notice.message}" for notice in notices],
    )
    for case in cases:
        cover.add(case.spec, case.standard)
    overview = book.create_sheet(OVERVIEW)
    write_overview(overview, sound_partners(known), standard_of(folders))
    offers = Offers(book.create_sheet(CHOICES))
    for case in cases:
        for tab in tabs_of(case, tabs, offers):
            write_tab(book.create_sheet(tab.name), tab)
    memory = book.create_sheet(MEMORY)
    memory.sheet_state = "hidden"
    write_memory(memory, files)
    book.move_sheet(CHOICES, offset=len(book.sheetnames))
    return Export(book, tabs, tuple(notices))


def write_book(path: Path, book: Workbook, *, force: bool = False) -> None:
    """
    Write a workbook, whole or not at all; raises SpecError if it cannot be written.

    One that is there may hold somebody's work: it is replaced by force only.
    """
    if path.suffix.lower() != ".xlsx":
        raise _unwritable(path, "its name must end in .xlsx.")
    try:
        if path.exists() and not force:
            message = "is there already, and may hold changes; --force replaces it."
            raise _unwritable(path, message)
        content = BytesIO()
        book.save(content)
        replace_file(path, content.getvalue())
    except OSError as error:
        message = f"cannot be written: {error.strerror}."
        raise _unwritable(path, message) from None
    except SerialisationError as error:
        message = f"cannot be written: no room for temporary files ({error})."
        raise _unwritable(path, message) from None
    except RuntimeError:
        raise _unwritable(path, "is a link that leads to itself.") from None


def _unwritable(path: Path, message: str) -> SpecError:
    return SpecError([Problem(Origin(str(path)), "S010", message)])


def _first_sheet(book: Workbook, title: str) -> Any:
    sheet = book.worksheets[0]
    sheet.title = title
    return sheet
