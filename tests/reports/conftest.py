"""Activations whose plans have something to decide."""

import pytest


@pytest.fixture
def braked(open_desk):
    """An activation of which the brake holds removals back, in several Mandanten."""
    desk = open_desk("casavi", units=60)
    desk.in_a_hurry()
    desk.sync()

    def cancel(rows):
        for row in rows[::2]:
            row["status"] = "storniert"
        return rows

    desk.edit("mietvertrag", cancel)
    assert desk.plan()["brake"]["held"]
    return desk


@pytest.fixture
def depleted(open_desk):
    """An activation whose source lacks many records that were sent, twice in a row."""
    desk = open_desk("casavi", units=60)
    desk.in_a_hurry()
    desk.sync()
    for entity in ("mietvertrag_mieter", "verwaltungseinheit"):
        desk.edit(entity, lambda rows: rows[: len(rows) // 2])
    desk.sync()
    return desk


@pytest.fixture
def rekeyed(facilioo):
    """An activation whose separator has changed since its records were sent."""
    facilioo.sync()
    facilioo.change(settings={"separator": "_"})
    assert facilioo.plan()["rekeys"]
    return facilioo
