"""Check proposed rows in their table: rows in, those that pass out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from engine.app.workbench.tables.layout import TableId
from engine.check import check
from engine.examples import check_examples
from engine.model import EntityFile, FieldRow
from engine.problems import Origin, Problem, errors
from engine.runtime.library import UseCase, contract_of, standard_of
from engine.spec import FieldRule, Folders


class TableCheck:
    """Checks rows in a table: those with which the spec has new errors do not pass."""

    def __init__(self, use_case: UseCase, entity: EntityFile, folders: Folders) -> None:
        self.use_case, self.entity = use_case, entity
        self.standard = standard_of(folders)
        self.rules = use_case.spec.tables[entity.name]
        spec = use_case.spec
        self.table = TableId(spec.partner, spec.name, entity.name)
        self.file = self.table.path
        self.has_id = any(rule.row.id_parts for rule in self.rules)
        self.known = {_what(problem) for problem in self._problems(())}
        required = spec.schemas.get(entity.resource or entity.name, {})
        self.required = set(required.get("required", ()))

    def passed(
        self, rows: tuple[FieldRow, ...], *, is_required: bool
    ) -> tuple[FieldRow, ...] | None:
        """Return the rows as they pass: in this table's habits, or as they are."""
        ways = dict.fromkeys(
            (self._in_habit(rows, is_required=is_required), rows, _plain(rows))
        )
        for way in ways:
            one: tuple[FieldRow, ...] | None = way
            while one is not None:
                new = self._new_problems(one)
                if not new:
                    return one
                one = _eased(one, new)
        return None

    def _new_problems(self, rows: tuple[FieldRow, ...]) -> list[Problem]:
        """Return what the rows bring; a first ID brings old problems to light, too."""
        found = [p for p in self._problems(rows) if _what(p) not in self.known]
        lines = {rule.origin.line for rule in self._added(rows)}
        own = [p for p in found if p.origin.file == self.file]
        return found if self.has_id else [p for p in own if p.origin.line in lines]

    def _added(self, rows: tuple[FieldRow, ...]) -> tuple[FieldRule, ...]:
        last = max((rule.origin.line for rule in self.rules), default=1)
        return tuple(
            FieldRule(row, Origin(self.file, last + number))
            for number, row in enumerate(rows, 1)
        )

    def _problems(self, rows: tuple[FieldRow, ...]) -> tuple[Problem, ...]:
        spec = self.use_case.spec
        tables = {**spec.tables, self.entity.name: (*self.rules, *self._added(rows))}
        spec = replace(spec, tables=tables)
        contract = contract_of(self.use_case.connector, spec)
        work, problems = check(spec, self.standard, contract)
        return errors([*problems, *check_examples(spec, work)])

    def _in_habit(
        self, rows: tuple[FieldRow, ...], *, is_required: bool
    ) -> tuple[FieldRow, ...]:
        """Let the last row treat empty and wrong values as this table mostly does."""
        last = rows[-1]
        if last.id_parts or not (last.erp_field or last.reference):
            return rows
        habits: dict[str, str] = {}
        for column in ("if_empty", "if_wrong"):
            cells = Counter(
                getattr(rule.row, column)
                for rule in self.rules
                if (rule.row.erp_field or rule.row.reference)
                and not rule.row.when
                and bool(rule.row.reference) == bool(last.reference)
                and (rule.row.partner_field in self.required) == is_required
            )
            if cells:
                habits[column] = cells.most_common(1)[0][0]
        return (*rows[:-1], last.model_copy(update=habits))


def _what(problem: Problem) -> tuple[str, str, str]:
    return problem.origin.file, problem.code, problem.message


def _plain(rows: tuple[FieldRow, ...]) -> tuple[FieldRow, ...]:
    cells = {"if_empty": "", "if_wrong": ""}
    return tuple(row.model_copy(update=cells) for row in rows)


def _eased(
    rows: tuple[FieldRow, ...], problems: Sequence[Problem]
) -> tuple[FieldRow, ...] | None:
    """
    Return the rows without a default or an example that is another partner's own.

    None if anything else is wrong.
    """
    given = {cell for row in rows for cell in (row.example, row.default) if cell}
    codes = {problem.code for problem in problems}
    if not given or not codes <= {"M114", "M116"}:
        return None
    cells = {"default": ""} if "M116" in codes else {"example": "", "expected": ""}
    eased = tuple(row.model_copy(update=cells) for row in rows)
    return eased if eased != rows else None
