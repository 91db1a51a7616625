"""Try a spec in a terminal: what a person types in, what comes of it out.

Lines and numbers only, so that it works in every terminal.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from engine.app.options import show_problems
from engine.app.workbench.trial.attempt import Trial
from engine.app.workbench.trial.rows import row_change
from engine.app.workbench.trial.source import Pasted, Sourced, Unsaid
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
RECORD = "A record as JSON, which may have several lines > "
ROW = "Line of a row, or partner_field=NAME, erp_field=NAME for a new row > "
UNCHANGED = "No row is changed."


class Terminal:
    """A trial in the hands of a person."""

    def __init__(self, trial: Trial, console: Console) -> None:
        self.trial = trial
        self.console = console
        self._leaving = False
        given = trial.records
        self._source = given if isinstance(given, Sourced) else None

    def run(self) -> None:
        """Ask until the person leaves; nothing is written unless told so."""
        commands: Mapping[str, Callable[[str], None]] = {
            "": lambda _: self._show(),
            "p": self._pick,
            "r": self._row,
            "e": lambda _: self._edit(),
            "u": lambda _: self._undo(),
            "w": lambda _: self._write(),
            "w!": lambda _: self._write(with_errors=True),
        }
        asks = self._source is not None and self._source.wanted is None
        if asks or isinstance(self.trial.records, Unsaid):
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
        """Let a record be picked by number, key or text, or be pasted as JSON."""
        records = self._source
        if records is None and not text:
            text = self._ask(RECORD, "q")
        if records is None or text.startswith("{"):
            self._paste(text)
            return
        use_case, entity, settings = self.trial.in_hand()
        facts = (use_case.work, entity, settings)
        chosen = records.named(*facts, text) if text else None
        while chosen is None:
            found = records.candidates(*facts, text, MOST + 1)
            self._list(found, text)
            text = self._ask("Number, key or text > ", "q")
            if text == "q":
                return
            if text.startswith("{"):
                self._paste(text)
                return
            # A number that is listed is what the person sees, so it goes before an ID.
            keys = [key for key, _ in found[:MOST]]
            chosen = _chosen(text, keys) or records.named(*facts, text)
        self.trial.records = records
        records.look_at(chosen)
        self._show()

    def _list(self, found: Sequence[tuple[str, str]], text: str) -> None:
        show_candidates(self.console, found[:MOST])
        if not found:
            self.console.print(f"Nothing with '{text}'.", markup=False)
        elif len(found) > MOST:
            self.console.print("  ... there are more: type a text that it holds")

    def _paste(self, text: str) -> None:
        """Try a record that is typed or pasted, up to the line that completes it."""
        if text in ("", "q"):
            self.console.print("No record is given.")
            return
        while _goes_on(text) and (line := self._ask("", "")):
            text += f"\n{line}"
        self.trial.records = Pasted(text)
        self._show()

    def _row(self, rest: str) -> None:
        """Change a row: `r 4 transform=upper`, or step by step."""
        table = self.trial.draft.content
        if not rest:
            show_rows(self.console, table)
            rest = self._ask(ROW, "")
        line, _, cells = rest.partition(" ")
        line = line.removesuffix(",")
        if line.isdecimal():
            if int(line) not in table.lines():
                self.console.print(f"No row stands in line {line}.")
                return
            if not cells:
                show_row(self.console, table, int(line))
                cells = self._ask("Cells, as transform=trim, when= > ", "")
            rest = cells and f"line={line}, {cells}"
        if not rest:
            self.console.print(UNCHANGED)
            return
        self.trial.draft.change(row_change(rest))
        if len(self.trial.draft.content.rows) > len(table.rows):
            self.console.print("A new row, at the end of the table.")
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
        try:
            text = draft.path.read_text("utf-8-sig")
        except (OSError, ValueError):
            message = f"'{editor}' has left no text; the table stays as it was."
            hint = "Save the table as UTF-8, under its own name."
            problem = Problem(Origin("EDITOR"), "S075", message, hint)
            raise SpecError([problem]) from None
        draft.take(text)
        self._show()

    def _undo(self) -> None:
        """Take back what is not written yet, or else what was written last."""
        draft = self.trial.draft
        if draft.is_changed:
            draft.drop()
        elif path := draft.take_back():
            self._tell("Written as it was before", path)
        else:
            draft.drop()
            self.console.print("Nothing is left to undo.")
        self._show()

    def _write(self, *, with_errors: bool = False) -> None:
        if not self.trial.draft.is_changed:
            self.console.print("Nothing is changed.")
            return
        if not with_errors and (found := self.trial.errors()):
            show_problems(found, to_stderr=True)
            self.console.print("Not written: the check finds this. w! writes it.")
            return
        self._tell("Written", self.trial.draft.write())

    def _tell(self, what: str, path: Path) -> None:
        self.console.print(f"{what}: {path}", markup=False, soft_wrap=True)

    def _may_leave(self) -> bool:
        if self._leaving or not self.trial.draft.is_changed:
            return True
        self.console.print("The table is changed: w writes it, q again leaves it.")
        self._leaving = True
        return False


def _goes_on(text: str) -> bool:
    """Say whether a JSON text is right so far, and not complete yet."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text)
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
