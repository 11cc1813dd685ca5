"""Duplicates over HTTP: pairs with score and reasons, page by page, until somebody tells them
apart."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import another, data, failure
from tests.support.carriers import NOBODY, history, key

USDOT = [{"scheme": "usdot", "value": "86876"}]


def register(client: FlaskClient, name: str, number: int, **profile: object) -> TestResponse:
    """The answer to a new carrier whose address says nothing."""
    return client.post(
        "/register-carrier", json={"name": name, "email": f"mail{number}@gmail.com", **profile}
    )


def written(answer: TestResponse) -> dict[str, str]:
    """The header that waits for what the answer tells of."""
    return {"Consistency-Token": answer.headers["Consistency-Token"]}


def test_a_pair_is_listed_with_score_and_reasons(client: FlaskClient) -> None:
    """Both carriers with id, name and state, the first one registered first."""
    first = data(register(client, "Müller Transport GmbH", 1, identifiers=USDOT), 201)
    second = register(client, "Muller Transport", 2, identifiers=USDOT)
    page = data(client.get("/duplicates", headers=written(second)))
    assert page == {
        "pairs": [
            {
                "score": 98,
                "reasons": [
                    {
                        "kind": "identifier",
                        "explanation": "Both have the identifier usdot:86876",
                    },
                    {
                        "kind": "name",
                        "explanation": "The names, without legal forms, are the same",
                    },
                ],
                "carriers": [
                    {
                        "carrier_id": first["carrier_id"],
                        "name": "Müller Transport GmbH",
                        "state": "active",
                    },
                    {
                        "carrier_id": data(second, 201)["carrier_id"],
                        "name": "Muller Transport",
                        "state": "active",
                    },
                ],
            }
        ],
        "next": None,
    }


def test_pages_follow_one_another(client: FlaskClient) -> None:
    """By `next` and by the Link header, whatever the page's size; `min_score` leaves out others."""
    for number, name in enumerate(("Alpha", "Bergmann", "Cavallino", "Dubrovnik")):
        answer = register(client, name, number, identifiers=USDOT)
    expected = data(client.get("/duplicates?limit=100", headers=written(answer)))["pairs"]
    assert len(expected) == 6
    found: list[Any] = []
    address = "/duplicates?limit=1"
    while True:
        answer = client.get(address)
        page = data(answer)
        found += page["pairs"]
        if page["next"] is None:
            break
        link = answer.headers["Link"]
        assert link.endswith('>; rel="next"')
        address = f"/duplicates{link[1:].partition('>')[0]}"
        assert page["next"] in address
    assert found == expected
    assert data(client.get("/duplicates?min_score=91"))["pairs"] == []


def test_a_carriers_own_pairs_are_listed(client: FlaskClient) -> None:
    """The likeliest first, earlier and later ones alike."""
    names = ("Schenker Kurier", "Schenker Courier", "Schenker Kurier")
    answers = [register(client, name, number) for number, name in enumerate(names)]
    address = answers[2].headers["Location"]
    found = data(client.get(f"{address}/duplicates?min_score=30", headers=written(answers[2])))
    assert f"/carriers/{found['carrier_id']}" == address
    others = [pair["carriers"][0]["name"] for pair in found["pairs"]]
    assert others == ["Schenker Kurier", "Schenker Courier"]
    first = data(client.get(f"{answers[0].headers['Location']}/duplicates"))
    assert first["pairs"][0]["carriers"] == found["pairs"][0]["carriers"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_pair_that_was_told_apart_is_listed_no_more(client: FlaskClient, turned: bool) -> None:
    """Whichever of the two is asked about; said again, it changes nothing."""
    answers = [register(client, "Alpha", number, identifiers=USDOT) for number in range(2)]
    one, other = (data(each, 201)["carrier_id"] for each in answers[:: -1 if turned else 1])
    assert len(data(client.get("/duplicates", headers=written(answers[1])))["pairs"]) == 1
    body = {"other": other.upper(), "reason": "Two brothers"}
    for headers in ({}, {}, key("k"), key("k")):
        answer = client.post(f"/carriers/{one}/not-a-duplicate", json=body, headers=headers)
        assert data(answer)["version"] == 3
    entry = history(client, f"/carriers/{one}")[-1]
    assert entry["type"] == "CarrierDistinguished"
    assert entry["data"] == {"other": other, "reason": "Two brothers"}
    for address in ("/duplicates", f"/carriers/{one}/duplicates", f"/carriers/{other}/duplicates"):
        assert data(client.get(address, headers=written(answer)))["pairs"] == []


def test_retired_carriers_take_no_part(client: FlaskClient) -> None:
    """Neither in the list nor beside another, nor with one of their own."""
    answers = [register(client, "Alpha", number, identifiers=USDOT) for number in range(2)]
    retired = client.post(f"{answers[0].headers['Location']}/retire", json={"reason": "Gone"})
    locations = [answer.headers["Location"] for answer in answers]
    for address in ("/duplicates", *(f"{each}/duplicates" for each in locations)):
        assert data(client.get(address, headers=written(retired)))["pairs"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("min_score=0", "min_score"), ("min_score=101", "min_score"), ("min_score=x", "min_score"),
        ("limit=0", "limit"), ("limit=101", "limit"), ("cursor=x", "cursor"), ("cursor=", "cursor"),
        ("sort=name", "sort"),
    ],
)  # fmt: skip
def test_a_bad_query_is_refused(client: FlaskClient, query: str, field: str) -> None:
    """400 with the parameter's name."""
    assert failure(client.get(f"/duplicates?{query}"), 400)[1].keys() == {field}


def test_a_cursor_of_the_directory_is_none_of_duplicates(client: FlaskClient) -> None:
    """It is of another query."""
    for _ in range(2):
        answer = client.post("/register-carrier", json=another())
    page = data(client.get("/carriers?limit=1", headers=written(answer)))
    assert failure(client.get(f"/duplicates?cursor={page['next']}"), 400)[1].keys() == {"cursor"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("other", "x"), ("other", None), ("other", 1), ("reason", " "), ("why", "x")],
)
def test_a_field_that_breaks_its_rule_is_named(
    client: FlaskClient, field: str, value: object
) -> None:
    """422 with a sentence; so is a carrier that would be told from itself."""
    address = register(client, "Alpha", 1).headers["Location"]
    body = {"other": NOBODY, "reason": "Two brothers", field: value}
    answer = client.post(f"{address}/not-a-duplicate", json=body)
    assert failure(answer, 422)[1].keys() == {field}
    itself = {"other": address.removeprefix("/carriers/"), "reason": "It is"}
    answer = client.post(f"{address}/not-a-duplicate", json=itself)
    assert failure(answer, 422)[1] == {"other": "The other must not be the carrier itself"}


def test_nobody_has_duplicates(client: FlaskClient) -> None:
    """404, as for everything that is asked of a carrier that does not exist."""
    failure(client.get(f"/carriers/{NOBODY}/duplicates"), 404)
