"""A copy of all specs that a test changes, to compare with the ones it was made of."""

import csv
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

from typer.testing import CliRunner

from engine.app.cli import app
from engine.runtime.library import INSTALLED


def copied(folder: Path) -> Path:
    """Copy the specs of all partners."""
    for name in ("connectors/partners", "mappings", "schemas"):
        shutil.copytree(INSTALLED / name, folder / name, dirs_exist_ok=True)
    return folder


def change(path: Path, *pairs: tuple[str, str]) -> None:
    """Replace texts of a file, each of which must stand in it."""
    text = path.read_text("utf-8")
    for old, new in pairs:
        assert old in text, (path, old)
        text = text.replace(old, new)
    path.write_text(text, "utf-8")


class Specs:
    """One partner's use case in a copy of the specs."""

    def __init__(self, root: Path, partner: str = "etg24") -> None:
        self.root = root
        self.partner = partner
        self.folder = root / "mappings/partners" / partner / "stammdaten"

    def use_case(self, *pairs: tuple[str, str]) -> None:
        change(self.folder / "use_case.yaml", *pairs)

    def table(self, name: str, *pairs: tuple[str, str]) -> None:
        change(self.folder / f"{name}.csv", *pairs)

    def connector(self, *pairs: tuple[str, str]) -> None:
        change(self.root / f"connectors/partners/{self.partner}.yaml", *pairs)

    def schema(self, name: str, edit) -> None:
        path = self.root / f"schemas/partners/{self.partner}/{name}.json"
        schema = json.loads(path.read_text("utf-8"))
        edit(schema)
        path.write_text(json.dumps(schema), "utf-8")

    def rows(self, name: str) -> list[dict[str, str]]:
        path = self.folder / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def write(self, name: str, rows, columns=None, **options) -> None:
        """Write a table; `options` are those of csv and the file's encoding."""
        columns = columns or list(rows[0])
        encoding = options.pop("encoding", "utf-8")
        path = self.folder / f"{name}.csv"
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, columns, **options)
            writer.writeheader()
            writer.writerows(rows)


def call(*words: object) -> SimpleNamespace:
    """Run a command in this process."""
    found = CliRunner().invoke(app, [str(word) for word in words])
    assert found.exception is None or isinstance(found.exception, SystemExit), found

    def read():
        return json.loads(found.stdout)

    code, out, err = found.exit_code, found.stdout, found.stderr
    return SimpleNamespace(code=code, out=out, err=err, json=read)
