"""A command in a real terminal: what a person would see, and what they would type."""

import os
import pty
import select
import subprocess
import sys
import time

DEADLINE = 60
"""Seconds after which a text that does not come is taken for lost."""


class OnTerminal:
    """A running `feldwerk`; ends with the block."""

    def __init__(self, *words, root, **environment):
        ours, theirs = pty.openpty()
        code = "from engine.app.cli import main; main()"
        known = {
            **os.environ,
            "TERM": "dumb",
            "COLUMNS": "200",
            "NO_COLOR": "1",
            **environment,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**known, "FELDWERK_ROOT": str(root)},
            start_new_session=True,
        )
        os.close(theirs)
        self._terminal = ours
        self._seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)

    def read_until(self, text):
        """Return what was shown since the last call, up to a text."""
        end = time.monotonic() + DEADLINE
        while text not in self._seen:
            ready, _, _ = select.select(
                [self._terminal], [], [], end - time.monotonic()
            )
            assert ready, f"{text!r} did not come after:\n{self._seen}"
            self._seen += self._read()
        shown, _, self._seen = self._seen.partition(text)
        return shown + text

    def _read(self):
        try:
            found = os.read(self._terminal, 65536).decode()
        except OSError:  # Linux says so when the other end is closed
            found = ""
        assert found, f"the command ended after:\n{self._seen}"
        return found.replace("\r\n", "\n")

    def type(self, line):
        os.write(self._terminal, f"{line}\n".encode())

    def end_input(self):
        """Type Ctrl-D."""
        os.write(self._terminal, b"\x04")

    def wait(self):
        """Return the exit code; what is still shown is read and thrown away."""
        while True:
            try:
                if not os.read(self._terminal, 65536):
                    break
            except OSError:
                break
        return self.process.wait(DEADLINE)
