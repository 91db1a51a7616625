"""The queue: workflows in, calls of one function out, on whichever worker is free.

The only module that knows DBOS, which queues, starts and resumes workflows and keeps a
workflow's result only if its worker still owns it. What a workflow does exactly once is
not its affair: a workflow that is resumed runs its one step again.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID

from engine.runtime.database import unreachable

QUEUE = "runs"
VERSION = "feldwerk-1"
"""The version of the workflows below; by itself it would change with each edit."""

Run = Callable[[str, str], str]
"""Runs an activation, by its name and the workflow's id; returns how it ended."""

_PORTION = 200
_UNFINISHED = ["ENQUEUED", "PENDING", "DELAYED"]
_FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]

_running: list[Run] = []
"""What the workflows of this process call; DBOS is one for a process, too."""


@DBOS.step(name="sync")
def _sync(name: str, workflow: str) -> str:
    return _running[0](name, workflow)


@DBOS.workflow(name="run_v1")
def _run_v1(name: str, slot: str) -> str:
    del slot  # it names the workflow, so that people find it
    return _sync(name, DBOS.workflow_id or "")


class Queue:
    """
    The queue of an installation, and this process as one that works for it.

    `worker` is the name of the process, `slots` how many runs it has at once (the last
    worker that starts says it for all), `poll_seconds` how often it looks for work.
    """

    def __init__(
        self, url: str, worker: str, slots: int, poll_seconds: float, run: Run
    ) -> None:
        self._url = queue_url(url)
        self._worker = worker
        self._slots = slots
        self._poll_seconds = poll_seconds
        self._run = run
        self._engine: sa.Engine | None = None

    def start(self) -> None:
        """Begin to take work; raises UnreachableError if there is no queue."""
        config: DBOSConfig = {
            "name": "feldwerk",
            "system_database_url": self._url,
            "application_version": VERSION,
            "executor_id": self._worker,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "CRITICAL",
            "use_listen_notify": False,  # nobody listens, and poolers stay possible
            "notification_listener_polling_interval_sec": self._poll_seconds,
            "max_executor_threads": self._slots + 8,
        }
        if self._url.startswith("sqlite"):
            self._engine = config["system_database_engine"] = _sqlite(self._url)
        _running[:] = [self._run]
        try:
            DBOS(config=config)
            DBOS.listen_queues([QUEUE])
            DBOS.launch()
            DBOS.register_queue(
                QUEUE,
                worker_concurrency=self._slots,
                polling_interval_sec=self._poll_seconds,
                on_conflict="always_update",
            )
        except sa.exc.SQLAlchemyError as error:
            self.stop()
            raise unreachable(self._url, error) from None

    def stop(self) -> None:
        """Take no more work; what still runs is not waited for."""
        DBOS.destroy(workflow_completion_timeout_sec=0)
        if self._engine is not None:
            self._engine.dispose()

    def enqueue(self, workflow: str, name: str, slot: str) -> None:
        """Put a workflow into the queue; one that is known already stays as it is."""
        with SetWorkflowID(workflow):
            DBOS.enqueue_workflow(QUEUE, _run_v1, name, slot)

    def take_over(self, worker: str, wanted: Collection[str]) -> Collection[str]:
        """
        Go on with workflows of a worker that is gone, and end its others.

        Returns those that any worker may take now.
        """
        pending = {
            found.workflow_id
            for found in DBOS.list_workflows(
                status="PENDING",
                executor_id=worker,
                load_input=False,
                load_output=False,
            )
        }
        resumed = sorted(pending & set(wanted))
        if resumed:
            DBOS.resume_workflows(resumed, queue_name=QUEUE)
        if others := sorted(pending - set(wanted)):
            DBOS.cancel_workflows(others)
        return resumed

    def unfinished(self, workflows: Collection[str]) -> set[str]:
        """Return those workflows that wait or run."""
        found: set[str] = set()
        ids = sorted(workflows)
        for start in range(0, len(ids), _PORTION):
            found |= {
                status.workflow_id
                for status in DBOS.list_workflows(
                    workflow_ids=ids[start : start + _PORTION],
                    status=list(_UNFINISHED),
                    load_input=False,
                    load_output=False,
                )
            }
        return found

    def purge(self, before: datetime) -> int:
        """Forget finished workflows that ended before a moment; returns how many."""
        count = 0
        while True:
            found = DBOS.list_workflows(
                status=list(_FINISHED),
                completed_before=before.astimezone(UTC).isoformat(),
                limit=_PORTION,
                load_input=False,
                load_output=False,
            )
            if not found:
                return count
            DBOS.delete_workflows([status.workflow_id for status in found])
            count += len(found)


def queue_url(url: str) -> str:
    """Return where the queue is kept: beside a SQLite file, else in the database."""
    address = sa.engine.make_url(url)
    if address.get_backend_name() == "sqlite":
        path = str(address.database).removesuffix(".db")
        return f"sqlite:///{path}.dbos.db"
    address = address.set(drivername="postgresql+psycopg")
    return address.render_as_string(hide_password=False)


def _sqlite(url: str) -> sa.Engine:
    """Return an engine that waits for its turn, and for no disk."""
    engine = sa.create_engine(url)

    @sa.event.listens_for(engine, "connect")
    def tune(connection: Any, _: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in (
            "busy_timeout=30000",
            "foreign_keys=ON",
            "journal_mode=WAL",
            "synchronous=NORMAL",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine
