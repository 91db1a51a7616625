"""Checks where people write: schemas for editors, a hook for commits."""

import json
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from engine.runtime.library import INSTALLED
from engine.yamlfile import read_yaml
from tools.editors import PATTERNS

SCHEMAS = INSTALLED / "schemas" / "feldwerk"
CATALOG = json.loads((SCHEMAS / "catalog.json").read_text("utf-8"))
HOOKS = yaml.safe_load((INSTALLED / ".pre-commit-hooks.yaml").read_text("utf-8"))
SETTINGS = json.loads((INSTALLED / ".vscode/settings.json").read_text("utf-8"))
FOLDERS = ("connectors/partners", "mappings", "schemas", "tests/golden")
OURS = sorted(
    path.relative_to(INSTALLED).as_posix()
    for folder in FOLDERS
    for path in (INSTALLED / folder).rglob("*.y*ml")
    if path.name
    != "settings.yaml"  # of a golden folder: chosen values, no file of ours
)
WRITTEN = {
    "activation.yaml": "activation",
    "demo/etg24.yaml": "activation",
    "activations/musterbau.yaml": "activation",
    "test.activation.yaml": "activation",
    "alerts.yaml": "alerts",
    "demo/erp/source.yaml": "source",
    "specs/mappings/partners/acme/partner.yaml": "partner",
}
"""Files that people write, and the schema of each."""


def matches(path, pattern):
    """Say whether a pattern of a catalog fits: `*` stands for a part of a name."""
    there, wanted = path.split("/"), pattern.removeprefix("**/").split("/")
    if len(there) < len(wanted):
        return False
    pairs = zip(there[-len(wanted) :], wanted, strict=True)
    return all(fnmatchcase(part, mask) for part, mask in pairs)


def schemas_of(path):
    return [
        schema["url"]
        for schema in CATALOG["schemas"]
        if any(matches(path, pattern) for pattern in schema["fileMatch"])
    ]


class TestCatalog:
    def test_there_are_files_to_match(self):
        assert len(OURS) > 40

    @pytest.mark.parametrize("path", OURS)
    def test_each_file_has_one_schema_and_fits_it(self, path):
        (url,) = schemas_of(path)
        schema = json.loads((SCHEMAS / url).read_text("utf-8"))
        validator = Draft202012Validator(schema)
        ours = read_yaml(INSTALLED / path, path)[0].data
        editors = yaml.safe_load((INSTALLED / path).read_text("utf-8"))
        # An editor reads YAML its own way; neither may find anything.
        for data in (ours, editors):
            assert [error.message for error in validator.iter_errors(data)] == []

    @pytest.mark.parametrize(("path", "schema"), WRITTEN.items())
    def test_files_that_people_write_have_their_schema(self, path, schema):
        assert schemas_of(path) == [f"{schema}.json"]

    @pytest.mark.parametrize("path", ["docker-compose.yaml", "mappings/x.yaml"])
    def test_files_of_others_have_none(self, path):
        assert schemas_of(path) == []

    def test_the_kind_of_file_says_its_schema(self):
        found = {path: schemas_of(path)[0] for path in OURS}
        for path, url in found.items():
            if path.startswith("connectors/"):
                assert url == "connector.json"
            if path.endswith(("use_case.yaml", "partner.yaml", "source.yaml")):
                assert url == Path(path).with_suffix(".json").name

    def test_a_wrong_file_is_found_by_its_schema(self):
        schema = json.loads((SCHEMAS / "use_case.json").read_text("utf-8"))
        assert not Draft202012Validator(schema).is_valid({"version": "1"})

    def test_it_has_the_format_of_schemastore(self):
        assert CATALOG["$schema"].endswith("/schema-catalog.json")
        for schema in CATALOG["schemas"]:
            assert schema.keys() == {"name", "description", "fileMatch", "url"}
            assert schema["description"]
            assert (SCHEMAS / schema["url"]).is_file()

    def test_each_schema_of_a_yaml_file_is_in_it(self):
        tables = {"field_row.json", "list_row.json", "catalog.json"}
        known = {path.name for path in SCHEMAS.glob("*.json")} - tables
        assert {schema["url"] for schema in CATALOG["schemas"]} == known

    def test_settings_of_the_workspace_say_the_same(self):
        found = SETTINGS["yaml.schemas"]
        assert len(found) == len(PATTERNS)
        for name, patterns in found.items():
            schema = INSTALLED / name
            assert schema.is_file()
            (entry,) = (s for s in CATALOG["schemas"] if s["url"] == schema.name)
            assert patterns == [f"**/{pattern}" for pattern in entry["fileMatch"]]


SCRIPT = """\
import re, shlex, subprocess, sys
names = subprocess.run(
    ["git", "diff", "--cached", "--name-only", "--diff-filter=ACMR"],
    check=True, capture_output=True, text=True,
).stdout.splitlines()
names = [name for name in names if re.search({files!r}, name)]
if names:
    sys.exit(subprocess.run([*{entry!r}, *names]).returncode)
"""


class TestHook:
    """The entry as pre-commit runs it: at a commit, with the names of the files."""

    @pytest.fixture
    def repository(self, tmp_path):
        """A repository with two partners whose commits go through the hook."""
        root = tmp_path / "specs"
        for partner in ("etg24", "facilioo"):
            for folder in (
                f"mappings/partners/{partner}",
                f"schemas/partners/{partner}",
            ):
                shutil.copytree(INSTALLED / folder, root / folder)
            name = f"connectors/partners/{partner}.yaml"
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(INSTALLED / name, root / name)
        shutil.copytree(INSTALLED / "schemas/standard", root / "schemas/standard")
        (hook,) = HOOKS
        program, *words = hook["entry"].split()
        assert program == "feldwerk"
        code = "from engine.app.cli import main; main()"
        entry = [sys.executable, "-c", code, *words]
        git(root, "init", "--quiet")
        git(root, "add", ".")
        git(root, "commit", "--quiet", "-m", "specs")
        script = root / ".git/hooks/pre-commit"
        lines = SCRIPT.format(files=hook["files"], entry=entry)
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!{sys.executable}\n{lines}", "utf-8")
        script.chmod(0o755)
        return root

    def test_wrong_table_stops_the_commit(self, repository):
        change(repository, "etg24", ",join,", ",jion,")
        done = git(repository, "commit", "-am", "wrong", check=False)
        assert done.returncode != 0
        assert "M104" in done.stdout + done.stderr

    def test_sound_change_passes_and_each_partner_is_checked_once(self, repository):
        for partner in ("etg24", "facilioo"):
            for path in (repository / "mappings/partners" / partner).rglob("*.csv"):
                path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        done = git(repository, "commit", "-am", "line ends")
        assert "2 specs, 0 errors, 0 warnings" in done.stdout + done.stderr

    def test_partner_that_is_not_touched_is_not_checked(self, repository):
        (repository / "mappings/partners/facilioo/partner.yaml").write_text("a: [")
        change(repository, "etg24", "Ohne Bezeichnung", "Fehlt die Bezeichnung")
        git(repository, "add", "mappings/partners/etg24")
        done = git(repository, "commit", "-m", "note")
        assert "1 specs, 0 errors" in done.stdout + done.stderr

    def test_change_of_the_standard_checks_every_partner(self, repository):
        path = repository / "schemas/standard/gebaeude.json"
        path.write_text(path.read_text("utf-8").replace('"baujahr"', '"jahr"'), "utf-8")
        done = git(repository, "commit", "-am", "standard", check=False)
        assert done.returncode != 0
        assert "M101" in done.stdout + done.stderr

    def test_standard_that_cannot_be_read_is_told_with_its_place(self, repository):
        (repository / "schemas/standard/gebaeude.json").write_text("{", "utf-8")
        done = git(repository, "commit", "-am", "standard", check=False)
        assert done.returncode != 0
        assert "schemas/standard/gebaeude.json:1 T005" in done.stdout + done.stderr

    def test_other_files_are_let_through(self, repository):
        (repository / "README.md").write_text("# Specs\n", "utf-8")
        git(repository, "add", "README.md")
        assert "specs," not in git(repository, "commit", "-m", "readme").stdout

    def test_it_takes_what_belongs_to_specs_only(self):
        (hook,) = HOOKS
        taken = [
            "mappings/partners/etg24/stammdaten/objekte.csv",
            "schemas/partners/etg24/objekte.json",
            "connectors/partners/etg24.yaml",
        ]
        left = ["engine/check.py", "connectors/model.py", "tests/mappings/x.csv"]
        assert all(re.search(hook["files"], name) for name in taken)
        assert not any(re.search(hook["files"], name) for name in left)
        assert hook.get("pass_filenames", True)
        assert hook["require_serial"]


def git(root, *words, check=True):
    names = {
        f"GIT_{who}_{what}": f"{who}@example.org".lower()
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(
        ["git", *words],
        cwd=root,
        env={**environment, **names, "PYTHONPATH": str(INSTALLED)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def change(root, partner, old, new):
    for path in (root / "mappings/partners" / partner).rglob("objekte.csv"):
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
