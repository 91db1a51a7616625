"""What the tests of the service share: its commands, its database, its workers."""

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from engine.app.cli import app


@pytest.fixture
def command():
    """Run a command in this process, as words; FILE stands for nothing."""

    def run(*words: object) -> SimpleNamespace:
        found = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
        return SimpleNamespace(
            code=found.exit_code,
            out=found.stdout,
            err=found.stderr,
            json=lambda: json.loads(found.stdout),
        )

    return run
