"""What keeps the engine apart from its partners, and its stages in one direction."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.runtime.library import INSTALLED
from engine.spec import Folders

MODULES = sorted(
    [*(INSTALLED / "engine").rglob("*.py"), *(INSTALLED / "connectors").glob("*.py")]
)
PARTNERS = Folders(INSTALLED).partners()
"""How the reference of activations writes a credential; it is shown, never read."""

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
    assert [partner for partner in PARTNERS if partner.casefold() in text] == []


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
