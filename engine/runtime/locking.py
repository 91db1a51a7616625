"""One process at a time for an activation: its number in, a lock held.

A file beside the database on SQLite, an advisory lock of a session on PostgreSQL: both
end with the process that holds them.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from filelock import FileLock, Timeout

from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.database import LOCK_SPACE

_LONGEST_EVICTION = "10s"


@contextmanager
def activation_lock(
    engine: sa.Engine, number: int, name: str, *, evict: bool
) -> Iterator[None]:
    """Hold the lock of an activation; raises SpecError if another process has it."""
    if engine.dialect.name == "postgresql":
        # No transaction: one that idles for hours may be ended by the server.
        engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        lock = (LOCK_SPACE, number)
        with engine.connect() as db:
            if not db.scalar(sa.select(sa.func.pg_try_advisory_lock(*lock))):
                if not evict:
                    raise SpecError([_running(name)])
                _evict(db, number)
            try:
                yield
            finally:
                with suppress(sa.exc.DBAPIError):  # an evicted session has none
                    db.execute(sa.select(sa.func.pg_advisory_unlock(*lock)))
        return
    try:
        with FileLock(f"{engine.url.database}.{number}.lock", timeout=0):
            yield
    except Timeout:
        raise SpecError([_running(name)]) from None


def _evict(db: sa.Connection, number: int) -> None:
    """End the session that holds a lock, and take the lock."""
    parameters = {"space": LOCK_SPACE, "number": number}
    db.execute(
        sa.text(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND classid = :space AND objid = :number AND objsubid = 2 AND granted"
            " AND database = (SELECT oid FROM pg_database"
            " WHERE datname = current_database())"
        ),
        parameters,
    )
    longest = {"longest": _LONGEST_EVICTION}
    db.execute(sa.text("SELECT set_config('lock_timeout', :longest, false)"), longest)
    db.execute(sa.text("SELECT pg_advisory_lock(:space, :number)"), parameters)


def _running(name: str) -> Problem:
    return Problem(Origin(name), "D301", "another process runs this activation.")
