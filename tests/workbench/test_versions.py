"""Versions of the specs: folders, git revisions and workbooks, opened as folders."""

import os
import sqlite3
import subprocess
from contextlib import closing, nullcontext
from types import SimpleNamespace

import pytest
from changed_specs import Specs, call, copied
from openpyxl import load_workbook

from engine.app.workbench.sheets.refusals import known_refusals
from engine.app.workbench.versions import opened
from engine.errors import SpecError
from engine.runtime.library import INSTALLED
from engine.spec import Folders

TABLE = "mappings/partners/etg24/stammdaten/einheiten.csv"


def git(folder, *words):
    """Run git in a folder, without what the machine's user has set."""
    nobody = ("-c", "user.name=Anna", "-c", "user.email=anna@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *nobody, *words],
        env={
            **os.environ,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture(params=["", "specs/of/all"])
def specs(request, tmp_path):
    """Specs in a git repository, at its root or below, with two commits."""
    repository = tmp_path / "repository"
    specs = Specs(copied(repository / request.param))
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=first")
    git(repository, "tag", "first")
    specs.table("einheiten", ("number,ve_nr,", "number,we_nr,"))
    git(repository, "commit", "--quiet", "--all", "--message=second")
    return specs


def text(version, specs):
    with opened(version, Folders(specs.root)) as found:
        return (found.folders.root / TABLE).read_text("utf-8")


def problem(version, specs):
    with pytest.raises(SpecError) as found, opened(version, Folders(specs.root)):
        pass
    (one,) = found.value.problems
    assert one.code == "S001"
    return str(one)


class TestGit:
    def test_revision_has_what_was_committed_then(self, specs):
        specs.table("einheiten", ("number,we_nr,", "number,geb_nr,"))
        assert "number,ve_nr," in text("first", specs)
        assert "number,ve_nr," in text("HEAD~1", specs)
        assert "number,we_nr," in text("HEAD", specs)
        assert "number,geb_nr," in text(str(specs.root), specs)

    def test_revision_is_a_whole_version_that_is_gone_afterwards(self, specs):
        with opened("first", Folders(specs.root)) as found:
            assert (found.label, found.whole) == ("first", True)
            assert "facilioo" in found.partners
            assert found.folders.standard.is_dir()
            folder = found.folders.root
        assert not folder.exists()

    def test_commits_and_branches_are_revisions(self, specs):
        commit = git(specs.root, "rev-parse", "first")
        assert text(commit, specs) == text("first", specs)
        assert text("main", specs) == text("HEAD", specs)

    def test_word_that_is_no_revision_is_refused(self, specs):
        assert "no git revision" in problem("nowhere", specs)

    @pytest.mark.parametrize("word", ["--help", "--output=/tmp/x", "-x", ""])
    def test_option_is_no_revision(self, specs, word):
        problem(word, specs)

    @pytest.mark.parametrize("word", ["HEAD:", "x" * 5000])
    def test_what_is_no_commit_is_refused(self, specs, word):
        problem(word, specs)

    def test_revision_from_before_there_were_specs_is_refused(self, specs):
        tree = git(specs.root, "hash-object", "-t", "tree", "/dev/null")
        empty = git(specs.root, "commit-tree", "-m", "nothing", tree)
        assert "has no mappings" in problem(empty, specs)

    def test_diff_of_revisions(self, specs):
        found = call("diff", "first", "HEAD", "--root", specs.root, "--json").json()
        (use_case,) = found["use_cases"]
        (change,) = use_case["changes"]
        assert (found["old"], found["new"]) == ("first", "HEAD")
        assert (change["old"], change["new"]) == ("ve_nr", "we_nr")

    def test_working_folder_against_a_revision(self, specs):
        out = call("diff", "first", "--root", specs.root).out
        assert "number: source 've_nr' -> 'we_nr'" in out


@pytest.fixture
def book(tmp_path):
    """A workbook of the specs of etg24, and the way to change a cell of it."""
    path = tmp_path / "book.xlsx"
    call("sheet", "export", "etg24", "-o", path, "--root", INSTALLED)

    def edit(old, new, tab="einheiten"):
        workbook = load_workbook(path)
        cells = [c for row in workbook[tab].iter_rows() for c in row if c.value == old]
        assert cells
        cells[0].value = new
        workbook.save(path)

    return SimpleNamespace(path=path, edit=edit)


class TestWorkbooks:
    def test_workbook_that_nobody_changed_differs_in_nothing(self, book):
        found = call("diff", book.path, "--root", INSTALLED, "--exit-code")
        assert (found.code, "Nothing differs." in found.out) == (0, True)

    def test_its_tables_are_the_new_version(self, book):
        book.edit("ve_nr", "we_nr")
        out = call("diff", INSTALLED, book.path, "--root", INSTALLED).out
        assert "number: source 've_nr' -> 'we_nr'" in out

    def test_partners_that_it_does_not_have_are_not_compared(self, book):
        with opened(str(book.path), Folders(INSTALLED)) as found:
            assert (found.partners, found.whole) == (("etg24",), False)
        words = ("diff", INSTALLED, book.path, "--root", INSTALLED, "--json")
        assert call(*words).json()["use_cases"] == []


class TestDeployed:
    def test_what_the_last_run_used_is_a_version(self, etg24):
        etg24.in_a_hurry()
        etg24.sync()
        specs = Specs(etg24.root)
        specs.table("einheiten", ("number,ve_nr,", "number,we_nr,"))
        found = etg24.invoke(
            *("diff", f"deployed:{etg24.name}", "--database", str(etg24.database))
        )
        assert found.code == 0, found.err
        assert "number: source 've_nr' -> 'we_nr'" in found.out
        assert "dropped" not in found.out
        assert "facilioo" not in found.out


class TestFolders:
    def test_folder_is_taken_as_it_is(self, specs):
        with opened(str(specs.root), Folders(specs.root)) as found:
            assert found.folders.root == specs.root
            assert found.partners == tuple(Folders(specs.root).partners())

    def test_folder_without_mappings_is_refused(self, specs, tmp_path):
        assert "has no mappings" in problem(str(tmp_path), specs)

    def test_folder_outside_of_git_has_no_revisions(self, tmp_path):
        specs = Specs(copied(tmp_path / "alone"))
        assert "no git revision" in problem("HEAD", specs)


class TestOddRevisions:
    """What git holds may be something that no folder of specs has."""

    @pytest.mark.parametrize("target", ["/etc/passwd", "../../../../../../out.csv"])
    def test_a_link_that_leads_out_is_refused(self, specs, target):
        (specs.root / "mappings/out.csv").symlink_to(target)
        git(specs.root, "add", ".")
        git(specs.root, "commit", "--quiet", "--message=link")
        told = problem("HEAD", specs)
        assert "a link that leads out of the specs: mappings/out.csv" in told

    def test_names_that_are_not_utf_8_are_read(self, specs):
        folder = os.fsencode(specs.root / "mappings") + b"/d\xff"
        os.mkdir(folder)  # noqa: PTH102 - a name of bytes
        with open(folder + b"/x", "wb"):  # noqa: PTH123 - a name of bytes
            pass
        git(specs.root, "add", ".")
        git(specs.root, "commit", "--quiet", "--message=bytes")
        assert "number,we_nr," in text("HEAD", specs)


class TestForeignDatabases:
    """A version is read; no database is changed by it."""

    @pytest.mark.parametrize(
        ("statements", "told"),
        [
            (["CREATE TABLE x (a)"], "is no database of Feldwerk"),
            (
                [
                    "CREATE TABLE alembic_version (version_num VARCHAR(32))",
                    "INSERT INTO alembic_version VALUES ('0001')",
                ],
                "is a database of another version",
            ),
        ],
    )
    def test_it_is_refused_and_stays_as_it_is(self, specs, tmp_path, statements, told):
        path = tmp_path / "foreign.db"
        with closing(sqlite3.connect(path)) as db:
            for statement in statements:
                db.execute(statement)
            db.commit()
        before, beside = path.read_bytes(), sorted(tmp_path.iterdir())
        with (
            pytest.raises(SpecError, match=f"T307: {told}"),
            opened("deployed:x", Folders(specs.root), str(path)),
        ):
            pass
        with pytest.raises(SpecError, match="T307"):
            known_refusals(str(path), Folders(specs.root))
        assert path.read_bytes() == before
        assert sorted(tmp_path.iterdir()) == beside

    def test_what_is_no_database_is_refused(self, specs, tmp_path):
        path = tmp_path / "no.db"
        path.write_bytes(b"no database " * 100)
        with (
            pytest.raises(SpecError, match="T307"),
            opened("deployed:x", Folders(specs.root), str(path)),
        ):
            pass

    def test_our_own_is_read_and_stays_to_the_byte(self, etg24, specs):
        etg24.in_a_hurry()
        etg24.sync()
        before = etg24.database.read_bytes()
        for name, told in ((etg24.name, None), ("x", "no activation has this name")):
            asked = pytest.raises(SpecError, match=told) if told else nullcontext()
            there = opened(f"deployed:{name}", Folders(specs.root), str(etg24.database))
            with asked, there as found:
                assert found.partners == ("etg24",)
        assert etg24.database.read_bytes() == before

    def test_another_kind_of_database_is_told_plainly(self, specs):
        with (
            pytest.raises(SpecError, match="no URL of SQLite or PostgreSQL"),
            opened("deployed:x", Folders(specs.root), "mysql://x/y"),
        ):
            pass
