"""Secrets come from where a reference says, and from nowhere else."""

import os

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from engine.errors import CredentialsError
from engine.runtime.secrets import NoSecretError, exposed, fetch, wrong

SECRET = "s3cret  mit zwei Blanks/ä"


class Memory(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.entries = {}
        self.locked = False

    def get_password(self, service, username):
        if self.locked:
            raise KeyringLocked(f"locked: {SECRET}")
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        self.entries[service, username] = password

    def delete_password(self, service, username):
        del self.entries[service, username]


@pytest.fixture
def ring():
    before = keyring.get_keyring()
    ring = Memory()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FELDWERK_SECRETS", str(tmp_path / "secrets"))
    (tmp_path / "secrets").mkdir()
    return tmp_path


def test_a_variable_of_the_environment(monkeypatch, folder):
    monkeypatch.setenv("PLANTED", SECRET)
    assert fetch("env:PLANTED", folder) == SECRET


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_beside_the_activation(folder, end):
    (folder / "token").write_bytes(f"{SECRET}{end}".encode())
    assert fetch("file:token", folder) == SECRET
    assert fetch(f"file:{folder / 'token'}", folder / "elsewhere") == SECRET


def test_a_file_of_the_secrets_directory(folder):
    (folder / "secrets" / "etg24_token").write_text(f"{SECRET}\n", "utf-8")
    assert fetch("dir:etg24_token", folder) == SECRET


def test_an_entry_of_the_keyring(ring, folder):
    keyring.set_password("feldwerk", "etg24/token", SECRET)
    assert fetch("keyring:feldwerk/etg24/token", folder) == SECRET


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("env:NOWHERE", "env:NOWHERE"),
        ("env:s3cret-itself", "the environment"),
        ("file:nowhere", "file:nowhere"),
        ("file:secrets", "file:secrets"),
        ("dir:nowhere", "dir:nowhere"),
        ("keyring:feldwerk/nobody", "keyring:feldwerk/nobody"),
    ],
)
def test_what_is_not_there_is_named_by_its_place(ring, folder, reference, place):
    with pytest.raises(NoSecretError) as caught:
        fetch(reference, folder)
    assert str(caught.value).startswith(place)
    assert "s3cret" not in str(caught.value)


def test_a_keyring_that_is_locked_does_not_tell_more(ring, folder):
    ring.locked = True
    with pytest.raises(NoSecretError) as caught:
        fetch("keyring:feldwerk/x", folder)
    assert str(caught.value) == "keyring:feldwerk/x: KeyringLocked"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_holds_no_secret_is_refused(folder, content):
    (folder / "token").write_bytes(content)
    with pytest.raises(NoSecretError, match="file:token, which is"):
        fetch("file:token", folder)


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "geheim-4711",
        "vault:x",
        "ENV:X",
        "dir:",
        "dir:../token",
        "dir:/etc/passwd",
        "dir:..",
        "dir:a/b",
        "dir:a\\b",
        "dir:a\0b",
        "keyring:",
        "keyring:service",
        "keyring:/name",
        "keyring:service/",
        "file:",
    ],
)
def test_a_reference_of_another_form_is_wrong_and_not_repeated(reference):
    what = wrong(reference)
    assert what
    assert "4711" not in what


@pytest.mark.parametrize(
    "reference", ["env:X", "file:a/b", "dir:a.b-c_d", "keyring:service/name"]
)
def test_a_reference_of_a_known_form_is_right(reference):
    assert wrong(reference) == ""


@pytest.mark.skipif(os.name == "nt", reason="files have no modes there")
@pytest.mark.parametrize(
    ("mode", "told"), [(0o600, False), (0o640, False), (0o604, True)]
)
def test_a_file_that_others_can_read_is_told(folder, mode, told):
    for path in (folder / "token", folder / "secrets" / "token"):
        path.write_text(SECRET, "utf-8")
        path.chmod(mode)
    for reference in ("file:token", "dir:token"):
        text = exposed(reference, folder)
        assert bool(text) is told
        assert "s3cret" not in text
        assert text.startswith(reference) is told


def test_what_is_no_file_is_not_told(folder):
    assert not any(exposed(r, folder) for r in ("env:X", "keyring:a/b", "file:nowhere"))


def test_a_sync_takes_its_credentials_from_the_secrets_directory(etg24, folder):
    path = folder / "secrets" / "etg24_token"
    path.write_text("simulated-api_token\n", "utf-8")
    path.chmod(0o644)
    etg24.change(credentials={"api_token": "dir:etg24_token"})
    done = etg24.sync()
    assert done["totals"]["create"]
    assert [w for w in done["warnings"] if "can be read by other users" in w]


def test_a_sync_takes_its_credentials_from_the_keyring(etg24, ring):
    keyring.set_password("feldwerk", "etg24", "simulated-api_token")
    etg24.change(credentials={"api_token": "keyring:feldwerk/etg24"})
    assert etg24.sync()["totals"]["create"]


def test_an_entry_that_is_missing_ends_the_run(etg24, ring):
    etg24.change(credentials={"api_token": "keyring:feldwerk/nobody"})
    with pytest.raises(CredentialsError, match="keyring:feldwerk/nobody"):
        etg24.sync()
