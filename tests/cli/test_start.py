"""How the command line starts: each command reads what it needs, and no more."""

import pkgutil
import subprocess
import sys
from importlib import import_module
from inspect import cleandoc

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from engine.app import commands
from engine.app.cli import COMMANDS, Command, app, get_command
from engine.runtime.library import INSTALLED

HEAVY = {
    *("alembic", "cryptography", "dbos", "httpcore", "httpx", "lxml", "openpyxl"),
    *("psycopg", "rich", "sqlalchemy", "starlette", "structlog", "uvicorn"),
}


def declared():
    """Return every command that a module declares, as the table has it."""
    found = {}
    for info in pkgutil.iter_modules(commands.__path__):
        module = import_module(f"{commands.__name__}.{info.name}")
        for name, command in get_group(module.commands).commands.items():
            help_ = " ".join(cleandoc(command.help).split("\n\n")[0].split())
            assert name not in found
            found[name] = Command(info.name, help_)
    return found


def test_the_table_says_what_the_modules_declare():
    assert dict(COMMANDS) == declared()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_read_when_it_is_called(name):
    assert get_command(name).name == name
    found = CliRunner().invoke(app, [name, "--help"])
    assert found.exit_code == 0
    assert f"{name} " in found.stdout


def loaded_after(*words):
    """Return the heavy packages that a command has read when it ends."""
    code = (
        "import atexit, sys; from engine.app.cli import main;"
        "tell = lambda: print('read:', *sys.modules, file=sys.stderr);"
        "atexit.register(tell); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=INSTALLED,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return HEAVY & set(done.stderr.splitlines()[-1].split())


def test_check_reads_no_heavy_package():
    table = "mappings/partners/etg24/stammdaten/objekte.csv"
    assert loaded_after("check", table) == set()


def test_help_reads_no_command():
    assert loaded_after("--help") <= {"rich"}


def test_misspelt_command_is_refused_with_a_hint():
    found = CliRunner().invoke(app, ["chek"])
    assert found.exit_code == 2
    assert "Did you mean 'check'?" in found.stderr
