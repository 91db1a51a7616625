"""What all tests here share: the real LibreOffice, books that are slow to make."""

import os
import shutil
import subprocess
from types import SimpleNamespace

import books
import openpyxl
import pytest
from analyst import Analyst
from books import Bench
from google import Google
from typer.testing import CliRunner

from engine.app.cli import app
from engine.app.workbench.book.workbook import make_book, write_book
from engine.runtime.library import INSTALLED
from engine.spec import Folders

PARTS = ("connectors/partners/{}.yaml", "mappings/partners/{}", "schemas/partners/{}")
"""What belongs to one partner."""


@pytest.fixture(scope="session")
def libreoffice(tmp_path_factory):
    """
    Return what converts a file: `libreoffice(path, "xlsx")` gives the new one's path.

    It has a profile of its own, so that it meets no other LibreOffice.
    """
    soffice = shutil.which("soffice")
    if soffice is None:
        reason = "LibreOffice is not installed"
        if os.environ.get("FELDWERK_REQUIRE_LIBREOFFICE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    profile = tmp_path_factory.mktemp("libreoffice").as_uri()

    def convert(path, kind):
        folder = tmp_path_factory.mktemp("converted")
        subprocess.run(
            [
                *(soffice, f"-env:UserInstallation={profile}", "--headless"),
                *("--convert-to", kind, "--outdir", str(folder), str(path)),
            ],
            check=True,
            capture_output=True,
            timeout=180,
        )
        return folder / f"{path.stem}.{kind}"

    return convert


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """All specs as a workbook: its path, and what it says of itself."""
    export = make_book(Folders(INSTALLED))
    path = tmp_path_factory.mktemp("exported") / "book.xlsx"
    write_book(path, export.book)
    return SimpleNamespace(path=path, tabs=export.tabs, notices=export.notices)


@pytest.fixture(scope="session")
def through_libreoffice(exported, libreoffice):
    """The workbook of all specs, as LibreOffice has written it anew."""
    return libreoffice(exported.path, "xlsx")


@pytest.fixture(scope="session")
def etg24_book(tmp_path_factory):
    """The workbook of one partner, not to be changed."""
    return books.exported(
        INSTALLED, tmp_path_factory.mktemp("book") / "etg24.xlsx", "etg24"
    )


@pytest.fixture
def bench(tmp_path, etg24_book):
    """A copy of the specs, and a workbook of one partner to be changed."""
    return Bench(tmp_path, etg24_book)


@pytest.fixture
def google():
    with Google() as google:
        yield google


@pytest.fixture
def analyst(etg24, google):
    """Return who exports etg24's tables, uploads them and edits the shared sheet."""
    etg24.own_root()
    return Analyst(etg24, google)


@pytest.fixture
def specs(tmp_path):
    """
    A root with one partner's files, to be changed.

    `specs.run(...)` is the command line on it, `specs.export()` a workbook of it.
    """
    root = tmp_path / "root"
    for name in PARTS:
        source, target = (base / name.format("etg24") for base in (INSTALLED, root))
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, target)
    case = root / "mappings/partners/etg24/stammdaten"

    def run(*words):
        return CliRunner().invoke(app, [*map(str, words), "--root", str(root)])

    def export(name="book.xlsx"):
        path = tmp_path / name
        found = run("sheet", "export", "-o", path, "--force")
        assert found.exit_code == 0, found.output
        return openpyxl.load_workbook(path)

    return SimpleNamespace(
        root=root,
        case=case,
        schemas=root / "schemas/partners/etg24",
        folder=tmp_path,
        run=run,
        export=export,
    )
