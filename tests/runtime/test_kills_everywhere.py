"""Runs that are killed, in each shape of sending: the end is as if nobody had."""

from random import Random

import pytest
import yaml
from test_kills import Runner, start_anew

KILLS = 3
CONSENT = '[{"zweck": "analyse", "erteilt": true, "am": "2021-02-15"}]'
SHAPES = {
    "aktivbo": "batches",
    "casavi": "two phases",
    "dormakaba": "references in addresses, named by the partner",
    "everreal": "GraphQL",
    "plentific": "one level of references in addresses",
    "pricehubble": "what cannot be changed is made anew",
    "wohnungshelden": "documents",
}


@pytest.fixture
def desk(request, open_desk):
    """A small portfolio of which the partner takes many records."""
    units = 70 if request.param == "aktivbo" else 12
    desk = open_desk(request.param, units=units)
    desk.in_a_hurry()

    def all_consent(rows):
        return [{**row, "einwilligungen": CONSENT} for row in rows]

    def all_are_offered(rows):
        return [{**row, "vermarktbar": "ja"} for row in rows]

    desk.edit("geschaeftspartner", all_consent)
    desk.edit("verwaltungseinheit", all_are_offered)
    if request.param == "wohnungshelden":
        desk.edit("mietvertrag", lambda rows: rows[:3])
    if request.param == "aktivbo":
        in_small_batches(desk)
    return desk


def in_small_batches(desk):
    path = desk.root / "connectors" / "partners" / "aktivbo.yaml"
    connector = yaml.safe_load(path.read_text("utf-8"))
    for entity in connector["entities"].values():
        entity["batch"]["size"] = 25
    path.write_text(yaml.safe_dump(connector, sort_keys=False), "utf-8")


@pytest.mark.parametrize("desk", sorted(SHAPES), indirect=True)
def test_killed_runs_leave_what_one_whole_run_leaves(desk):
    runner, rng = Runner(desk), Random(desk.partner)
    desk.change(state="undisturbed.db")
    desk.sync()
    wanted = desk.picture()
    whole = desk.simulator.calls.total()
    assert whole > KILLS
    desk.change(state="disturbed.db")
    kills = 0
    while kills < KILLS:
        start_anew(desk)
        desk.simulator.faults(minute_seconds=0.001)
        code = None
        while code is None and kills < KILLS:
            code = runner.run(most_calls=rng.randrange(1, whole))
            kills += code is None
        runner.sync_until_done()
        assert desk.picture() == wanted
