"""What keeps the engine apart from its partners, and its stages in one direction."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from engine.contract import field_names
from engine.model import Removal
from engine.runtime.library import INSTALLED
from engine.spec import Folders
from engine.standard import read_standard

MODULES = sorted(
    [*(INSTALLED / "engine").rglob("*.py"), *(INSTALLED / "connectors").glob("*.py")]
)
PARTNERS = Folders(INSTALLED).partners()
FIELDS = {
    name.rpartition(".")[2].removesuffix("[]")
    for path in (INSTALLED / "schemas" / "partners").rglob("*.json")
    for name in field_names(json.loads(path.read_text("utf-8")))
}
"""Every name that a partner gives a field, as the last part of its path."""
STANDARD = read_standard(INSTALLED / "schemas" / "standard")
OURS = {name for entity in STANDARD.entities.values() for name in entity.fields}
OURS |= set(get_args(Removal))
DISTINCT = {f for f in FIELDS - OURS if re.search(r"[a-z][A-Z_]|^@", f)}
"""Those that are no plain word, such as `name`, and no field of the Standard."""

CORE = {"engine.errors", "engine.problems"}


def name(path):
    return path.relative_to(INSTALLED).as_posix()


def imported(path):
    """Return the modules that a module imports by name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_module_names_a_partner(path):
    text = path.read_text("utf-8").casefold()
    assert PARTNERS
    # A name inside a longer word, quis in prerequisites, is no partner's.
    assert [p for p in PARTNERS if re.search(rf"(?<![a-z]){p}(?![a-z])", text)] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_module_names_a_field_of_a_partner(path):
    tree = ast.parse(path.read_text("utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert DISTINCT
    assert sorted(texts & DISTINCT) == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_opens_with_what_it_is_for(path):
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", ":"))


@pytest.mark.parametrize(
    "path", [p for p in MODULES if name(p).startswith("connectors/")], ids=name
)
def test_a_connector_part_knows_of_the_engine_its_errors_and_problems_only(path):
    of_engine = {module for module in imported(path) if module.startswith("engine")}
    assert of_engine <= CORE


def test_imports_point_one_way():
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert command, "import-linter is not installed"
    found = subprocess.run(
        [command, "--no-cache"],
        cwd=INSTALLED,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stdout
