"""Show proposed rows to people: Suggestions in, a table and rows to paste out."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.app.lines import counted, head, say, show_csv
from engine.app.workbench.suggest.proposing import Suggestion, Suggestions
from engine.model import FieldRow


def show_suggestions(console: Console, found: Suggestions) -> None:
    """Print what is proposed, why, and the rows as CSV; nothing is changed."""
    title = f"Suggestions: {found.partner}/{found.use_case} {found.entity}"
    if not found.found and not found.unknown:
        say(console, f"{title}: every field that may be written has a row.")
        return
    if not found.found:
        say(console, f"{title}: nothing to suggest.")
    else:
        _show_table(console, found, title)
        head(console, "Why")
        for one in found.found:
            say(console, f"{one.partner_field}: {one.reason}", 2, 2)
    if found.unknown:
        head(console, "Nobody knows", counted(len(found.unknown), "field"))
        say(console, ", ".join(found.unknown), 2)
    if found.found:
        head(console, "Rows to paste", f"into {found.table}")
        show_csv(console, found.columns, found.to_paste())


def _show_table(console: Console, found: Suggestions, title: str) -> None:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("partner field", overflow="fold")
    table.add_column("from", overflow="fold")
    table.add_column("transform", overflow="fold")
    table.add_column("tables", justify="right", no_wrap=True)
    for one in found.found:
        for number, row in enumerate(one.rows):
            cells = (_field(one), _source(row), row.transform, _tables(one))
            first = cells if not number else ("", *cells[1:3], "")
            table.add_row(*map(Text, first))
    console.print(table)


def _field(one: Suggestion) -> str:
    return f"{one.partner_field} *" if one.required else one.partner_field


def _source(row: FieldRow) -> str:
    source = row.erp_field or row.id_parts or row.reference or f"'{row.default}'"
    return f"{source} if {row.when}" if row.when else source


def _tables(one: Suggestion) -> str:
    return f"{one.tables} of {one.of}" if one.tables else ""
