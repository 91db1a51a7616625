"""The loggers of a process, as they were before a test opened a log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

NAMES = ("", "uvicorn", "uvicorn.error", "uvicorn.access", "dbos", "alembic")


@contextmanager
def restored() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in NAMES]
    known = [(one, one.handlers[:], one.propagate, one.level) for one in loggers]
    yield
    logging.captureWarnings(False)
    for one, handlers, propagate, level in known:
        one.handlers[:] = handlers
        one.propagate = propagate
        one.setLevel(level)
