"""
A process that is killed at any moment, and a partner in trouble, cost no record and
double none.
"""

import os
from random import Random
from threading import Event

import killable
import pytest

from engine.errors import UnreachableError
from engine.runtime.database import metadata
from engine.runtime.state import State

KILLS = 25
"""For each of two partners, two databases and two commands: 200 together."""

MOST_RUNS = 60
MOST_WAITS = 500
NEVER = Event()
TROUBLE = {
    "drop_after": 0.05,
    "drop_before": 0.03,
    "500_after": 0.03,
    "500": 0.03,
    "429": 0.05,
    "expire_after_calls": 40,
}
CLOCKS = {"id", "created", "lastModified", "updatedAt"}
PARENTS = {
    "tenantId": "tenants",
    "propertyId": "properties",
    "entranceId": "entrances",
    "unitId": "units",
    "partyId": "parties",
}


def picture(desk):
    """Return all that the partner holds, without what it chose by itself."""
    tables = desk.simulator._simulation.store.tables
    held = {entity: desk.records(entity) for entity in tables}
    our_ids = {
        (entity, record.get("id")): our_id
        for entity, records in held.items()
        for our_id, record in records.items()
    }

    def seen(record):
        return {
            name: our_ids[PARENTS[name], value] if name in PARENTS else value
            for name, value in record.items()
            # An empty field of a record made new is absent, of an updated one null.
            if name not in CLOCKS and value is not None
        }

    lists = [sorted(map(sorted, table.lists.values())) for table in tables.values()]
    records = {
        entity: {our_id: seen(record) for our_id, record in records.items()}
        for entity, records in held.items()
    }
    return records, lists


def answered(simulator):
    """Say whether the partner is done with every call, also of those who are gone."""
    return simulator.calls.total() == simulator.statuses.total()


class Runner:
    """Runs a command time and again, some of them until they are killed."""

    def __init__(self, desk, verb="sync"):
        self.desk = desk
        self.verb = verb
        self.output = desk.folder / "output.txt"
        self.environment = {
            name: value for name, value in os.environ.items() if name.isupper()
        }

    def run(self, most_calls=None):
        """Run once; returns the exit code, or None if it was killed."""
        simulator = self.desk.simulator
        what = self.desk.path
        if self.verb == "apply":
            what = self.desk.folder / "plan.json"
            self.desk.invoke("plan", "activation", "--out", str(what))
        arguments = [self.verb, str(what), "--root", str(self.desk.root)]
        before = simulator.calls.total()
        process = killable.start(arguments, self.output, self.environment)
        while process.is_alive():
            process.join(0.001)
            if most_calls and simulator.calls.total() - before >= most_calls:
                process.kill()
        process.join()
        # A call that died with its client is never answered: do not wait for ever.
        for _ in range(MOST_WAITS):
            if answered(simulator):
                break
            NEVER.wait(0.001)
        return process.exitcode if process.exitcode >= 0 else None

    def sync_until_done(self):
        for _ in range(MOST_RUNS):
            code = self.run()
            assert code in (0, 1, 2, 4), self.output.read_text()
            if code == 0:
                return
        pytest.fail(self.output.read_text()[-3000:])


@pytest.fixture(params=["etg24", "facilioo"])
def desk(request, open_desk):
    return open_desk(request.param, units=12)


@pytest.fixture(params=["sync", "apply"])
def runner(request, desk, state_url):
    desk.in_a_hurry()
    desk.change(state=state_url)
    return Runner(desk, request.param)


@pytest.fixture
def wanted(desk, runner):
    """What the partner holds after a run that nobody disturbed."""
    desk.change(state="undisturbed.db")
    desk.sync()
    seen = picture(desk)
    desk.simulator.reset()
    return seen


def test_killed_runs_leave_what_one_whole_run_leaves(desk, runner, wanted, state_url):
    desk.change(state=state_url)
    rng = Random(f"{desk.partner} {runner.verb}")
    whole = sum(len(records) for records in wanted[0].values())
    kills = 0
    while kills < KILLS:
        start_anew(desk)
        code = None
        while code is None and kills < KILLS:
            code = runner.run(most_calls=rng.randrange(1, whole))
            kills += code is None
        runner.sync_until_done()
        assert picture(desk) == wanted


def start_anew(desk):
    """Empty the partner and the state: nothing has ever been sent."""
    desk.simulator.reset()
    desk.simulator.faults({**TROUBLE, "latency_seconds": 0.001})
    with State(desk.activation().state_url) as state, state.engine.begin() as db:
        for table in reversed(metadata.sorted_tables):
            db.execute(table.delete())


@pytest.mark.parametrize("moment", ["drop_after", "500_after"])
def test_write_without_an_answer_is_not_repeated_blindly(facilioo, moment):
    facilioo.in_a_hurry()
    facilioo.sync()
    wanted = picture(facilioo)
    facilioo.simulator.reset()
    facilioo.change(state="other.db")
    facilioo.simulator.faults({moment: 0.3})
    while not synced(facilioo):
        pass
    assert picture(facilioo) == wanted


def synced(desk):
    """Run once; say whether every record arrived."""
    try:
        return not desk.sync()["totals"]["rejected"]
    except UnreachableError:  # Every try of one search was dropped.
        return False
