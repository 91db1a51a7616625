"""Activations that are registered in the database: YAML files in, activations out.

What is kept of one is the content of its file, in which stand references to secrets,
and the place of the file, which relative paths start from. The URL of its state, which
may hold a secret and is not used, is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.errors import BrakeError, SpecError
from engine.problems import Origin, Problem, did_you_mean, sort
from engine.runtime.account import pace_table
from engine.runtime.activation import Activation, make_activation
from engine.runtime.database import (
    activation_table,
    calls_table,
    insert_into,
    link_table,
    metadata,
    token_table,
    writing,
)
from engine.runtime.deployed import unused_specs
from engine.runtime.signal_tables import alert_table, notice_table
from engine.runtime.state import State
from engine.service.overview import overview, utc
from engine.service.schedule import USUAL_TIME, Timetable, timetable
from engine.service.specs import Specs
from engine.service.tables import IDLE, job_table, registration_table
from engine.spec import Folders
from engine.yamlfile import YamlFile, read_yaml

DEFAULT_STATE = "feldwerk.db"
_ACCOUNT_TABLES = (token_table, calls_table, pace_table)
_SIGNAL_TABLES = (notice_table, alert_table)
"""Tables that know activations by number without pointing to them."""


@dataclass(frozen=True)
class Registered:
    """An activation as it stands in the database."""

    number: int
    name: str
    path: Path
    definition: Mapping[str, Any]
    days: tuple[str, ...]
    at: str
    added_at: datetime
    paused_at: datetime | None

    @property
    def timetable(self) -> Timetable:
        return timetable(self.days, self.at)


class Registry:
    """The registered activations of an installation."""

    def __init__(self, state: State, folders: Folders) -> None:
        self.state = state
        self.folders = folders
        self.specs = Specs()

    def add(self, paths: Sequence[Path], now: datetime) -> list[tuple[str, bool]]:
        """
        Register activations, or what their files say now.

        All files are checked first: raises SpecError with the problems of all of them.
        Returns each name, and whether it is new.
        """
        problems: list[Problem] = []
        checked: dict[str, tuple[Path, Any, Activation]] = {}
        for path in paths:
            yaml, found = read_yaml(path, str(path))
            problems += found
            if found:
                continue
            place = path.resolve()
            try:
                ready = make_activation(
                    yaml, place, self.folders, None, self.state.url, self.specs.find
                )
            except SpecError as error:
                problems += error.problems
                continue
            if ready.name in checked:
                message = f"{checked[ready.name][0]} is the same activation."
                problems.append(Problem(Origin(str(path)), "T004", message))
            checked[ready.name] = (place, yaml.data, ready)
        if problems:
            raise SpecError(sort(problems))
        return [(name, self._enter(*each, now)) for name, each in checked.items()]

    def _enter(
        self, path: Path, content: Any, activation: Activation, now: datetime
    ) -> bool:
        number = self.state.activation(activation.name).number
        times = _timetable_of(activation)
        row = {
            "activation_id": number,
            "customer": activation.file.customer,
            "file": str(path),
            "definition": _kept(content),
            "days": " ".join(_days_of(activation)),
            "at": f"{times.at:%H:%M}",
        }
        insert = insert_into(self.state.engine, registration_table)
        insert = insert.values(**row, added_at=now)
        with writing(self.state.engine) as db:
            is_new = db.scalar(_registration(number)) is None
            db.execute(
                insert.on_conflict_do_update(
                    index_elements=["activation_id"],
                    set_={name: insert.excluded[name] for name in row},
                )
            )
            if is_new:
                db.execute(sa.insert(job_table).values(_first_job(number, times, now)))
            else:
                self._schedule(db, number, times, now)
        return is_new

    def refresh(self, now: datetime) -> None:
        """Take up what has changed of the days in the use cases; wrong ones stay."""
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for known in self.all():
            content = known.definition
            key = (content["partner"], content["use_case"])
            if key not in found:
                found[key] = self._days(*key)
            chosen = (content.get("schedule") or {}).get("days")
            days = tuple(chosen or found[key] or known.days)
            if set(days) != set(known.days):
                times = timetable(days, known.at)
                with writing(self.state.engine) as db:
                    db.execute(
                        sa.update(registration_table)
                        .where(registration_table.c.activation_id == known.number)
                        .values(days=" ".join(days))
                    )
                    self._schedule(db, known.number, times, now)

    def _days(self, partner: str, use_case: str) -> tuple[str, ...]:
        """Return the days of a use case; none if it is wrong: its next run says so."""
        try:
            found = self.specs.find(self.folders, partner, use_case, Origin(partner))
        except SpecError:
            return ()
        return found.spec.use_case.schedule

    def _schedule(
        self, db: sa.Connection, number: int, times: Timetable, now: datetime
    ) -> None:
        """Set when an activation is due that waits for its next slot."""
        jobs = job_table.c
        of_it = sa.and_(
            jobs.activation_id == number,
            jobs.state == IDLE,
            jobs.attempts == 0,
            jobs.due_at > now.timestamp(),  # what is due already stays so
        )
        last = db.scalar(sa.select(jobs.slot).where(of_it))
        if last is not None:
            due = times.next_moment(date.fromisoformat(last), now)
            change = sa.update(job_table).where(of_it)
            db.execute(change.values(due_at=due.timestamp()))

    # -- one of them

    def all(self) -> list[Registered]:
        """Return all registered activations, by name."""
        return list(self._read(None))

    def get(self, name: str) -> Registered:
        """Return one; raises SpecError if there is none."""
        found = next(self._read(name), None)
        if found is None:
            hint = did_you_mean(name, [known.name for known in self.all()])
            message = f"no activation is registered as '{name}'."
            raise SpecError([Problem(Origin(name), "D322", message, hint)])
        return found

    def _read(self, name: str | None) -> Iterator[Registered]:
        columns = registration_table.c
        query = (
            sa.select(activation_table.c.name, registration_table)
            .join_from(registration_table, activation_table)
            .order_by(activation_table.c.name)
        )
        if name is not None:
            query = query.where(activation_table.c.name == name)
        with self.state.engine.connect() as db:
            rows = db.execute(query).mappings().all()
        for row in rows:
            yield Registered(
                number=row[columns.activation_id],
                name=row[activation_table.c.name],
                path=Path(row[columns.file]),
                definition=row[columns.definition],
                days=tuple(row[columns.days].split()),
                at=row[columns.at],
                added_at=utc(row[columns.added_at]),
                paused_at=row[columns.paused_at] and utc(row[columns.paused_at]),
            )

    def activation(self, name: str, today: date | None = None) -> Activation:
        """Return one ready to run; raises SpecError with what does not fit any more."""
        known = self.get(name)
        content = YamlFile(str(known.path), dict(known.definition))
        return make_activation(
            content, known.path, self.folders, today, self.state.url, self.specs.find
        )

    def left_behind(self, name: str) -> str:
        """Return a warning if syncs by hand have used another state; else nothing."""
        known = self.get(name)
        state = str(known.definition.get("state", DEFAULT_STATE))
        path = (known.path.parent / state).resolve()
        is_other = self.state.url != f"sqlite:///{path}"
        if "://" in state or not path.is_file() or not is_other:
            return ""
        return (
            f"{name}: the service does not know what syncs by hand have kept in {path};"
            " name that database with --database to go on with it."
        )

    def pause(self, name: str, now: datetime) -> None:
        """Start no run of an activation any more; one that runs is not ended."""
        self._set(self.get(name), paused_at=now)

    def resume(self, name: str) -> None:
        """Let an activation run at its slots again; missed ones are caught up once."""
        self._set(self.get(name), paused_at=None)

    def _set(self, known: Registered, **values: Any) -> None:
        change = sa.update(registration_table).values(values)
        with writing(self.state.engine) as db:
            of_it = registration_table.c.activation_id == known.number
            db.execute(change.where(of_it))

    def run_now(self, name: str, now: datetime) -> None:
        """Let an activation run as soon as it can: after the run under way, if any."""
        known = self.get(name)
        jobs = job_table.c
        soon = sa.case(
            (
                sa.and_(jobs.state == IDLE, jobs.due_at > now.timestamp()),
                now.timestamp(),
            ),
            else_=jobs.due_at,
        )
        with writing(self.state.engine) as db:
            db.execute(
                sa.update(job_table)
                .where(jobs.activation_id == known.number)
                .values(wanted=sa.case((jobs.state == IDLE, False), else_=True))
                .values(due_at=soon)
            )

    def remove(self, name: str, *, yes: bool) -> int:
        """
        Forget an activation and all that was kept of it; returns how many links.

        Its records stay at the partner. Raises BrakeError if there are any and it is
        not said with `yes` that this is meant, SpecError if it is being run.
        """
        known = self.get(name)
        own = self.state.activation(name)
        with own.exclusive(), writing(self.state.engine) as db:
            of_it = link_table.c.activation_id == known.number
            count = sa.select(sa.func.count()).select_from(link_table).where(of_it)
            links = int(db.scalar(count) or 0)
            if links and not yes:
                message = (
                    f"{links} records at the partner come from this activation; they "
                    "stay there, and Feldwerk would not know them any more."
                )
                raise BrakeError([Problem(Origin(name), "D323", message)])
            for table in (*_SIGNAL_TABLES, *reversed(metadata.sorted_tables)):
                if "activation_id" in table.c:
                    of_table = table.c.activation_id == known.number
                    db.execute(sa.delete(table).where(of_table))
            of_table = activation_table.c.id == known.number
            db.execute(sa.delete(activation_table).where(of_table))
            db.execute(unused_specs())
            _forget_account(db, name)
        return links

    def overview(self) -> list[dict[str, Any]]:
        """Return what people see of each: when it runs, and whether it may."""
        return overview(self.state.engine)


def _kept(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the content of a file without the URL of a state: it may hold a secret."""
    scheme, is_url, _ = str(content.get("state", "")).partition("://")
    return {**content, "state": f"{scheme}://"} if is_url else content


def _registration(number: int) -> sa.Select[tuple[int]]:
    column = registration_table.c.activation_id
    return sa.select(column).where(column == number)


def _days_of(activation: Activation) -> tuple[str, ...]:
    return activation.file.schedule.days or activation.use_case.spec.use_case.schedule


def _timetable_of(activation: Activation) -> Timetable:
    at = activation.file.schedule.at or f"{USUAL_TIME:%H:%M}"
    return timetable(_days_of(activation), at)


def _first_job(number: int, times: Timetable, now: datetime) -> dict[str, Any]:
    """Return the job of a new activation: the slots before it are not missed."""
    last = times.newest_slot(now)
    return {
        "activation_id": number,
        "state": IDLE,
        "due_at": times.next_moment(last, now).timestamp(),
        "slot": last.isoformat(),
        "attempts": 0,
        "kills": 0,
        "wanted": False,
        "serial": 0,
        "workflow": "",
        "worker": "",
        "problem": "",
    }


def _forget_account(db: sa.Connection, name: str) -> None:
    """Forget the token and the calls of an account that no activation uses any more."""
    customer, partner, _, environment = name.split("/")
    start = f"{customer}/{partner}/"
    names = db.scalars(sa.select(activation_table.c.name)).all()
    if any(n.startswith(start) and n.endswith(f"/{environment}") for n in names):
        return
    for table in _ACCOUNT_TABLES:
        account = f"{customer}/{partner}/{environment}"
        db.execute(sa.delete(table).where(table.c.account == account))
