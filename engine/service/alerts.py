"""Tell people when a subject changes its state: levels in, one notice per change out.

A subject is an activation, a worker or the service. It is `ok`, `warning` or
`critical`; each target hears of each change once. A target that does not answer is
tried again at the next change or tick, and never stops anything.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from engine.errors import SpecError
from engine.problems import sort
from engine.runtime.database import activation_table, insert_into, writing
from engine.runtime.signal_tables import alert_table, notice_table
from engine.service.channels import Channel, Notice, NotSentError, channels_of
from engine.service.targets import AlertsFile, EventLevel
from engine.yamlfile import parse_model, read_yaml

Level = Literal["ok", "warning", "critical"]

CLAIM_SECONDS = 60.0
"""Who tells a target something and dies is followed by another after so long."""

_alerts, _notices = alert_table.c, notice_table.c


def read_channels(path: Path) -> tuple[Channel, ...]:
    """Return the targets that `alerts.yaml` names; raises SpecError."""
    yaml, problems = read_yaml(path, str(path))
    if problems:
        raise SpecError(problems)
    file, problems = parse_model(yaml, AlertsFile)
    if file is None:
        raise SpecError(sort(problems))
    return channels_of(file, path.parent)


class Alerts:
    """
    The state of every subject, and what the targets were told of it.

    `told` hears of each try: the target's name, the notice, and why it failed or "".
    """

    def __init__(
        self,
        engine: sa.Engine,
        channels: Sequence[Channel],
        now: Callable[[], float],
        told: Callable[[str, Notice, str], None],
    ) -> None:
        self._engine = engine
        self._channels = channels
        self._now = now
        self._told = told
        self._told_aside: dict[tuple[str, str], Level] = {}

    def set_level(self, subject: str, level: Level, code: str = "") -> bool:
        """Keep the state of a subject; return whether it has changed."""
        row = {
            "subject": subject,
            "activation_id": sa.select(activation_table.c.id)
            .where(activation_table.c.name == subject)
            .scalar_subquery(),
            "level": level,
            "code": code,
            "since": self._now(),
        }
        insert = insert_into(self._engine, alert_table).values(row)
        changed = ("activation_id", "level", "code", "since")
        statement = insert.on_conflict_do_update(
            index_elements=["subject"],
            set_={name: insert.excluded[name] for name in changed},
            where=_alerts.level != insert.excluded.level,
        ).returning(_alerts.subject)
        with writing(self._engine) as db:
            return db.scalar(statement) is not None

    def levels(self) -> dict[str, Level]:
        """Return the state of every subject that was ever told of."""
        with self._engine.connect() as db:
            rows = db.execute(sa.select(_alerts.subject, _alerts.level))
            return {row.subject: row.level for row in rows}

    def deliver(self) -> None:
        """Tell every target what it has not heard yet."""
        for channel in self._channels:
            for row in self._unheard(channel):
                if not self._tell(channel, row):
                    break  # it does not answer now

    def tell_aside(self, subject: str, level: Level, code: str, since: float) -> None:
        """Tell of a subject without the database, as far as this process knows."""
        for channel in self._channels:
            known = self._told_aside.get((channel.name, subject), "ok")
            unwanted = level != "ok" and level not in channel.levels
            if level == known or unwanted:
                continue
            if self._send(channel, subject, level, code, since):
                self._told_aside[channel.name, subject] = level

    def _unheard(self, channel: Channel) -> Sequence[sa.RowMapping]:
        """Return the subjects whose state a target has not heard of, oldest first."""
        told = sa.func.coalesce(_notices.told, "ok")
        wanted = [level for level in channel.levels if level != "recovered"]
        query = (
            sa.select(alert_table, told.label("told"))
            .join_from(
                alert_table,
                notice_table,
                sa.and_(
                    _notices.subject == _alerts.subject,
                    _notices.target == channel.name,
                ),
                isouter=True,
            )
            .where(_alerts.level != told)
            .where(sa.or_(_alerts.level == "ok", _alerts.level.in_(wanted)))
            .order_by(_alerts.since, _alerts.subject)
        )
        with self._engine.connect() as db:
            return db.execute(query).mappings().all()

    def _tell(self, channel: Channel, row: sa.RowMapping) -> bool:
        """Tell a target one thing, unless another process does; return False if not."""
        if not self._claim(channel, row):
            return True
        subject, level = row["subject"], row["level"]
        taken = self._send(channel, subject, level, row["code"], row["since"])
        self._release(channel, row, level if taken else row["told"])
        return taken

    def _send(
        self, channel: Channel, subject: str, level: Level, code: str, since: float
    ) -> bool:
        """Send a notice if the target wants it; return False if it did not take it."""
        event: EventLevel = "recovered" if level == "ok" else level
        if event not in channel.levels:
            return True
        number = _notice_id(channel.name, subject, level, f"{since:.6f}")
        notice = Notice(number, subject, event, code, since)
        why = ""
        try:
            channel.send(notice, self._now())
        except NotSentError as error:
            why = str(error)
        self._told(channel.name, notice, why)
        return not why

    def _claim(self, channel: Channel, row: sa.RowMapping) -> bool:
        now = self._now()
        insert = insert_into(self._engine, notice_table).values(
            subject=row["subject"],
            target=channel.name,
            activation_id=row["activation_id"],
            told=row["told"],
            claimed_until=now + CLAIM_SECONDS,
        )
        statement = insert.on_conflict_do_update(
            index_elements=["subject", "target"],
            set_={"claimed_until": insert.excluded.claimed_until},
            where=sa.and_(_notices.claimed_until <= now, _notices.told == row["told"]),
        ).returning(_notices.subject)
        with writing(self._engine) as db:
            return db.scalar(statement) is not None

    def _release(self, channel: Channel, row: sa.RowMapping, told: str) -> None:
        values: dict[str, Any] = {"told": told, "claimed_until": 0.0}
        of_it = sa.and_(
            _notices.subject == row["subject"], _notices.target == channel.name
        )
        with writing(self._engine) as db:
            db.execute(sa.update(notice_table).where(of_it).values(values))


def _notice_id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
