"""What activations share that use one account at a partner: its token, its calls."""

from datetime import UTC, datetime

import sqlalchemy as sa

from engine.runtime.database import calls_table, insert_into, token_table


class AccountState:
    """The account that a customer has at a partner, for all use cases."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    def load(self) -> bytes | None:
        """Return the token as it was saved, sealed; None if there is none."""
        query = sa.select(token_table.c.sealed).where(
            token_table.c.account == self.name
        )
        with self.engine.connect() as db:
            return db.scalar(query)

    def save(self, sealed: bytes | None) -> None:
        """Keep a sealed token instead of the last one, or none."""
        with self.engine.begin() as db:
            db.execute(sa.delete(token_table).where(token_table.c.account == self.name))
            if sealed is not None:
                row = {"account": self.name, "sealed": sealed}
                db.execute(sa.insert(token_table).values(row))

    def spend(self, calls: int) -> int:
        """Add to the calls of today (UTC), and return how many there are by now."""
        today = datetime.now(UTC).date().isoformat()
        row = {"account": self.name, "day": today, "calls": calls}
        insert = insert_into(self.engine, calls_table).values(row)
        statement = insert.on_conflict_do_update(
            index_elements=["account", "day"],
            set_={"calls": calls_table.c.calls + insert.excluded.calls},
        ).returning(calls_table.c.calls)
        with self.engine.begin() as db:
            return int(db.scalar(statement) or 0)
