"""What is deployed: the specs that runs have used, kept in the state and found again.

A run names the spec that it was made under; the files of each are kept once, as they
were then. They hold rules and no record, so nothing of a person is in them.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import sqlalchemy as sa

from engine.runtime.database import (
    activation_table,
    insert_into,
    run_table,
    spec_table,
)


@dataclass(frozen=True)
class KeptSpec:
    """A spec as it is kept; `content` is the JSON of path -> text, hashed in `hash`."""

    hash: str
    partner: str
    use_case: str
    version: str
    content: bytes

    @property
    def files(self) -> Mapping[str, str]:
        """Return what stands in each file, by its path below the root of the specs."""
        found: dict[str, str] = orjson.loads(self.content)
        return found


@dataclass(frozen=True)
class Deployed:
    """The spec that an activation's last run used, and when that run began."""

    spec: KeptSpec
    run: int
    started_at: datetime


def keep(db: sa.Connection, spec: KeptSpec) -> None:
    """Keep a spec if it is new; `db` is a transaction that writes."""
    known = sa.select(spec_table.c.hash).where(spec_table.c.hash == spec.hash)
    if db.scalar(known) is not None:
        return
    insert = insert_into(db.engine, spec_table).values(
        hash=spec.hash,
        partner=spec.partner,
        use_case=spec.use_case,
        version=spec.version,
        first_used_at=datetime.now(UTC),
        files=zlib.compress(spec.content),
    )
    # Another activation of the same spec may begin at the same moment.
    db.execute(insert.on_conflict_do_nothing())


def deployed(engine: sa.Engine, activation: str) -> Deployed | None:
    """
    Return the spec of the last run that says which one it used; None if none does.

    A repair sends nothing and says nothing of it.
    """
    query = (
        sa.select(spec_table, run_table.c.id, run_table.c.started_at)
        .join_from(run_table, spec_table, run_table.c.spec == spec_table.c.hash)
        .join(activation_table, activation_table.c.id == run_table.c.activation_id)
        .where(activation_table.c.name == activation)
        .order_by(run_table.c.id.desc())
        .limit(1)
    )
    with engine.connect() as db:
        row = db.execute(query).mappings().first()
    if row is None:
        return None
    spec = KeptSpec(
        row["hash"],
        row["partner"],
        row["use_case"],
        row["version"],
        zlib.decompress(row["files"]),
    )
    return Deployed(spec, row["id"], row["started_at"])


def unused_specs() -> sa.Delete:
    """Return the statement that removes specs which no run names any more."""
    named = sa.select(run_table.c.spec).where(run_table.c.spec.is_not(None))
    return sa.delete(spec_table).where(spec_table.c.hash.not_in(named))
