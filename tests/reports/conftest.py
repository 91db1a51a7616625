"""Activations whose plans have something to decide, and those plans, made once."""

import copy
from functools import cache

import pytest


def cancel(desk):
    """Cancel every second lease: the brake holds their removals back."""

    def cancelled(rows):
        for row in rows[::2]:
            row["status"] = "storniert"
        return rows

    desk.in_a_hurry()
    desk.sync()
    desk.edit("mietvertrag", cancelled)
    assert desk.plan()["brake"]["held"]
    return desk


def deplete(desk):
    """Take half of the flats and tenants out of the source, for two runs."""
    desk.in_a_hurry()
    desk.sync()
    for entity in ("mietvertrag_mieter", "verwaltungseinheit"):
        desk.edit(entity, lambda rows: rows[: len(rows) // 2])
    desk.sync()
    return desk


def rekey(desk):
    """Change the separator after records were sent."""
    desk.sync()
    desk.change(settings={"separator": "_"})
    assert desk.plan()["rekeys"]
    return desk


@pytest.fixture
def braked(open_desk):
    """An activation of which the brake holds removals back, in several Mandanten."""
    return cancel(open_desk("casavi", units=60))


@pytest.fixture
def depleted(open_desk):
    """An activation whose source lacks many records that were sent, twice in a row."""
    return deplete(open_desk("casavi", units=60))


@pytest.fixture
def rekeyed(facilioo):
    """An activation whose separator has changed since its records were sent."""
    return rekey(facilioo)


@pytest.fixture(scope="session")
def plan_of(set_up, village, tmp_path_factory):
    """Return what gives the JSON of a plan of a kind, from a real run made once."""

    def new(partner, **more):
        return set_up(tmp_path_factory.mktemp("plans"), partner, **more)

    kinds = {
        "braked": lambda: cancel(new("casavi", units=60)),
        "depleted": lambda: deplete(new("casavi", units=60)),
        "rekeyed": lambda: rekey(new("facilioo", source=village.folder)),
        "trapped": lambda: new("facilioo", traps=True),
        "first": lambda: new("etg24", source=village.folder),
    }
    made = cache(lambda kind: kinds[kind]().plan())
    return lambda kind: copy.deepcopy(made(kind))
