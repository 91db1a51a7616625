"""What activations share that use one account at a partner: its token, its calls."""

from datetime import UTC, datetime

import sqlalchemy as sa

from engine.runtime.database import (
    calls_table,
    insert_into,
    metadata,
    seconds_now,
    token_table,
)

pace_table = sa.Table(
    "pace",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("next_turn", sa.Float, nullable=False),
    sa.Column("closed_until", sa.Float, nullable=False),
)

_FURTHEST_SECONDS = 600.0
"""No turn is further away, whatever a clock said that was put right since."""


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

    def reserve(self, calls: int, interval: float) -> tuple[float, float]:
        """
        Take the next turns of the account, `interval` seconds apart.

        Returns in how many seconds the first of them is, and for how many more seconds
        the partner allows no call at all. One statement, by the clock of the database:
        all processes that use the account share one row.
        """
        now = seconds_now(self.engine)
        longest = calls * interval
        row = {
            "account": self.name,
            "next_turn": now + longest,
            "closed_until": sa.literal(0.0),
        }
        insert = insert_into(self.engine, pace_table).values(row)
        kept = pace_table.c
        soonest = sa.case(
            (kept.next_turn > now + _FURTHEST_SECONDS, now + _FURTHEST_SECONDS),
            (kept.next_turn > now, kept.next_turn),
            else_=now,
        )
        statement = insert.on_conflict_do_update(
            index_elements=["account"], set_={"next_turn": soonest + longest}
        ).returning(kept.next_turn - longest - now, kept.closed_until - now)
        with self.engine.begin() as db:
            wait, closed = db.execute(statement).one()
        return max(0.0, float(wait)), max(0.0, float(closed))

    def close(self, seconds: float) -> None:
        """Let nobody who uses the account call for so long: the partner said so."""
        now = seconds_now(self.engine)
        names = ("next_turn", "closed_until")
        row = {"account": self.name, **dict.fromkeys(names, now + seconds)}
        insert = insert_into(self.engine, pace_table).values(row)
        kept = {name: pace_table.c[name] for name in names}
        later = {
            name: sa.case((column > now + seconds, column), else_=now + seconds)
            for name, column in kept.items()
        }
        with self.engine.begin() as db:
            db.execute(
                insert.on_conflict_do_update(index_elements=["account"], set_=later)
            )
