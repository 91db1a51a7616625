"""Pages and searches."""

import pytest


@pytest.fixture
def http(facilioo):
    for number in range(12):
        body = {"name": f"Projekt {number % 2}", "externalId": str(number)}
        facilioo.http.post("/api/tenants", json=body)
    return facilioo.http


def ids(answer):
    return [item["id"] for item in answer.json()["items"]]


def test_eleventh_row_is_lost_without_paging(http):
    page = http.get("/api/tenants").json()
    assert len(page["items"]) == 10
    assert {k: v for k, v in page.items() if k != "items"} == {
        "pageNumber": 1,
        "pageSize": 10,
        "totalPages": 2,
        "totalCount": 12,
        "hasPreviousPage": False,
        "hasNextPage": True,
    }


def test_second_page_has_the_rest(http):
    answer = http.get("/api/tenants", params={"pageNumber": 2})
    assert ids(answer) == [11, 12]
    assert answer.json()["hasPreviousPage"]
    assert not answer.json()["hasNextPage"]


def test_case_of_parameters_does_not_matter(http):
    answer = http.get("/api/tenants", params={"PageNumber": 3, "PageSize": 5})
    assert ids(answer) == [11, 12]


@pytest.mark.parametrize("number", ["0", "-1", "x"])
def test_page_below_the_first_is_refused(http, number):
    answer = http.get("/api/tenants", params={"pageNumber": number})
    assert answer.status_code == 400


def test_size_of_a_page_has_a_cap(facilioo, http):
    facilioo.simulator.faults(page_cap=4)
    page = http.get("/api/tenants", params={"pageSize": 1000}).json()
    assert (len(page["items"]), page["pageSize"]) == (4, 4)


def test_unknown_parameter_is_ignored(http):
    assert http.get("/api/tenants", params={"updatedSince": "x"}).status_code == 200


def test_search_by_our_ids_is_exact(http):
    answer = http.post("/api/tenants/search", json={"externalIds": ["1", "9", "99"]})
    assert ids(answer) == [2, 10]


def test_search_by_ids_of_the_partner(http):
    answer = http.post("/api/tenants/search", json={"ids": [3, 99, 1]})
    assert ids(answer) == [3, 1]


def test_filters_are_combined(http):
    body = {"externalIds": ["1", "2", "3"], "name": "Projekt 1", "ids": [4, 3]}
    assert ids(http.post("/api/tenants/search", json=body)) == [4]


def test_unknown_filter_is_ignored(http):
    page = http.post("/api/tenants/search", json={"colour": "red"}).json()
    assert page["totalCount"] == 12


def test_search_without_a_body_finds_everything(http):
    assert http.post("/api/tenants/search").json()["totalCount"] == 12


def test_partner_can_ignore_all_filters(facilioo, http):
    facilioo.simulator.faults(ignore_filters=True)
    page = http.post("/api/tenants/search", json={"externalIds": ["1"]}).json()
    assert page["totalCount"] == 12


def test_changed_id_of_ours_is_found_under_the_new_one_only(http):
    http.patch("/api/tenants/1", json={"externalId": "new"})
    found = http.post("/api/tenants/search", json={"externalIds": ["0", "new"]})
    assert [item["externalId"] for item in found.json()["items"]] == ["new"]
