"""Errors have the shape that the connector file reads."""

import re

import pytest

from tools.simulator.answers import Refusal
from tools.simulator.errors import error_body
from tools.simulator.schemas import FieldProblem

ROOMS = FieldProblem("unit.rooms", "is too many")
NAME = FieldProblem("name", "is required")


def body(handler, *problems):
    return error_body(handler, Refusal(422, "WRONG", "It is wrong.", problems))


def test_message_can_name_the_field():
    where = {"pattern": r"^(?P<field>\w+): (?P<message>.*)$"}
    handler = {"message": ["detail"], "fields": where}
    assert body(handler, NAME)["detail"] == "name: is required"


@pytest.mark.parametrize(
    ("pattern", "field"),
    [
        (r"^(?P<field>[\w.]+): (?P<message>.*)", "unit.rooms"),
        (r"^(?P<field>\w+): (?P<message>.*)", "unit"),
    ],
)
def test_pattern_that_knows_no_dots_gets_the_outer_name(pattern, field):
    message = body({"message": ["detail"], "fields": {"pattern": pattern}}, ROOMS)
    found = re.search(pattern, message["detail"])
    assert (found["field"], found["message"]) == (field, "is too many")


def test_message_without_a_field_stays_as_it_is():
    handler = {"message": ["detail"], "fields": {"pattern": r"(?P<field>\w+)="}}
    assert body(handler)["detail"] == "It is wrong."
    assert body(handler, NAME)["detail"] == "It is wrong."


def test_one_object_names_the_first_field():
    where = {"items": "error", "field": "field", "message": "message"}
    told = body({"message": ["error.message"], "fields": where}, NAME, ROOMS)
    assert told["error"]["field"] == "name"
    assert told["error"]["message"] == "is required"


def test_whole_answer_may_lead_from_fields_to_messages():
    handler = {"message": ["detail"], "fields": {"map": ""}}
    told = body(handler, NAME, ROOMS)
    assert told == {"name": ["is required"], "unit.rooms": ["is too many"]}
    assert body(handler) == {"detail": "It is wrong."}


def test_whole_answer_may_be_one_object_or_a_list():
    where = {"items": "", "field": "field", "message": "text"}
    told = body({"message": ["text"], "fields": where}, NAME, ROOMS)
    assert told == {"field": "name", "text": "is required", "code": "WRONG"}
    told = body({"message": ["0.text"], "fields": where}, NAME, ROOMS)
    assert [one["field"] for one in told] == ["name", "unit.rooms"]


def test_list_names_every_field():
    where = {"items": "error.fields", "field": "path", "message": "text"}
    told = body({"message": ["error.message"], "fields": where}, NAME, ROOMS)
    assert [one["path"] for one in told["error"]["fields"]] == ["name", "unit.rooms"]


def test_message_may_stand_in_a_list():
    told = body({"message": ["errors.0.message"], "refused_by": "errors"})
    assert told == {"errors": [{"message": "It is wrong.", "code": "WRONG"}]}


def test_list_of_refusals_is_never_empty():
    handler = {"message": ["message"], "refused_by": "data.problems"}
    assert body(handler)["data"]["problems"] == [{"message": "It is wrong."}]
