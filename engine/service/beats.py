"""Signs of life: a row for each worker, whose number goes up while it lives.

Who watches another worker counts the seconds since its number last went up, on its own
clock that never goes back. So no clocks of two machines are compared.
"""

import socket
from time import monotonic

import sqlalchemy as sa

from engine.runtime.database import insert_into, seconds_now
from engine.service.tables import RUNNING, job_table, worker_table

_workers = worker_table.c
GHOST = -1
"""The number of a worker that has a run but no row."""


class Beats:
    """The signs of life of all workers, as one of them sees them."""

    def __init__(self, engine: sa.Engine, worker: str, slots: int) -> None:
        self.engine = engine
        self.worker = worker
        self._slots = slots
        self._seen: dict[str, tuple[int, float]] = {}

    def beat(self) -> None:
        """Show that this worker lives; one that was given up comes back."""
        now = seconds_now(self.engine)
        row = {
            "id": self.worker,
            "host": socket.gethostname(),
            "slots": self._slots,
            "started_at": now,
            "beat": 0,
            "beat_at": now,
        }
        insert = insert_into(self.engine, worker_table).values(row)
        with self.engine.begin() as db:
            db.execute(
                insert.on_conflict_do_update(
                    index_elements=["id"],
                    set_={"beat": _workers.beat + 1, "beat_at": now},
                )
            )

    def end(self) -> None:
        """Take this worker's row away."""
        with self.engine.begin() as db:
            db.execute(sa.delete(worker_table).where(_workers.id == self.worker))

    def slots(self) -> int:
        """Return how many runs all workers can have at once."""
        with self.engine.connect() as db:
            return int(db.scalar(sa.select(sa.func.sum(_workers.slots))) or 0)

    def others(self) -> list[tuple[str, int]]:
        """Return all other workers that have a row or a run, and their numbers."""
        return list(self._read().items())

    def silent(self, ttl: float) -> list[tuple[str, int]]:
        """Return the other workers whose number has stood still for `ttl` seconds."""
        found = self._read()
        now = monotonic()
        self._seen = {
            worker: known
            if (known := self._seen.get(worker)) and known[0] == beat
            else (beat, now)
            for worker, beat in found.items()
        }
        return [(w, b) for w, (b, since) in self._seen.items() if now - since >= ttl]

    def _read(self) -> dict[str, int]:
        runs = job_table.c
        running = sa.select(runs.worker).where(runs.state == RUNNING).distinct()
        with self.engine.connect() as db:
            found = dict.fromkeys(db.scalars(running), GHOST)
            rows = db.execute(sa.select(_workers.id, _workers.beat))
            found |= {row.id: row.beat for row in rows}
        found.pop(self.worker, None)
        return found
