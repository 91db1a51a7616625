"""Replace a file in one step, so that who reads it sees either: path and bytes in."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def replace_file(
    path: Path, content: bytes, sure: Callable[[Path], None] = lambda _: None
) -> None:
    """
    Write a file as a whole or not at all; a link still leads to it, its mode stays.

    `sure` is called with the file just before, and raises an error if it has to stay.
    Raises OSError if it cannot be written.
    """
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, draft)
        sure(target)
        os.replace(draft, target)  # noqa: PTH105 - the step that counts, by its own name
    finally:
        draft.unlink(missing_ok=True)
