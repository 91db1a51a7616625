"""Where each activation stands: a block of lines that fits a terminal."""

import io
import shlex

import pytest
from rich.console import Console
from test_plan_text import commands, squeezed

from engine.app.status import show_status, status_of
from engine.runtime.state import State


def shown(desk, width=80):
    out = io.StringIO()
    with State(desk.activation().state_url) as state:
        found = [status_of(state, name, "a.yaml") for name in state.activations()]
    show_status(Console(file=out, width=width), found)
    return out.getvalue()


def test_an_activation_that_never_ran_says_so(etg24):
    out = etg24.invoke("status", "activation").out
    assert out.splitlines()[0] == etg24.name
    assert "last run   never" in out


def test_the_last_run_has_its_figures_in_words(etg24):
    etg24.sync()
    out = etg24.invoke("status", "activation").out
    totals = etg24.invoke("status", "activation", "--json").json()["activations"][0]
    created = totals["last_run"]["totals"]["create"]
    assert " UTC, done\n" in out
    assert f"sent       {created} created\n" in out
    assert "rejects" not in out


@pytest.mark.parametrize("width", [48, 80, 120])
@pytest.mark.parametrize("name", ["braked", "rekeyed"])
def test_no_line_is_wider_than_the_terminal(request, name, width):
    desk = request.getfixturevalue(name)
    desk.invoke("sync", "activation")
    text = shown(desk, width)
    assert "held back" in text
    assert max(map(len, text.splitlines())) <= width


def test_open_rejects_are_counted_and_the_worklist_is_named(etg24):
    rule = {"entity": "objekte", "field": "title", "value": "Eingang Süd"}
    etg24.simulator.faults(refuse=[rule])
    count = etg24.sync()["totals"]["rejected"]
    text = etg24.invoke("status", "activation").out
    assert f"rejects    {count} open" in text
    assert f"feldwerk rejects {etg24.path}" in squeezed(text.replace("\\\n", ""))


def test_what_the_brake_holds_back_waits_with_its_command(braked):
    held = braked.sync()
    out = braked.invoke("status", "activation").out
    (found,) = braked.invoke("status", "activation", "--json").json()["activations"]
    (waiting,) = found["held"]
    assert waiting["plan"] == held["brake"]["plan"]
    assert waiting["verdicts"] == held["brake"]["verdicts"]
    assert "done, but for what the brake holds back" in out
    (command,) = commands(out)
    assert braked.invoke(*shlex.split(command)[1:]).code == 0
    assert "held back" not in braked.invoke("status", "activation").out


def test_records_that_would_get_other_ids_wait_for_one_of_two_ways(rekeyed):
    assert rekeyed.invoke("sync", "activation").code == 3
    out = squeezed(rekeyed.invoke("status", "activation").out)
    assert f"{len(rekeyed.plan()['rekeys'])} records would get other IDs" in out
    assert "WAY is migrate or recreate" in out
    assert "--rekey WAY" in out
