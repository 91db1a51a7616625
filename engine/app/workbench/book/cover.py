"""Write the cover: how to work with the book, and what its use cases say of themselves.

Nothing of it is read again: it informs.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.app.site.markdown import EVIDENCE
from engine.app.site.usecase import DIRECTIONS, interval
from engine.app.workbench.book import style
from engine.app.workbench.book.choices import lookups
from engine.app.workbench.tables.layout import OVERVIEW, TableId
from engine.model import EntityFile, PageRow, Rule, Setting, as_tuple
from engine.spec import Spec
from engine.standard import Standard

HOW_TO = (
    "Jede Tabelle steht in ihrem eigenen Blatt: eine Zeile, ein Partnerfeld, eine "
    "Quelle seines Wertes.",
    "Was in eine Spalte gehört, sagt die Notiz an ihrem Titel; was der Vertrag kennt, "
    "bietet die Auswahlliste der Zelle an.",
    "Zeilen dürfen eingefügt, gelöscht, sortiert und gefiltert werden. Titel und "
    "Kennung sind geschützt, ohne Kennwort: Überprüfen > Blattschutz aufheben.",
    "Von mehreren Zeilen für ein Feld gilt die erste, deren Bedingung stimmt; die "
    "Reihenfolge sagt die Nr., nicht der Platz im Blatt.",
    "Graue Zeilen zeigen Felder des Partners ohne Regel: Quelle eintragen, und sie "
    "zählen; sonst bleiben sie ohne Wirkung.",
    "Zurück geht es mit „feldwerk sheet import“; „feldwerk sheet check“ zeigt vorher "
    "jeden Fehler in seiner Zelle.",
)
COMING = "kommt in Kürze"
_WIDTHS = (30, 28, 42, 24, 70, 16)


class Cover:
    """Writes the cover from top to bottom; `tabs` lead to the tab of each table."""

    def __init__(self, sheet: Any, tabs: Mapping[TableId, str]) -> None:
        self._sheet, self._tabs, self._line = sheet, tabs, 1
        style.set_widths(sheet, _WIDTHS)
        sheet.sheet_view.showGridLines = False
        sheet.sheet_properties.tabColor = style.TAB_COLOURS["cover"]
        style.protect(sheet)
        style.print_across(sheet)

    def begin(self, partners: Sequence[str], notes: Sequence[str]) -> None:
        """Write what is said of the book as a whole."""
        self._say("Feldwerk · Mapping-Tabellen", style.BIG)
        self._sheet.row_dimensions[1].height = 34
        self._say(", ".join(partners), style.PARAGRAPH, wrap=True)
        self._section("So arbeiten Sie mit dieser Mappe")
        for number, sentence in enumerate(HOW_TO, 1):
            self._say(f"{number}. {sentence}", style.LINE_OF_TEXT)
        self._section("Farben und Zeichen")
        for sample, name, meaning in style.LEGEND:
            style.put(self._sheet.cell(self._line, 1), sample, name)
            style.put(self._sheet.cell(self._line, 2), meaning, style.LINE_OF_TEXT)
            self._line += 1
        self._link(1, f"→ {OVERVIEW}", OVERVIEW)
        text = "Alle Felder des Standards und was die Partner daraus machen"
        style.put(self._sheet.cell(self._line, 2), text, style.LINE_OF_TEXT)
        self._line += 1
        if notes:
            self._section("Hinweise")
            for note in notes:
                self._say(note, style.LINE_OF_TEXT)

    def add(self, spec: Spec, standard: Standard) -> None:
        """Write what a use case says of itself."""
        file = spec.use_case
        self._line += 1
        for number in range(1, len(_WIDTHS) + 1):
            style.put(self._sheet.cell(self._line, number), "", style.HEADING)
        title = f"{spec.page.name} · {spec.name.replace('_', ' ').capitalize()}"
        self._sheet.row_dimensions[self._line].height = 26
        self._say(title, style.HEADING)
        self._say(" ".join(spec.page.description.split()), style.PARAGRAPH, wrap=True)
        for name, text in (
            ("Version", file.version),
            ("Richtung", DIRECTIONS[file.direction]),
            ("Tage", interval(file.schedule)),
        ):
            style.put(self._sheet.cell(self._line, 1), name, style.KEY_CELL)
            style.put(self._sheet.cell(self._line, 2), text, style.LINE_OF_TEXT)
            self._line += 1
        self._add_entities(spec, standard)
        self._add_lists(spec)
        self._table(
            "Einstellungen",
            ("Einstellung", "Name", "Auswahl", "Standard", "Beschreibung", "Nachweis"),
            (_setting(name, one) for name, one in file.settings.items()),
        )
        self._table(
            "Voraussetzungen",
            ("Regel", "ERP-Entität", "Bedingung", "Wirkung", "Text", "Nachweis"),
            (_rule(rule, standard) for rule in file.prerequisites),
        )

    def _add_entities(self, spec: Spec, standard: Standard) -> None:
        file = spec.use_case
        titles = ("Blatt", "ERP", "Partner", "Hinweis")
        self._table("Entitäten", titles, ())
        for entity in file.entities:
            table = TableId(spec.partner, spec.name, entity.name)
            erp, partner = entity_words(spec, standard, entity)
            rows = _page_rows(spec, entity)
            is_coming = bool(rows) and all(row.coming for row in rows)
            self._link(1, self._tabs[table], self._tabs[table])
            self._row(["", erp, partner, COMING * is_coming])
        for row in file.entity_table:
            if row.entity is None:
                self._row(["", row.erp, row.partner, COMING * row.coming])

    def _add_lists(self, spec: Spec) -> None:
        if not spec.lists:
            return
        self._table("Wertelisten", ("Blatt", "benutzt von"), ())
        for name in spec.lists:
            table = TableId(spec.partner, spec.name, name, is_list=True)
            self._link(1, self._tabs[table], self._tabs[table])
            self._row(["", used_by(spec, name)])

    def _say(self, text: str, name: str, *, wrap: bool = False) -> None:
        """Write a line that is as wide as the page; a long one is wrapped."""
        style.put(self._sheet.cell(self._line, 1), text, name)
        if wrap:
            self._sheet.merge_cells(
                start_row=self._line,
                end_row=self._line,
                start_column=1,
                end_column=len(_WIDTHS),
            )
            style.set_height(self._sheet, self._line, [(text, sum(_WIDTHS))])
        self._line += 1

    def _section(self, title: str) -> None:
        self._line += 1
        self._sheet.row_dimensions[self._line].height = 20
        self._say(title, style.SECTION)

    def _table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
    ) -> None:
        self._section(title)
        for number, column in enumerate(columns, 1):
            style.put(self._sheet.cell(self._line, number), column, style.TITLE)
        self._line += 1
        for row in rows:
            self._row(row)

    def _row(self, cells: Sequence[str]) -> None:
        for number, text in enumerate(cells, 1):
            if number > 1 or text:
                style.put(self._sheet.cell(self._line, number), text, style.LIST_CELL)
        widths = zip(cells, _WIDTHS, strict=False)
        style.set_height(self._sheet, self._line, widths)
        self._line += 1

    def _link(self, number: int, text: str, tab: str) -> None:
        cell = self._sheet.cell(self._line, number)
        style.put(cell, text, style.LINK)
        style.link(cell, tab)


def entity_words(spec: Spec, standard: Standard, entity: EntityFile) -> tuple[str, str]:
    """Return what ERP and partner call an entity."""
    known = standard.entities
    erp = " / ".join(known[e].title if e in known else e for e in as_tuple(entity.erp))
    words = dict.fromkeys(row.partner for row in _page_rows(spec, entity))
    schema = spec.schemas.get(entity.resource or entity.name, {})
    return erp, " / ".join(words) or str(schema.get("title", entity.name))


def used_by(spec: Spec, name: str) -> str:
    """Return the fields that a list gives the values of."""
    users = (f"{e.name}.{row.partner_field}" for e, row, _ in lookups(spec, name))
    return ", ".join(dict.fromkeys(users)) or "keiner Zeile"


def _page_rows(spec: Spec, entity: EntityFile) -> list[PageRow]:
    return [row for row in spec.use_case.entity_table if row.entity == entity.name]


def _setting(name: str, setting: Setting) -> list[str]:
    signs = all(len(option) == 1 for option in setting.options)
    options = ("   " if signs else ", ").join(setting.options) or _KINDS[setting.type]
    description = " ".join(setting.description.split())
    default = _said(setting.default)
    if setting.must_be_chosen:
        default = "muss gewählt werden"
    return [
        setting.title,
        name,
        options,
        default,
        description,
        EVIDENCE[setting.evidence],
    ]


_KINDS = {
    "choice": "",
    "numbers": "Nummern des ERP",
    "boolean": "ja, nein",
    "text": "Text",
    "mapping": "Zuordnung",
}


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "ja" if value else "nein"
    if isinstance(value, dict):
        return "\n".join(f"{label}: {option}" for label, option in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _rule(rule: Rule, standard: Standard) -> list[str]:
    known = standard.entities
    entities = [known[e].title if e in known else e for e in as_tuple(rule.entity)]
    condition = rule.require or f"mindestens eines von {rule.require_any}"
    effect = {"left_out": "ausgelassen", "rejected": "abgewiesen"}[rule.verdict]
    removes = ", beim Partner entfernt" * rule.removes
    return [
        rule.rule,
        ", ".join(entities),
        " ".join(condition.split()),
        f"sonst {effect}{removes}",
        " ".join(rule.text.split()),
        EVIDENCE[rule.evidence],
    ]
