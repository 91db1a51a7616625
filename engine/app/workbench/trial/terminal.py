"""Try a spec in a terminal: what a person types in, what comes of it out.

Lines and numbers only, so that it works in every terminal.
"""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping

from rich.console import Console

from engine.app.options import show_problems
from engine.app.workbench.trial.attempt import Trial
from engine.app.workbench.trial.rows import row_change
from engine.app.workbench.trial.source import Sourced
from engine.app.workbench.trial.view import (
    show_attempt,
    show_candidates,
    show_row,
    show_rows,
)
from engine.errors import SpecError
from engine.problems import Origin, Problem

MENU = "[p]ick [r]ow [e]dit [u]ndo [w]rite [q]uit"
MOST = 20
"""So many records are listed at once."""


class Terminal:
    """A trial in the hands of a person."""

    def __init__(self, trial: Trial, console: Console) -> None:
        self.trial = trial
        self.console = console
        self._leaving = False

    def run(self) -> None:
        """Ask until the person leaves; nothing is written unless told so."""
        commands: Mapping[str, Callable[[str], None]] = {
            "": lambda _: self._show(),
            "p": self._pick,
            "r": self._row,
            "e": lambda _: self._edit(),
            "u": lambda _: self._undo(),
            "w": lambda _: self._write(),
        }
        records = self.trial.records
        if isinstance(records, Sourced) and records.wanted is None:
            self._try(self._pick, "")
        else:
            self._show()
        while True:
            word, _, rest = self._ask(f"\n{MENU} > ", "q").partition(" ")
            if word == "q" and self._may_leave():
                return
            if word in commands:
                self._leaving = False
                self._try(commands[word], rest.strip())
            elif word != "q":
                self.console.print("Type one of the letters in brackets.")

    def _ask(self, prompt: str, at_the_end: str) -> str:
        try:
            return self.console.input(prompt, markup=False).strip()
        except (EOFError, KeyboardInterrupt):
            self._leaving = True
            return at_the_end

    def _try(self, command: Callable[[str], None], rest: str) -> None:
        try:
            command(rest)
        except SpecError as error:
            show_problems(error.problems, to_stderr=True)

    def _show(self) -> None:
        show_attempt(self.console, self.trial.run())

    def _pick(self, text: str) -> None:
        """Let a record be picked by number, key, or the text that it holds."""
        records = self.trial.records
        if not isinstance(records, Sourced):
            self.console.print("The record was given; there is none to pick.")
            return
        use_case, entity, settings = self.trial.in_hand()
        while True:
            found = records.candidates(use_case.work, entity, settings, text, MOST + 1)
            show_candidates(self.console, found[:MOST])
            if not found:
                self.console.print(f"Nothing with '{text}'.")
            elif len(found) > MOST:
                self.console.print("  ... there are more: type a text that it holds")
            word = self._ask("Number, key or text > ", "q")
            if word == "q":
                return
            keys = [key for key, _ in found[:MOST]]
            chosen = _chosen(word, keys)
            if chosen is not None:
                records.look_at(chosen)
                self._show()
                return
            text = word

    def _row(self, rest: str) -> None:
        """Change a row: `r 4 transform=upper`, or step by step."""
        table = self.trial.draft.content
        line, _, cells = rest.partition(" ")
        if not line:
            show_rows(self.console, table)
            line = self._ask("Line of the row > ", "")
        if "=" in line:  # a partner field names the row: r partner_field=title, ...
            line, cells = "", rest
        elif line and not cells:
            if not (line.isdecimal() and int(line) in table.lines()):
                self.console.print(f"No row stands in line {line}.")
                return
            show_row(self.console, table, int(line))
            cells = self._ask("Cells, as transform=trim, when= > ", "")
        if cells:
            place = f"line={line}, " if line else ""
            self.trial.draft.change(row_change(f"{place}{cells}"))
            self._show()

    def _edit(self) -> None:
        """Open the table in the person's editor; what is saved there is tried."""
        draft = self.trial.draft
        draft.copy()
        draft.path.write_bytes(draft.content.text().encode())
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        try:
            subprocess.run([*shlex.split(editor), str(draft.path)], check=True)  # noqa: S603 - the person's own editor
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            place = Origin("EDITOR")
            message = f"'{editor}' could not be run: {error}."
            raise SpecError([Problem(place, "S075", message)]) from None
        draft.take(draft.path.read_text("utf-8-sig"))
        self._show()

    def _undo(self) -> None:
        self.trial.draft.drop()
        self._show()

    def _write(self) -> None:
        if not self.trial.draft.is_changed:
            self.console.print("Nothing is changed.")
            return
        path = self.trial.draft.write()
        self.console.print(f"Written: {path}", markup=False, soft_wrap=True)

    def _may_leave(self) -> bool:
        if self._leaving or not self.trial.draft.is_changed:
            return True
        self.console.print("The table is changed: w writes it, q again leaves it.")
        self._leaving = True
        return False


def _chosen(word: str, keys: list[str]) -> str | None:
    """Return the key that a number or a key stands for; an empty word the first."""
    if word in keys:
        return word
    if not word and keys:
        return keys[0]
    if word.isdecimal() and 1 <= int(word) <= len(keys):
        return keys[int(word) - 1]
    return keys[0] if len(keys) == 1 and word in keys[0] else None
