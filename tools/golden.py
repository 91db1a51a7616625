"""Write the golden folders, tests/golden/<partner>: one small source in, what each
partner would be sent out.

`python -m tools.golden` writes them, `--check` fails with a diff if they are not up to
date. They are made to be read: after a change of a table the diff shows what it does
to real payloads. A folder within a partner's, with a `settings.yaml`, is the same with
other settings.
"""

import argparse
import difflib
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from connectors.answers import Answer
from connectors.entities import Upsert
from connectors.message import Page
from connectors.payloads import merged
from connectors.request import Request
from connectors.templates import Variables
from connectors.transport import Session
from connectors.writer import Write, Writer
from engine.model import Setting, UseCaseFile
from engine.payload import in_order
from engine.runtime.activation import Activation, read_activation
from engine.runtime.changes import Change, LeftOut
from engine.runtime.library import INSTALLED, read_connector
from engine.runtime.plan import Plan
from engine.runtime.run import planned
from engine.spec import Folders
from engine.work import EntityWork

FOLDER = INSTALLED / "tests" / "golden"
SOURCE = FOLDER / "erp"
SETTINGS = "settings.yaml"
TODAY = date(2025, 1, 15)
NOW = datetime(2025, 1, 15, 4, 0, tzinfo=UTC)
USE_CASE = "stammdaten"
MOST_LINES = 60
"""So many lines of a file's difference are printed."""

Files = dict[Path, str]


def main() -> int:
    """Write or check every golden file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    files = golden_files()
    stale = {path: text for path, text in files.items() if read(path) != text}
    unknown = [path for path in kept_files() if path not in files]
    if check:
        for path in (*stale, *unknown):
            print(difference(path, files.get(path, "")))
        if stale or unknown:
            print(f"\n{len(stale) + len(unknown)} golden files differ: make golden")
        return 1 if stale or unknown else 0
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for path in unknown:
        path.unlink()
    names = [path.relative_to(FOLDER).as_posix() for path in (*stale, *unknown)]
    print(f"{len(names)} golden files written or removed", *names, sep="\n  ")
    return 0


def partners() -> list[str]:
    """Return the partners that have a use case; each of them has a golden folder."""
    found = (INSTALLED / "mappings" / "partners").glob(f"*/{USE_CASE}/use_case.yaml")
    return sorted(path.parts[-3] for path in found)


def golden_files() -> Files:
    """Return every golden file and its text."""
    files: Files = {}
    for partner in partners():
        files |= golden_folder(partner)
    return files


def golden_folder(partner: str) -> Files:
    """Return the golden files of one partner, in all its settings."""
    folder = FOLDER / partner
    files = _one_setting(partner, folder, {})
    for path in sorted(folder.glob(f"*/{SETTINGS}")):
        changed = yaml.safe_load(path.read_text("utf-8"))
        files |= _one_setting(partner, path.parent, changed)
    return files


def kept_files(below: Path = FOLDER) -> list[Path]:
    """Return the golden files that are there; source and settings are none."""
    return [
        path
        for path in sorted(below.rglob("*"))
        if path.is_file() and SOURCE not in path.parents and path.name != SETTINGS
    ]


def read(path: Path) -> str | None:
    """Return the text of a file, None if there is none."""
    return path.read_text("utf-8") if path.exists() else None


def difference(path: Path, expected: str) -> str:
    """Return what differs between a golden file and what it would be now."""
    name = path.relative_to(INSTALLED).as_posix()
    known = (read(path) or "").splitlines()
    now = expected.splitlines()
    lines = list(difflib.unified_diff(known, now, name, "now", lineterm=""))
    more = len(lines) - MOST_LINES
    return "\n".join(
        [*lines[:MOST_LINES], *([f"... {more} lines more"] if more > 0 else [])]
    )


def activation(partner: str, folder: Path, changed: Mapping[str, Any]) -> Activation:
    """
    Return the activation of the golden source, with its file and state in `folder`.

    Each setting has its example, else its default; `changed` goes over them.
    """
    folders = Folders(INSTALLED)
    path = INSTALLED / "mappings" / "partners" / partner / USE_CASE / "use_case.yaml"
    known = UseCaseFile.model_validate(yaml.safe_load(path.read_text("utf-8"))).settings
    connector, _ = read_connector(folders, partner)
    assert connector is not None
    file = {
        "customer": "golden",
        "partner": partner,
        "use_case": USE_CASE,
        "environment": "test",
        "base_url": "https://partner.example",
        "source": {"kind": "files", "path": str(SOURCE)},
        "settings": {**_examples(known), **changed},
        "credentials": dict.fromkeys(connector.credentials, "env:GOLDEN"),
        "state": "state.db",
    }
    place = folder / "activation.yaml"
    place.write_text(yaml.safe_dump(file), "utf-8")
    return read_activation(place, folders, TODAY)


def _examples(settings: Mapping[str, Setting]) -> dict[str, Any]:
    return {n: s.example for n, s in settings.items() if s.example is not None}


def _one_setting(partner: str, folder: Path, changed: Mapping[str, Any]) -> Files:
    with tempfile.TemporaryDirectory() as empty:
        known = activation(partner, Path(empty), changed)
        with planned(known) as plan:
            return {folder / name: text for name, text in _texts(known, plan)}


def _texts(known: Activation, plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield name and text of every file of one plan."""
    left_out: list[dict[str, str]] = []
    rejected: list[dict[str, str]] = []
    for work in known.use_case.work.entities:
        part = plan.entities[work.name]
        left_out += _reasons(work.name, part.left_outs())
        rejected += _reasons(work.name, part.rejects())
        changes = sorted(part.changes(), key=lambda change: change.id)
        if changes:
            records = [_record(work, change) for change in changes]
            yield f"{work.name}.json", _as_json(records)
            yield from _documents(known, work, changes)
    yield "left_out.json", _as_json(left_out)
    yield "rejected.json", _as_json(rejected)


def _reasons(entity: str, items: Iterable[LeftOut]) -> list[dict[str, str]]:
    found = [
        {
            "entity": entity,
            "key": i.key,
            "code": i.code,
            "rule": i.rule,
            "reason": i.reason,
        }
        for i in items
    ]
    return sorted(found, key=lambda item: (item["key"], item["code"], item["reason"]))


def _record(work: EntityWork, change: Change) -> dict[str, Any]:
    """Return a record as it is read: references are our IDs, as in the plan."""
    path, body = _divided(work, change.body)
    only = {name: change.only[name] for name in sorted(change.only)}
    parts = {name: part for name, part in only.items() if part}
    what = {"id": change.id, "key": change.key, "operation": change.operation}
    return {**what, **({"path": path} if path else {}), "body": body, **parts}


def _divided(
    work: EntityWork, payload: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what stands in the address, and the body in the schema's order."""
    ordered = in_order(dict(payload), work.schema)
    path = {n: value for n, value in ordered.items() if n in work.path_fields}
    return path, {n: value for n, value in ordered.items() if n not in path}


def _documents(
    known: Activation, work: EntityWork, changes: Iterable[Change]
) -> Iterator[tuple[str, str]]:
    """Yield the documents that create and delete a record of a partner of documents."""
    entity = known.use_case.connector.entities[work.resource]
    if not isinstance(entity, Upsert) or entity.upsert.xml is None:
        return
    with _Recorder(known) as recorder:
        writer = Writer(recorder, work.resource)
        for change in changes:
            name = f"{work.name}/{re.sub(r'[^A-Za-z0-9-]', '_', change.id)}"
            writer.write(_write(work, change, change.body))
            yield f"{name}.xml", recorder.content
            if entity.remove is not None and work.removal == "delete":
                last = merged(change.body, change.only.get("remove", {}))
                writer.remove(_write(work, change, last))
                yield f"{name}.remove.xml", recorder.content


def _write(work: EntityWork, change: Change, payload: Mapping[str, Any]) -> Write:
    path, body = _divided(work, payload)
    create = change.only.get("create", {})
    return Write(change.id, None, body, path=path, create_only=create)


class _Recorder(Session):
    """Keeps the last message as text instead of sending it."""

    content = ""

    def __init__(self, known: Activation) -> None:
        connector = known.use_case.connector
        secrets = dict.fromkeys(connector.credentials, "golden")
        super().__init__(connector, known.addresses, secrets, known.settings)

    def send(
        self, request: Request, variables: Variables, page: Page | None = None
    ) -> Answer:
        """Keep the message that would be sent, and answer that all is well."""
        message = self._message(request, variables, page or Page(), None, NOW)
        assert message.content is not None
        self.content = message.content.decode() + "\n"
        return Answer(200, {})


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
