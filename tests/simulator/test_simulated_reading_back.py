"""Lists of whole entities, as connector files name them with `list`."""

import pytest

UNIT = {
    "type": "object",
    "properties": {
        "externalId": {"type": "string", "x-in": "path"},
        "id": {"type": "integer", "readOnly": True},
        "site": {"type": "string", "x-in": "path"},
        "name": {"type": "string"},
    },
    "required": ["name"],
}


def entity(**listing):
    return {
        "upsert": {"method": "PUT", "path": "/sites/{{ path.site }}/{{ id }}"},
        "list": {"method": "GET", "match": "externalId", **listing},
    }


def test_a_list_below_a_parent_has_its_records_only(serve):
    units = entity(path="/sites/{{ path.site }}")
    http = serve({"units": units}, {"units": UNIT}).http
    for place in ("1/a", "1/b", "2/a-1"):
        http.put(f"/sites/{place}", json={"name": place})
    found = http.get("/sites/1").json()
    assert [row["externalId"] for row in found] == ["a", "b"]
    assert {row["site"] for row in found} == {"1"}
    assert http.get("/sites/3").json() == []


def test_a_list_has_pages_of_its_own(serve):
    pages = {"type": "cursor", "parameter": "after", "cursor": "next", "items": "rows"}
    units = entity(path="/all", paginator=pages)
    partner = serve({"units": units}, {"units": UNIT})
    for number in range(15):
        partner.http.put(f"/sites/1/u{number:02}", json={"name": "x"})
    first = partner.http.get("/all").json()
    rest = partner.http.get("/all", params={"after": first["next"]}).json()
    assert [len(first["rows"]), len(rest["rows"])] == [10, 5]
    assert rest["next"] is None
    assert partner.simulator.writes == 15


def test_both_ids_stand_where_the_list_says(serve):
    units = {
        **entity(path="/all", match="ours", id="own.uuid"),
        "ids": {"path": "r.id"},
    }
    http = serve({"units": units}, {"units": UNIT}).http
    http.put("/sites/1/a", json={"name": "x"})
    (row,) = http.get("/all").json()
    assert row["ours"] == row["externalId"] == "a"
    assert row["own"]["uuid"] == row["id"]


def test_one_address_has_queries_and_mutations(serve):
    graph = {"method": "POST", "path": "/graph"}
    units = {
        "upsert": {**graph, "json": {"query": "put", "unit": "{{ body }}"}},
        "list": {
            **graph,
            "match": "externalId",
            "json": {"query": "all", "page": {}},
            "paginator": {
                "type": "offset",
                "offset": {"parameter": "page.skip"},
                "limit": {"parameter": "page.take", "value": 100},
                "in": "body",
                "items": "units",
            },
        },
    }
    schema = {"type": "object", "properties": {"externalId": {"type": "string"}}}
    http = serve({"units": units}, {"units": schema}).http
    for number in range(3):
        http.post("/graph", json={"query": "put", "unit": {"externalId": str(number)}})
    page = {"query": "all", "page": {"skip": 1, "take": 1}}
    (row,) = http.post("/graph", json=page).json()["units"]
    assert row["externalId"] == "1"


@pytest.mark.parametrize("partner", ["etg24", "kiwi", "spiribo", "aktivbo", "casavi"])
def test_partners_that_we_name_records_of_have_a_list_of_each(partner, listening):
    simulator = listening(partner)
    simulator.reset()
    routes = {route.label for route in simulator._simulation.router.routes}
    entities = simulator._simulation.partner.entities
    without = {name for name, one in entities.items() if "list" not in one.requests}
    assert without == ({"contracts"} if partner == "casavi" else set())
    for one in entities.values():
        if "list" in one.requests:
            assert f"GET {one.requests['list']['path']}" in routes
