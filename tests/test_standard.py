"""The neutral ERP model: schemas in, entities, references and views out."""

import json

import pytest

from engine.standard import read_standard

TEXT = {"type": "string"}
HOUSE = {
    "title": "Haus",
    "x-plural": "Häuser",
    "x-key": ["nr"],
    "properties": {"nr": TEXT},
    "required": ["nr"],
}
PERSON = {"x-key": ["gp_nr"], "properties": {"gp_nr": TEXT}, "required": ["gp_nr"]}
TENANT = {"title": "Mieter", "x-view": {"of": "person", "linked_by": "link"}}
LINK = {
    "x-key": ["nr", "gp_nr"],
    "x-references": {
        "haus": {"entity": "haus", "fields": {"nr": "nr"}},
        "vorher": {"entity": "haus", "fields": {"nr": "alt_nr"}},
        "mieter": {"entity": "mieter", "fields": {"gp_nr": "gp_nr"}},
    },
    "properties": {"nr": TEXT, "alt_nr": TEXT, "gp_nr": TEXT},
}


@pytest.fixture
def standard_of(tmp_path):
    def build(**schemas):
        for name, schema in schemas.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(schema), "utf-8")
        return read_standard(tmp_path)

    return build


@pytest.fixture
def standard(standard_of):
    return standard_of(haus=HOUSE, person=PERSON, mieter=TENANT, link=LINK)


def field_of(standard_of, schema, **entity):
    properties = {"nr": TEXT, "feld": schema}
    haus = {**HOUSE, "properties": properties, **entity}
    return standard_of(haus=haus).entity_by_name("haus").fields["feld"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "text"),
        ({"type": ["string", "null"], "format": "date"}, "date"),
        ({"type": "string", "format": "date-time"}, "datetime"),
        ({"type": "string", "format": "email"}, "text"),
        ({"type": ["integer", "null"]}, "integer"),
        ({"type": "number"}, "number"),
        ({"type": "boolean"}, "boolean"),
        ({"type": "array"}, "list"),
        ({"type": "object"}, "object"),
    ],
)
def test_a_schema_type_has_its_field_type(standard_of, schema, expected):
    assert field_of(standard_of, schema).type == expected


def test_an_entity_has_title_plural_and_key(standard):
    haus = standard.entity_by_name("haus")
    assert (haus.title, haus.plural, haus.key) == ("Haus", "Häuser", ("nr",))


def test_a_required_field_is_known_as_such(standard):
    assert standard.entity_by_name("haus").fields["nr"].required


def test_null_is_no_allowed_value(standard_of):
    schema = {"type": ["string", "null"], "enum": ["a", "b", None]}
    assert field_of(standard_of, schema).enum == ("a", "b")


def test_unit_and_open_end_are_read(standard_of):
    schema = {
        "type": "string",
        "format": "date",
        "x-open-end": True,
        "x-unit": "Tag",
    }
    field = field_of(standard_of, schema)
    assert (field.open_end, field.unit) == (True, "Tag")


def test_an_entry_is_as_personal_as_its_list(standard_of):
    item = {"properties": {"iban": TEXT}}
    schema = {"type": "array", "x-personal": "sensitive", "items": item}
    assert field_of(standard_of, schema).item_fields["iban"].personal == "sensitive"


def test_an_entry_may_be_more_personal_than_its_list(standard_of):
    item = {"properties": {"iban": {"type": "string", "x-personal": "sensitive"}}}
    schema = {"type": "array", "x-personal": "personal", "items": item}
    assert field_of(standard_of, schema).item_fields["iban"].personal == "sensitive"


def test_items_may_stand_in_the_definitions_of_the_file(standard_of):
    definitions = {"mail": {"properties": {"adresse": TEXT}}}
    schema = {"type": "array", "items": {"$ref": "#/$defs/mail"}}
    field = field_of(standard_of, schema, **{"$defs": definitions})
    assert list(field.item_fields) == ["adresse"]


def test_a_view_shares_the_fields_of_its_base(standard):
    view = standard.entity_by_name("mieter")
    assert view.fields is standard.entity_by_name("person").fields
    assert (view.title, view.view_of, view.linked_by) == ("Mieter", "person", "link")


def test_the_base_of_a_view_is_the_entity_it_is_of(standard):
    assert standard.base("mieter") == "person"


def test_the_base_of_an_entity_is_itself(standard):
    assert standard.base("haus") == "haus"


def test_a_child_is_found_under_its_own_name(standard):
    child, reference = standard.children("haus")["link"]
    assert (child, dict(reference.fields)) == ("link", {"nr": "nr"})


def test_a_second_way_of_a_child_has_a_name_of_its_own(standard):
    assert list(standard.children("haus")) == ["link", "link_vorher"]


def test_who_points_to_a_view_points_to_its_base(standard):
    assert list(standard.children("person")) == ["link"]


def test_who_points_to_a_base_points_to_its_views(standard_of):
    way = {"entity": "person", "fields": {"gp_nr": "gp_nr"}}
    link = {**LINK, "x-references": {"person": way}}
    standard = standard_of(person=PERSON, mieter=TENANT, link=link)
    assert list(standard.children("mieter")) == ["link"]


def test_a_field_with_two_types_is_refused(standard_of):
    with pytest.raises(ValueError, match=r"haus\.json.*'feld'"):
        field_of(standard_of, {"type": ["string", "number"]})


def test_a_reference_to_nowhere_is_refused(standard_of):
    with pytest.raises(ValueError, match="unknown entity 'haus'"):
        standard_of(link=LINK, person=PERSON, mieter=TENANT)


def test_a_reference_that_lacks_a_key_field_is_refused(standard_of):
    way = {"entity": "link", "fields": {"nr": "nr"}}
    with pytest.raises(ValueError, match="each key field of link"):
        standard_of(
            haus={**HOUSE, "x-references": {"link": way}},
            link={**LINK, "x-references": {}},
        )


def test_a_key_field_that_is_no_field_is_refused(standard_of):
    with pytest.raises(ValueError, match="'fehlt' is no field"):
        standard_of(haus={**HOUSE, "x-key": ["fehlt"]})


def test_a_view_of_nothing_is_refused(standard_of):
    with pytest.raises(ValueError, match="unknown 'person'"):
        standard_of(haus=HOUSE, mieter=TENANT)


def test_a_folder_without_schemas_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_standard(tmp_path)
