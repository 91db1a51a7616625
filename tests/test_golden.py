"""The golden folders: one small source in, what each partner would be sent out."""

import json
from functools import cache

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from lxml import etree

from connectors.payloads import merged
from engine.runtime.library import INSTALLED
from tools import golden

PARTNERS = golden.partners()
VERDICTS = ("left_out", "rejected")
SCHEMAS = INSTALLED / "schemas" / "partners"

golden_folder = cache(golden.golden_folder)


@pytest.fixture
def work(partner, tmp_path):
    """The plan of work of the partner that the test is called with."""
    return golden.activation(partner, tmp_path, {}).use_case.work


def records_of(partner, name):
    """Return the records of an entity, in all settings of a partner's folder."""
    paths = golden.FOLDER.joinpath(partner).rglob(f"{name}.json")
    return [record for path in paths for record in json.loads(path.read_text("utf-8"))]


@pytest.mark.parametrize("partner", PARTNERS)
def test_the_golden_files_are_what_would_be_sent(partner):
    differences = [
        golden.difference(path, text)
        for path, text in golden_folder(partner).items()
        if golden.read(path) != text
    ]
    assert not differences, "\n".join([*differences, "run make golden, and read it"])


@pytest.mark.parametrize("partner", PARTNERS)
def test_there_is_a_golden_folder_and_nothing_else_in_it(partner):
    kept = golden.kept_files(golden.FOLDER / partner)
    assert kept
    assert set(kept) <= set(golden_folder(partner))


def test_each_folder_is_that_of_a_partner():
    folders = {path.name for path in golden.FOLDER.iterdir()}
    assert folders == {*PARTNERS, golden.SOURCE.name}


@pytest.mark.parametrize("partner", PARTNERS)
def test_each_entity_occurs(partner, work):
    names = [entity.name for entity in work.entities]
    assert [name for name in names if not records_of(partner, name)] == []


@pytest.mark.parametrize("partner", PARTNERS)
def test_each_payload_fits_its_schema(partner, work):
    for entity in work.entities:
        validator = Draft202012Validator(entity.schema, format_checker=FormatChecker())
        for record in records_of(partner, entity.name):
            payload = merged(record.get("path", {}), record["body"])
            sent = merged(payload, record.get("create", {}))
            assert [error.message for error in validator.iter_errors(sent)] == []


@pytest.mark.parametrize("partner", PARTNERS)
def test_what_is_not_sent_has_a_reason(partner):
    for name in VERDICTS:
        for item in records_of(partner, name):
            assert item["key"] and item["code"] and item["reason"]  # noqa: PT018


@pytest.mark.parametrize("partner", PARTNERS)
def test_each_document_fits_the_schema_beside_the_payloads(partner, work):
    for entity in work.entities:
        documents = sorted(golden.FOLDER.joinpath(partner, entity.name).glob("*.xml"))
        if not documents:
            continue
        path = SCHEMAS / partner / f"{entity.resource}.xsd"
        schema = etree.XMLSchema(etree.parse(path))
        for document in documents:
            schema.assertValid(etree.parse(document))


def test_a_partner_of_documents_has_golden_documents():
    xsds = {path.parent.name for path in SCHEMAS.glob("*/*.xsd")}
    documents = {
        p.relative_to(golden.FOLDER).parts[0] for p in golden.FOLDER.rglob("*.xml")
    }
    assert xsds
    assert documents == xsds


def test_a_difference_names_the_file_and_shows_both_lines():
    path = golden.SOURCE / golden.SETTINGS
    shown = golden.difference(path, "a: 1\n")
    assert shown.splitlines()[0] == "--- tests/golden/erp/settings.yaml"
    assert "+a: 1" in shown
