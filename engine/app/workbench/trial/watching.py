"""Notice that somebody saves a file of a spec: a partner's folders in, file names out.

A spec is some twenty files: to ask for their times costs less than a millisecond, works
on every file system, and needs no library.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from stat import S_ISREG

from engine.spec import Folders

PAUSE = 0.05
"""Seconds between two looks."""
SETTLED = 0.02
"""Seconds in which nothing changes any more: editors write a file in several steps."""

_State = Mapping[str, tuple[int, int, int]]


class Watched:
    """The files of a partner as they were at the last look."""

    def __init__(self, folders: Folders, partner: str) -> None:
        self._folders = folders
        self._partner = partner
        self._known = self._look()

    @property
    def count(self) -> int:
        return len(self._known)

    def saves(self) -> Iterator[list[str]]:
        """Yield the names of the files that were changed, added or taken away."""
        while True:
            time.sleep(PAUSE)
            now = self._look()
            if now == self._known:
                continue
            while True:
                time.sleep(SETTLED)
                later = self._look()
                if later == now:
                    break
                now = later
            names = {*now, *self._known}
            changed = [n for n in names if now.get(n) != self._known.get(n)]
            self._known = now
            yield sorted(changed)

    def _look(self) -> _State:
        found = {}
        for path in self._paths():
            try:
                state = path.stat()
            except OSError:
                continue  # it went away between the two questions
            if not S_ISREG(state.st_mode):
                continue
            mark = (state.st_mtime_ns, state.st_size, state.st_ino)
            found[self._folders.name(path)] = mark
        return found

    def _paths(self) -> Iterator[Path]:
        folders, partner = self._folders, self._partner
        yield folders.connector(partner)
        for folder in (folders.mappings(partner), folders.schemas(partner)):
            for path in folder.rglob("*"):
                kept_beside = path.name.startswith((".", "#"))
                if path.suffix in (".csv", ".yaml", ".json") and not kept_beside:
                    yield path
