"""Open a version of the specs as a folder: of git, of a workbook, or deployed.

Everything that checks, compares or runs specs works on folders; a version that is none
is written into a temporary one.
"""

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.app.options import get_database, is_file
from engine.app.workbench.sheets.importing import prepared
from engine.app.workbench.tables.writing import write_tables
from engine.errors import SpecError
from engine.problems import Origin, Problem, did_you_mean
from engine.runtime.activation import runs_of
from engine.runtime.deployed import deployed
from engine.runtime.state import State
from engine.spec import Folders

PARTS = ("connectors/partners", "mappings", "schemas")
"""The folders that specs are made of."""


@dataclass(frozen=True)
class Version:
    """A version of the specs; `partners` are those that it has something to say of."""

    label: str
    folders: Folders
    partners: tuple[str, ...]
    whole: bool = True
    """Whether a partner that it does not have is none, and not one it does not tell."""
    at_home: bool = False
    """Whether it is the working folder, whose files need no more than their names."""

    def told(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return problems with the version's name before their files, as git writes."""
        if self.at_home:
            return list(problems)
        return [
            replace(p, origin=replace(p.origin, file=f"{self.label}:{p.origin.file}"))
            for p in problems
        ]


DEPLOYED = "deployed:"
"""What stands before the name of an activation whose deployed spec is meant."""


@contextmanager
def opened(
    version: str, folders: Folders, database: str | None = None
) -> Iterator[Version]:
    """
    Open a version; raises SpecError if there is no such.

    A folder is taken as it is, a git revision is one of the repository of `folders`, a
    workbook is what its import would make of their tables, and what is deployed stands
    in the `database`: a path, or a URL.
    """
    if _is_folder(version):
        yield _folder(version)
        return
    if is_file(version):
        found = prepared(Path(version), folders)
        partners = tuple(sorted({one.before.table.partner for one in found.tables}))
        with copied(folders, partners) as there:
            write_tables(there, (one.merged.file for one in found.changed))
            yield Version(version, there, partners, whole=False)
        return
    with TemporaryDirectory(prefix="feldwerk-") as folder:
        if version.startswith(DEPLOYED):
            _write(_deployed(version, database), Path(folder).resolve(), version)
        else:
            _extract(_archive(version, folders), Path(folder), version)
        there = Folders(Path(folder).resolve())
        whole = not version.startswith(DEPLOYED)
        yield Version(version, there, tuple(there.partners()), whole)


@contextmanager
def copied(folders: Folders, partners: Iterable[str]) -> Iterator[Folders]:
    """Copy the specs of some partners into a folder that may be written to."""
    with TemporaryDirectory(prefix="feldwerk-") as folder:
        there = Folders(Path(folder).resolve())
        parts = [
            (own(folders, partner), own(there, partner))
            for partner in partners
            for own in (Folders.connector, Folders.mappings, Folders.schemas)
        ]
        for source, target in [*parts, (folders.standard, there.standard)]:
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=special_files)
            elif source.is_file():
                shutil.copyfile(source, target)
        yield there


def special_files(folder: str, names: Iterable[str]) -> set[str]:
    """Return what of a folder is neither file nor folder: a pipe, a link to nowhere."""
    paths = (Path(folder, name) for name in names)
    return {path.name for path in paths if not (path.is_file() or path.is_dir())}


def _is_folder(version: str) -> bool:
    """Say whether a word names a folder; one that none can have names none."""
    try:
        return bool(version) and Path(version).is_dir()
    except (OSError, ValueError):
        return False


def _folder(version: str) -> Version:
    there = Folders(Path(version).resolve())
    if not (there.root / "mappings").is_dir():
        message = "is no folder of specs: it has no mappings."
        raise SpecError([Problem(Origin(version), "S001", message)])
    return Version(version, there, tuple(there.partners()))


def _archive(revision: str, folders: Folders) -> bytes:
    """Return the specs of a git revision as a tar file."""
    found = _git(folders.root, revision, "rev-parse", "--show-toplevel")
    # Below its top git would look for what it finds there in the subfolder again.
    top = Path(os.fsdecode(found).removesuffix("\n"))
    found = _git(folders.root, revision, "rev-parse", "--show-prefix")
    prefix = os.fsdecode(found).removesuffix("\n").rstrip("/")
    commit = _git(
        top,
        revision,
        "rev-parse",
        "--verify",
        "--end-of-options",
        f"{revision}^{{commit}}",
    )
    tree = f"{commit.decode().strip()}:{prefix}"
    try:
        there = _git(top, revision, "ls-tree", "-d", "-r", "-z", "--name-only", tree)
    except SpecError:
        there = b""  # the folder was not there yet
    known = set(os.fsdecode(there).split("\0"))
    parts = [part for part in PARTS if part in known]
    if "mappings" not in parts:
        message = "is a git revision in which the folder has no mappings."
        raise SpecError([Problem(Origin(revision), "S001", message)])
    return _git(top, revision, "archive", "--format=tar", tree, *parts)


def _git(folder: Path, revision: str, *words: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and the revision is no option
            ["git", "-C", str(folder), *words],  # noqa: S607 - as users call it
            capture_output=True,
            check=True,
        )
    except FileNotFoundError:
        message = "is no folder and no workbook, and there is no git here."
        raise SpecError([Problem(Origin(revision), "S001", message)]) from None
    except subprocess.CalledProcessError:
        message = f"is no folder, no workbook, and no git revision in {folder}."
        raise SpecError([Problem(Origin(revision), "S001", message)]) from None
    return done.stdout


def _deployed(version: str, database: str | None) -> Mapping[str, str]:
    """
    Return the files of the spec that an activation's last run used.

    An activation's file says its own name, and where its runs are.
    """
    name = version.removeprefix(DEPLOYED)
    if is_file(name):
        name, stated = runs_of(Path(name), database)
        # A file that is not there would be made by asking it.
        database = stated.removeprefix("sqlite:///")
    if database is None:
        message = "is known to the database of the service only: name it with"
        raise SpecError([Problem(Origin(version), "S046", f"{message} --database.")])
    with State(get_database(database), read_only=True) as state:
        found = deployed(state.engine, name)
        known = state.activations()
    if found is not None:
        return found.spec.files
    message, hint = "has had no run that kept its spec.", ""
    if name not in known:
        message, hint = "no activation has this name.", did_you_mean(name, known)
    raise SpecError([Problem(Origin(version), "S046", message, hint)])


def _write(files: Mapping[str, str], root: Path, version: str) -> None:
    for name, text in files.items():
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            message = f"'{name}' is no file of a spec."
            raise SpecError([Problem(Origin(version), "S046", message)])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def _extract(archive: bytes, folder: Path, version: str) -> None:
    """Unpack the specs; raises SpecError if a link of theirs leads out of them."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.FilterError as error:
        name = os.fsencode(error.tarinfo.name).decode("utf-8", "replace")
        message = f"has a link that leads out of the specs: {name}."
    except (tarfile.TarError, OSError, ValueError, RecursionError):
        message = "holds files that cannot be unpacked here."
    else:
        return
    hint = "Take it out of the revision, or name another version."
    raise SpecError([Problem(Origin(version), "S001", message, hint)])
