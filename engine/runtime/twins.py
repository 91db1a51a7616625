"""Find records that compose the same ID: our IDs of one resource in, twins out."""

from collections.abc import Iterable, Sequence

from engine.runtime.joining import BATCH
from engine.runtime.staging import Staging


class Ids:
    """The IDs of one resource: two records must never compose the same one."""

    def __init__(self, staging: Staging, number: int) -> None:
        self.db = staging.db
        self.table = f"ids_{number}"
        self.db.execute(
            f"CREATE TABLE {self.table}"
            " (our_id TEXT, entity TEXT, key TEXT, operation TEXT)"
        )

    def begin(self) -> None:
        self.db.execute(f"DROP INDEX IF EXISTS {self.table}_id")

    def add(self, entity: str, rows: Iterable[tuple[str, str, str]]) -> None:
        self.db.execute("BEGIN")
        self.db.executemany(
            f"INSERT INTO {self.table} VALUES (?, ?, ?, ?)",
            [(our_id, entity, key, operation) for our_id, key, operation in rows],
        )
        self.db.execute("COMMIT")

    def taken(self, our_ids: Sequence[str]) -> set[str]:
        """Return those of some IDs that a record of this reading composes."""
        found: set[str] = set()
        for start in range(0, len(our_ids), BATCH):
            some = our_ids[start : start + BATCH]
            marks = ", ".join("?" * len(some))
            query = f"SELECT our_id FROM {self.table} WHERE our_id IN ({marks})"
            found.update(our_id for (our_id,) in self.db.execute(query, some))
        return found

    def twins(self) -> list[tuple[str, str, str, str]]:
        """Return (entity, key, our ID, operation) of records that share an ID."""
        self.db.execute(f"CREATE INDEX {self.table}_id ON {self.table} (our_id)")
        return self.db.execute(
            f"SELECT entity, key, our_id, operation FROM {self.table} WHERE our_id IN"
            f" (SELECT our_id FROM {self.table} WHERE our_id != ''"
            " GROUP BY our_id HAVING COUNT(*) > 1)"
        ).fetchall()
