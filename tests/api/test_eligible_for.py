"""GET /carriers?eligible_for=DE/express: all carriers that may be given the work."""

from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.answers import data, failure
from tests.support.carriers import names_listed
from tests.support.directory import covers
from tests.support.policies import policy, requires

listed = partial(names_listed, hidden="judged_by")
WORK = "eligible_for=DE/express"
COVER = {"kind": "cargo-insurance", "number": "1", "issuer": "Insurer", "valid_from": "2026-01-01"}
WHY = {"valid_from": "2026-01-01", "reason": "They know"}


def written(client: FlaskClient, address: str, body: dict[str, Any]) -> str:
    """What was changed, once lists know of it."""
    answer = client.post(address, json=body)
    token = answer.headers["Consistency-Token"]
    assert client.get("/carriers", headers={"Consistency-Token": token}).status_code == 200
    return answer.headers.get("Location", "")


@pytest.fixture
def fleet(client: FlaskClient) -> dict[str, str]:
    """Addresses by name of carriers with work of all kinds."""
    coverages = {
        "A": covers(express=["DE"]),
        "B": covers(express=["FR"]),
        "C": covers(air=["DE"]),
        "D": covers(express=["worldwide"]),
        "E": covers(express=["DE", "FR"]),
        "F": covers(express=["DE"]),
        "G": [],
    }
    return {
        name: written(
            client,
            "/register-carrier",
            {"name": name, "email": f"{name}@x.com", "coverage": coverage},
        )
        for name, coverage in coverages.items()
    }


def test_who_may_be_given_the_work_is_listed(client: FlaskClient, fleet: dict[str, str]) -> None:
    """By coverage, state, blocks and overrides, for the day and the customer that are named."""
    assert listed(client, WORK) == ["A", "D", "E", "F"]
    written(client, f"{fleet['A']}/suspend", {"reason": "late"})
    block = {**WHY, "customer": "ACME", "valid_to": "2096-12-31"}
    written(client, f"{fleet['D']}/block", block)
    for rule in ("service", "country"):
        days = {**WHY, "valid_to": "2096-12-31", "rule": rule}
        written(client, f"{fleet['G']}/override-verdict", days)
    assert listed(client, f"{WORK}&on=2096-12-31") == ["D", "E", "F", "G"]
    assert listed(client, f"{WORK}&on=2096-12-31&customer=acme") == ["E", "F", "G"]
    assert listed(client, f"{WORK}&on=2097-01-01&customer=ACME") == ["D", "E", "F"]
    assert listed(client, f"{WORK}&on=2097-01-01&q=d") == ["D"]
    assert listed(client, f"{WORK}&on=2097-01-01&sort=registered_at&country=FR") == [
        "D",
        "E",
    ]
    text = client.get(f"/carriers.csv?{WORK}&on=2096-12-31&customer=ACME").text
    assert text.count("\r\n") == 4


def test_the_policy_that_holds_decides(client: FlaskClient, fleet: dict[str, str]) -> None:
    """From the next page on; a list that is known is no longer the same."""
    address = f"/carriers?{WORK}&on=2096-12-31"
    known = {"If-None-Match": client.get(address).headers["ETag"]}
    assert client.get(address, headers=known).status_code == 304
    client.put("/policy", json=policy(requires(service="express", minimum=(100, "EUR"))))
    assert client.get(address, headers=known).status_code == 200
    assert listed(client, f"{WORK}&on=2096-12-31") == []
    for name, amount in (("A", "99"), ("D", "100"), ("E", "1000")):
        cover = {**COVER, "limit": {"amount": amount, "currency": "EUR"}}
        written(client, f"{fleet[name]}/file-document", cover)
    override = {**WHY, "valid_to": "2096-12-31", "rule": "cargo-insurance"}
    written(client, f"{fleet['F']}/override-verdict", override)
    assert listed(client, f"{WORK}&on=2096-12-31") == ["D", "E", "F"]
    assert listed(client, f"{WORK}&on=2097-01-01") == ["D", "E"]
    assert listed(client, "eligible_for=de/air&on=2096-12-31") == ["C"]
    client.put("/policy", json=policy(approval_required=True))
    assert listed(client, WORK) == []
    client.put("/policy", json=policy(recent_within_days=10))
    assert listed(client, f"{WORK}&on=2099-12-31") == []


def test_a_file_is_of_one_policy(client: FlaskClient, fleet: dict[str, str]) -> None:
    """And so is a walk by a cursor as far as its pages: another policy makes other pages."""
    first = data(client.get(f"/carriers?limit=2&{WORK}"))
    client.put("/policy", json=policy(requires()))
    rest = data(client.get(f"/carriers?limit=2&{WORK}&cursor={first['next']}"))
    assert (len(first["carriers"]), rest["carriers"]) == (2, [])
    other = f"/carriers?limit=2&eligible_for=DE/air&cursor={first['next']}"
    assert failure(client.get(other), 400)[1].keys() == {"cursor"}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("eligible_for=DE", "eligible_for"),
        ("eligible_for=XX/express", "eligible_for"),
        ("eligible_for=DE/walk", "eligible_for"),
        ("eligible_for=DE/express/air", "eligible_for"),
        ("eligible_for=DE,FR/express", "eligible_for"),
        ("eligible_for=worldwide/express", "eligible_for"),
        ("customer=ACME", "customer"),
        (f"{WORK}&customer=%0A", "customer"),
        (f"{WORK}&on=soon", "on"),
    ],
)
def test_a_question_that_is_none_is_refused(client: FlaskClient, query: str, named: str) -> None:
    """400 with the parameter that is wrong."""
    assert failure(client.get(f"/carriers?{query}"), 400)[1].keys() == {named}


def test_of_a_day_that_is_over_a_single_carrier_is_asked(
    client: FlaskClient, fleet: dict[str, str]
) -> None:
    """A list has no carriers as they were, and says who has: one carrier's answer for that day, by
    what was known at a moment."""
    _, details = failure(client.get(f"/carriers?{WORK}&on=2020-01-01"), 400)
    assert details == {
        "on": "The on parameter must be today or later, as a list has no carriers as they were: ask"
        " of a single one, whose answers take any day (on) and what was known at a moment (at)"
    }
    asked = "country=DE&service=express&on=2020-01-01&at=2099-01-01T00:00:00Z"
    assert data(client.get(f"{fleet['A']}/eligibility?{asked}"))["on"] == "2020-01-01"
