"""Fetch secrets: a reference in, the secret out. An activation holds references only.

`env:NAME` is a variable of the environment, `file:PATH` a file, `dir:NAME` a file of
the secrets directory (FELDWERK_SECRETS, else /run/secrets), `keyring:SERVICE/NAME` an
entry of the operating system's keyring. No message holds a secret.
"""

import importlib
import os
import re
import stat
from pathlib import Path

KINDS = ("env", "file", "dir", "keyring")
FORMS = "env:NAME, file:PATH, dir:NAME or keyring:SERVICE/NAME"
DIRECTORY_VARIABLE = "FELDWERK_SECRETS"
DIRECTORY = "/run/secrets"

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_ENTRY = re.compile(r"[^/\s][^/]*/[^/\s].*")
_LONGEST = 64 * 1024


class NoSecretError(LookupError):
    """There is no secret behind a reference; the text names the place."""


def wrong(reference: str) -> str:
    """Return what is wrong with a reference, or "". It may be the secret itself."""
    kind, _, where = reference.partition(":")
    if kind not in KINDS:
        return f"must be a reference, {FORMS}"
    if kind == "dir" and not _FILE_NAME.fullmatch(where):
        return "must name a file of the secrets directory, without a path"
    if kind == "keyring" and not _ENTRY.fullmatch(where):
        return "must name an entry of the keyring as keyring:SERVICE/NAME"
    if kind == "file" and not where:
        return "must name a file"
    return ""


def fetch(reference: str, folder: Path) -> str:
    """
    Return the secret of a reference; a path is relative to `folder`.

    Raises NoSecretError, whose text says the place and never the secret. A line break
    at the end of a file does not belong to it.
    """
    kind, _, where = reference.partition(":")
    if kind == "env":
        if where not in os.environ:
            # What is no variable's name may be the secret itself.
            named = _VARIABLE.fullmatch(where)
            raise NoSecretError(reference if named else "the environment")
        return os.environ[where]
    if kind == "keyring":
        return _from_keyring(where)
    try:
        with _path(reference, folder).open("rb") as file:
            text = file.read(_LONGEST + 1)
    except (OSError, ValueError):
        raise NoSecretError(_place(reference)) from None
    if len(text) > _LONGEST:
        raise NoSecretError(f"{_place(reference)}, which is too large for a secret")
    try:
        return text.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise NoSecretError(f"{_place(reference)}, which is not UTF-8") from None


def exposed(reference: str, folder: Path) -> str:
    """
    Return a warning if other users can read the file of a secret, or "".

    /run/secrets is left to the container that makes it, with modes of its own.
    """
    kind = reference.partition(":")[0]
    chosen = kind == "file" or (kind == "dir" and DIRECTORY_VARIABLE in os.environ)
    if not chosen or os.name == "nt":
        return ""
    try:
        mode = _path(reference, folder).stat().st_mode
    except (OSError, ValueError):
        return ""
    if not mode & (stat.S_IROTH | stat.S_IWOTH):
        return ""
    return f"{_place(reference)} can be read by other users; take the right from them"


def _path(reference: str, folder: Path) -> Path:
    kind, _, where = reference.partition(":")
    if kind == "file":
        return folder / where
    return Path(os.environ.get(DIRECTORY_VARIABLE) or DIRECTORY) / where


def _place(reference: str) -> str:
    kind, _, where = reference.partition(":")
    if kind == "dir":
        return f"{reference} ({_path(reference, Path()).parent})"
    return f"{kind}:{where}"


def _from_keyring(where: str) -> str:
    service, _, name = where.partition("/")
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        text = f"keyring:{where}: the package keyring is not installed"
        raise NoSecretError(text) from None
    try:
        found = keyring.get_password(service, name)
    except (keyring.errors.KeyringError, OSError, RuntimeError) as error:
        text = f"keyring:{where}: {type(error).__name__}"
        raise NoSecretError(text) from None
    if found is None:
        raise NoSecretError(f"keyring:{where}")
    return str(found)
