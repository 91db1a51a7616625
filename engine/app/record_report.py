"""Show how one record came about to people: an explanation in, console lines out."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text


def show_explanation(console: Console, found: Mapping[str, Any]) -> None:
    """Print where each field of one record comes from, or why it is not sent."""
    console.print(
        f"[bold]{found['entity']}[/] ({found['label']})"
        f" {found['key']}: {found['state']}"
    )
    if found.get("reason"):
        rule = f"{found['rule']}: " if found.get("rule") else ""
        code = f"{found['code']} " if found.get("code") else ""
        console.print(Text(f"  {code}{rule}{found['reason']}"), soft_wrap=True)
    for step in found.get("chain", ()):
        console.print(Text(f"    because of {step}"))
    if "fields" in found:
        _show_fields(console, found["fields"])


FATES = {
    "earlier": "not this row: an earlier one gave the value",
    "condition": "not this row: its condition does not hold",
    "default": "the default",
    "omitted": "left out, as it is empty",
    "cleared": "cleared, as it is empty",
    "kept": "what the partner has stays, as it is empty",
}


def _show_fields(console: Console, fields: Iterable[Mapping[str, Any]]) -> None:
    """Print two lines for each row: the result, and the way it came."""
    for field in fields:
        result = Text(f"  {field['partner_field']}", style="bold")
        if field["problem"]:
            result.append(f" refused: {field['problem']}", style="red")
        elif field["value"] is not None:
            result.append(f" = {_shown(field['value'])}", style="not bold")
        if field["in_address"]:
            result.append(" (in the address)", style="not bold dim")
        if field["fate"] in FATES:
            result.append(f" ({FATES[field['fate']]})", style="not bold dim")
        console.print(result, soft_wrap=True)
        way = [field["row"].rpartition("/")[2]]
        if field["erp_fields"]:
            way.append(f"{', '.join(field['erp_fields'])} = {_shown(field['source'])}")
        way += [f"| {s['transform']} -> {_shown(s['value'])}" for s in field["steps"]]
        console.print(Text(f"      {'  '.join(way)}", style="dim"), soft_wrap=True)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(_shown(item) or "(empty)" for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{k}={_shown(v)}" for k, v in value.items())
    return str(value)
