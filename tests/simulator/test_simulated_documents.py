"""Bodies in XML."""

import pytest

ENVELOPE = {
    "@xmlns": "urn:example",
    "@xmlns:x": "urn:more",
    "head": {"@at": "{{ now }}", "@x:kind": "FULL", "test": False, "none": None},
    "owner": {"name": "{{ settings.firm }}", "#text": None, "flat": "{{ body }}"},
}
REMOVAL = {
    **ENVELOPE,
    "head": {"@at": "{{ now }}", "@x:kind": "GONE"},
    "owner": {"flat": {"id": "{{ id }}"}},
}
FLAT = {
    "type": "object",
    "properties": {
        "@version": {"type": "integer"},
        "id": {"type": "string", "x-id": True},
        "rent": {"type": "number"},
        "kind": {
            "type": "object",
            "properties": {"@LET": {"type": "boolean"}, "#text": {"type": "string"}},
        },
        "photos": {"type": "array", "items": {"type": "string", "maxLength": 3}},
        "rooms": {
            "type": "array",
            "items": {"type": "object", "properties": {"size": {"type": "integer"}}},
        },
    },
    "additionalProperties": False,
}
ENTITIES = {
    "flats": {
        "upsert": {"method": "POST", "path": "/xml", "xml": {"list": ENVELOPE}},
        "remove": {"method": "POST", "path": "/xml", "xml": {"list": REMOVAL}},
    }
}
HEAD = '<head at="2026" x:kind="FULL"><test>false</test></head>'
XSD = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="list"><xs:complexType><xs:sequence>
    <xs:element name="flat"><xs:complexType><xs:sequence>
      <xs:element name="id" type="xs:string"/>
      <xs:element name="rent" type="xs:decimal" minOccurs="0"/>
    </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>
"""


def document(flat, head=HEAD, name="Muster"):
    names = 'xmlns="urn:example" xmlns:x="urn:more"'
    owner = f"<owner><name>{name}</name>{flat}</owner>"
    return f"<?xml version='1.0'?><list {names}>{head}{owner}</list>"


@pytest.fixture
def running(serve):
    use_case = "settings: {firm: {type: text, example: Muster}}"
    return serve(
        ENTITIES,
        {"flats": FLAT},
        settings=["firm"],
        files={"mappings/partners/newcomer/x/use_case.yaml": use_case},
    )


@pytest.fixture
def post(running):
    headers = {"content-type": "application/xml"}

    def post_(text):
        return running.http.post("/xml", content=text.encode(), headers=headers)

    return post_


def test_document_is_kept_as_its_schema_has_it(running, post):
    flat = (
        '<flat version="2"><id>7</id><rent>512.50</rent>'
        '<kind LET="true">A &amp; B</kind>'
        "<photos>a</photos><photos>b</photos><rooms><size>12</size></rooms></flat>"
    )
    assert post(document(flat)).status_code == 201
    (record,) = running.simulator.records("flats")
    assert {name: record[name] for name in FLAT["properties"]} == {
        "@version": 2,
        "id": "7",
        "rent": 512.5,
        "kind": {"@LET": True, "#text": "A & B"},
        "photos": ["a", "b"],
        "rooms": [{"size": 12}],
    }


def test_value_that_breaks_the_schema_is_refused_by_name(post):
    answer = post(document("<flat><id>7</id><rent>much</rent></flat>"))
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"rent"}


def test_element_that_is_no_list_stands_once(post):
    answer = post(document("<flat><id>7</id><rent>1</rent><rent>2</rent></flat>"))
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<list",
        "<other/>",
        document("<flat><id>7</id></flat>", name="Other"),
        document("<flat><id>7</id></flat>", head=HEAD.replace("false", "true")),
        document("<flat><id>7</id></flat>", head=""),
        document("<flat><id>7</id></flat>", head=HEAD + "<more/>"),
        document("<flat><id>7</id></flat>", head=HEAD.replace(" at=", " on=")),
        document("<flat><id>7</id></flat><flat/>"),
    ],
)
def test_envelope_must_be_as_the_file_has_it(running, post, text):
    assert post(text).status_code == 400
    assert running.simulator.records("flats") == []


def test_envelope_tells_requests_apart(running, post):
    flat = "<flat><id>7</id></flat>"
    post(document(flat))
    head = '<head at="2026" x:kind="GONE"/>'
    gone = document(flat, head).replace("<name>Muster</name>", "")
    assert [post(gone).status_code, post(gone).status_code] == [204, 404]


def test_document_is_checked_against_the_xml_schema(serve):
    upsert = {"method": "POST", "path": "/xml", "xml": {"list": {"flat": "{{ body }}"}}}
    running = serve(
        {"flats": {"upsert": upsert}},
        {"flats": FLAT},
        files={"schemas/partners/newcomer/flats.xsd": XSD},
    )
    right = "<list><flat><id>7</id><rent>1</rent></flat></list>"
    assert running.http.post("/xml", content=right).status_code == 201
    wrong = "<list><flat><rent>1</rent><id>7</id></flat></list>"
    answer = running.http.post("/xml", content=wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"list.flat.rent"}


def test_document_with_a_doctype_is_refused(post):
    kind = '<!DOCTYPE list [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    text = document("<flat><id>&e;</id></flat>")
    assert post(text.replace("?><list", f"?>{kind}<list")).status_code == 400
