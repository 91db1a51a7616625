"""The step into production: a plan in, a list for people to check and an approval out.

The list is in German, as those who approve read it. An approval is given to the major
version of the spec, the settings and the addresses of the partner; when one of them
changes, production waits for another one.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from engine.errors import SpecError
from engine.problems import CATALOGUE, Problem
from engine.runtime.activation import Activation
from engine.runtime.changes import COUNTS
from engine.runtime.database import activation_table, run_table
from engine.runtime.journal import went_through
from engine.runtime.plan import EntityPlan, Plan
from engine.runtime.secrets import NoSecretError, fetch
from engine.runtime.state import State
from engine.service.overview import utc
from engine.service.schedule import GERMANY
from engine.service.tables import approval_table

TEST = "test"
SAMPLES = 5
"""So many records of an entity are named to be looked at, spread over all of them."""


@dataclass(frozen=True)
class Sample:
    """The records of an entity that a person looks at: keys and our IDs."""

    entity: str
    label: str
    counts: Mapping[str, int]
    records: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CheckList:
    """What a person checks before production; no payload, no name of a person."""

    activation: str
    made_at: str
    spec_version: str
    connector_evidence: str
    addresses: tuple[str, ...]
    credentials: Mapping[str, bool]
    tested_at: str | None
    settings: tuple[tuple[str, str, str], ...]
    prerequisites: tuple[str, ...]
    samples: tuple[Sample, ...]
    left_out: tuple[tuple[str, str, int], ...]
    rejected: tuple[tuple[str, str, int], ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def make_check_list(
    activation: Activation, plan: Plan, engine: sa.Engine, now: datetime
) -> CheckList:
    """Gather the list from a real plan; the plan must still be open."""
    use_case = activation.use_case.spec.use_case
    return CheckList(
        activation=activation.name,
        made_at=now.astimezone(GERMANY).strftime("%d.%m.%Y %H:%M"),
        spec_version=use_case.version,
        connector_evidence=activation.use_case.connector.evidence,
        addresses=tuple(_addresses(activation)),
        credentials=_credentials(activation),
        tested_at=_tested_at(activation, engine),
        settings=tuple(_settings(activation)),
        prerequisites=tuple(rule.text for rule in use_case.prerequisites),
        samples=tuple(_sample(part) for part in plan.entities.values()),
        left_out=tuple(
            (rule, reason, count)
            for (rule, reason), count in Counter(
                (item.rule, item.reason)
                for part in plan.entities.values()
                for item in part.left_outs()
            ).most_common()
        ),
        rejected=tuple(
            (code, CATALOGUE[code].title, count)
            for code, count in Counter(
                item.code for part in plan.entities.values() for item in part.rejects()
            ).most_common()
        ),
        warnings=tuple(plan.warnings),
    )


def _addresses(activation: Activation) -> Iterator[str]:
    yield activation.addresses.base_url
    yield from sorted(set(activation.addresses.hosts.values()))


def _credentials(activation: Activation) -> dict[str, bool]:
    """Return of each credential whether it is there."""
    found = {}
    for name, reference in activation.file.credentials.items():
        try:
            found[name] = bool(fetch(reference, activation.folder))
        except NoSecretError:
            found[name] = False
    return found


def _tested_at(activation: Activation, engine: sa.Engine) -> str | None:
    """Return when the same activation last went through in the test environment."""
    test = f"{activation.name.rpartition('/')[0]}/{TEST}"
    query = (
        sa.select(run_table.c.finished_at)
        .join_from(run_table, activation_table)
        .where(
            activation_table.c.name == test,
            run_table.c.state == "done",
            went_through,
        )
        .order_by(run_table.c.id.desc())
        .limit(1)
    )
    with engine.connect() as db:
        found = db.scalar(query)
    return found and utc(found).astimezone(GERMANY).strftime("%d.%m.%Y %H:%M")


def _settings(activation: Activation) -> Iterator[tuple[str, str, str]]:
    for name, setting in activation.use_case.spec.use_case.settings.items():
        yield name, setting.title, _text(activation.settings.get(name))


def _text(value: Any) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "ja" if value else "nein"
        case tuple() | list():
            return ", ".join(map(_text, value)) or "alle"
        case dict():
            return ", ".join(f"{key} → {_text(item)}" for key, item in value.items())
    return str(value)


def _sample(part: EntityPlan) -> Sample:
    """Choose records evenly from the first to the last that would be sent."""
    last = sum(part.counts[name] for name in COUNTS[:3]) - 1
    steps = min(SAMPLES, last + 1) - 1
    wanted = {round(last * n / steps) for n in range(steps + 1)} if steps > 0 else {0}
    records = tuple(
        (change.key, change.id)
        for number, change in enumerate(part.changes())
        if number in wanted
    )
    return Sample(part.name, part.label, dict(part.counts), records)


def markdown(found: CheckList) -> str:
    """Return the list as Markdown, in German, with boxes to tick."""
    parts = (
        _head(found),
        _operation(found),
        _chosen(found),
        _figures(found),
        _left_out(found),
        _records(found),
        _approval(found),
    )
    return "\n".join(line for part in parts for line in part)


def _head(found: CheckList) -> Iterator[str]:
    yield f"# Prüfliste vor dem Start: {found.activation}"
    yield ""
    yield f"Stand {found.made_at} Uhr, Spezifikation {found.spec_version}."
    yield f"Adresse: {', '.join(dict.fromkeys(found.addresses))}"


def _operation(found: CheckList) -> Iterator[str]:
    yield from ("", "## Betrieb", "")
    for name, is_there in found.credentials.items():
        what = "ist hinterlegt" if is_there else "FEHLT"
        yield _box(f"Zugangsdatum `{name}` {what}", is_there)
    tested = found.tested_at
    what = f"zuletzt am {tested} Uhr" if tested else "noch NIE"
    yield _box(f"In der Testumgebung durchgelaufen: {what}", bool(tested))
    if found.connector_evidence == "proposed":
        text = "Der Anschluss ist ein Vorschlag: der Partner hat ihn bestätigt"
        yield _box(text, done=False)
    for warning in found.warnings:
        yield _box(f"Hinweis geprüft: {_plain(warning)}", done=False)


def _chosen(found: CheckList) -> Iterator[str]:
    yield from ("", "## Einstellungen", "")
    if not found.settings:
        yield "Keine."
    for name, title, value in found.settings:
        yield _box(f"{_plain(title)} (`{name}`): **{_plain(value)}**", done=False)
    if found.prerequisites:
        yield from ("", "## Voraussetzungen", "")
    for text in found.prerequisites:
        yield _box(_plain(text), done=False)


_COLUMNS = {
    "create": "neu",
    "update": "geändert",
    "replace": "ersetzt",
    "remove": "entfernt",
    "held": "zurückgehalten",
    "unchanged": "unverändert",
    "left_out": "ausgelassen",
    "rejected": "abgelehnt",
}


def _figures(found: CheckList) -> Iterator[str]:
    yield from ("", "## Was gesendet würde", "")
    yield f"| Entität | beim Partner | {' | '.join(_COLUMNS.values())} |"
    yield f"| --- | --- |{' ---: |' * len(_COLUMNS)}"
    for part in found.samples:
        cells = " | ".join(str(part.counts.get(name, 0)) for name in _COLUMNS)
        yield f"| {part.entity} | {_plain(part.label)} | {cells} |"
    yield from ("", _box("Die Zahlen passen zum Bestand im ERP", done=False))


def _left_out(found: CheckList) -> Iterator[str]:
    if found.left_out:
        yield from ("", "## Ausgelassen, nach Regel", "")
    for rule, reason, count in found.left_out:
        yield _box(f"{count} mal `{rule}`: {_plain(reason)}", done=False)
    if found.rejected:
        yield from ("", "## Abgelehnt", "")
    for code, title, count in found.rejected:
        yield _box(f"{count} mal {code} ({title})", done=False)


def _records(found: CheckList) -> Iterator[str]:
    yield from ("", "## Stichproben", "")
    yield "Jeden Datensatz im ERP und in der Testumgebung des Partners vergleichen;"
    yield "woher jedes Feld kommt, zeigt `feldwerk explain DATEI ENTITÄT SCHLÜSSEL`."
    for part in found.samples:
        if not part.records:
            continue
        total = sum(part.counts.get(name, 0) for name in COUNTS[:3])
        yield from ("", f"### {part.entity}: {len(part.records)} von {total}", "")
        for key, our_id in part.records:
            yield _box(f"`{key}` (ID `{our_id}`)", done=False)


def _approval(found: CheckList) -> Iterator[str]:
    yield from ("", "## Freigabe", "")
    yield f'    feldwerk activation approve {found.activation} --by "Vorname Name"'
    yield ""


def _box(text: str, done: bool) -> str:
    return f"- [{'x' if done else ' '}] {text}"


def _plain(text: str) -> str:
    """Return a text that stays one cell of a table and one line of a list."""
    return " ".join(text.replace("|", "\\|").split())


# -- approvals


def terms(activation: Activation) -> dict[str, Any]:
    """Return what an approval is given to, as JSON has it."""
    settings = {k: v for k, v in activation.settings.items() if k != "today"}
    found = {
        "version": activation.use_case.spec.use_case.version,
        "settings": settings,
        "addresses": sorted({*_addresses(activation)}),
    }
    value: dict[str, Any] = orjson.loads(orjson.dumps(found))
    return value


def approve(
    engine: sa.Engine,
    number: int,
    activation: Activation,
    by: str,
    note: str,
    now: datetime,
) -> None:
    """Record that a person has checked an activation as it is now."""
    agreed = terms(activation)
    row = {
        "activation_id": number,
        "approved_at": now,
        "approved_by": by,
        "note": note,
        "spec_version": agreed["version"],
        "terms": agreed,
    }
    with engine.begin() as db:
        db.execute(sa.insert(approval_table).values(row))


def need_approval(activation: Activation) -> None:
    """Raise SpecError unless a run by hand may send, by the activation's own state."""
    if activation.file.environment != TEST:
        with State(activation.state_url) as state:
            require_approval(state.engine, activation)


def require_approval(engine: sa.Engine, activation: Activation) -> None:
    """
    Raise SpecError if production is not approved, or was for something else.

    Every environment but `test` counts: with a `base_url` it may have any name.
    """
    if activation.file.environment == TEST:
        return
    query = (
        sa.select(approval_table.c.terms)
        .join_from(approval_table, activation_table)
        .where(activation_table.c.name == activation.name)
        .order_by(approval_table.c.id.desc())
        .limit(1)
    )
    with engine.connect() as db:
        agreed = db.scalar(query)
    if agreed is None:
        message = f"{activation.name}: nobody has approved it for production."
        raise SpecError([_problem(activation, "D320", message)])
    changed = _changes(agreed, terms(activation))
    if changed:
        message = f"{activation.name}: since its approval {'; '.join(changed)}."
        raise SpecError([_problem(activation, "D321", message)])


def _changes(agreed: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    found = []
    if _major(agreed) != _major(now):
        found.append(f"the spec went from {agreed['version']} to {now['version']}")
    old, new = agreed["settings"], now["settings"]
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    if names:
        found.append(f"settings have changed: {', '.join(names)}")
    if agreed["addresses"] != now["addresses"]:
        shown: Sequence[str] = now["addresses"]
        found.append(f"the address became {', '.join(shown)}")
    return found


def _major(agreed: Mapping[str, Any]) -> str:
    return str(agreed["version"]).partition(".")[0]


def _problem(activation: Activation, code: str, message: str) -> Problem:
    return Problem(activation.origin, code, message, CATALOGUE[code].remedy)
