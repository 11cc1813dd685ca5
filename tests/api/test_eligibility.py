"""GET /carriers/{id}/eligibility: yes or no, by which rules, decided by which events."""

import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from tests.support.answers import another, data, failure, refused
from tests.support.directory import covers
from tests.support.policies import policy, requires

WORK = "country=DE&service=express"
KNOWN = {"country": "DE", "service": "express"}


@pytest.fixture
def location(client: FlaskClient) -> str:
    """The address of a carrier that offers express in Germany."""
    body = {**another(), "coverage": covers(express=["DE"])}
    return client.post("/register-carrier", json=body).headers["Location"]


def test_an_eligible_carrier(client: FlaskClient, location: str) -> None:
    """Every rule holds; the events are those of its history."""
    registered, updated = data(client.get(f"{location}/history"))["events"]
    of_state, of_coverage = (
        {name: event[name] for name in ("version", "event_id", "type", "at")}
        for event in (registered, updated)
    )
    assert data(client.get(f"{location}/eligibility?{WORK}")) == {
        "carrier_id": location.rpartition("/")[2],
        "version": 2,
        "policy_version": 0,
        "on": datetime.now(UTC).date().isoformat(),
        "eligible": True,
        "rules": [
            {
                "rule": "active",
                "holds": True,
                "explanation": "The carrier is active",
                "looked_at": "active",
                "event": of_state,
            },
            {
                "rule": "service",
                "holds": True,
                "explanation": "The carrier offers express",
                "looked_at": ["express"],
                "event": of_coverage,
            },
            {
                "rule": "country",
                "holds": True,
                "explanation": "The carrier offers express in DE",
                "looked_at": ["DE"],
                "event": of_coverage,
            },
        ],
    }


def test_a_carrier_that_is_not_eligible(client: FlaskClient, location: str) -> None:
    """As soon as one rule does not hold; what was just written counts."""
    client.post(f"{location}/suspend", json={"reason": "late"})
    answer = data(client.get(f"{location}/eligibility?country=de&service=express"))
    assert answer["eligible"] is False
    assert [rule["holds"] for rule in answer["rules"]] == [False, True, True]
    assert answer["rules"][0]["explanation"] == "The carrier is suspended: late"
    assert answer["rules"][0]["event"]["type"] == "CarrierSuspended"
    client.post(f"{location}/reinstate", json={})
    answer = data(client.get(f"{location}/eligibility?country=FR&service=express"))
    assert [rule["holds"] for rule in answer["rules"]] == [True, True, False]


def test_country_and_service_are_needed(client: FlaskClient, location: str) -> None:
    """One of each, and one that there is."""
    assert failure(client.get(f"{location}/eligibility"), 400)[1] == {
        "country": "The country parameter is required",
        "service": "The service parameter is required",
    }
    assert failure(client.get(f"{location}/eligibility?country=XX&service=AIR"), 400)[1] == {
        "country": "The country parameter must be an ISO 3166 alpha-2 code, such as DE",
        "service": "The service parameter must be one of parcel, express, freight, ltl, ftl, air,"
        " ocean, rail, last-mile, cold-chain, hazmat",
    }
    for query in ("country=DE,FR&service=air", "country=worldwide&service=air", f"{WORK}&a=1"):
        failure(client.get(f"{location}/eligibility?{query}"), 400)


def test_a_query_means_the_same_however_often_it_is_sent(
    client: FlaskClient, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it means is remembered, for some queries at a time, and never what became of it."""
    monkeypatch.setattr("app.api.http.strict_json.KNOWN_QUERIES", 3)
    asked = {"DE": True, "FR": False, "AT": False, "PL": False}
    for _ in range(3):
        for country, holds in asked.items():
            answer = data(client.get(f"{location}/eligibility?country={country}&service=express"))
            assert answer["eligible"] is holds
        _, details = failure(client.get(f"{location}/eligibility?country=D&service=express"), 400)
        assert details.keys() == {"country"}
    client.post(f"{location}/update-profile", json={"coverage": covers(express=["PL"])})
    assert data(client.get(f"{location}/eligibility?country=PL&service=express"))["eligible"]


def test_conditions_are_as_of_the_carrier(client: FlaskClient, location: str) -> None:
    """304 and 412 by its version."""
    address = f"{location}/eligibility?{WORK}"
    assert client.get(address).headers["ETag"] == '"2"'
    assert client.get(address, headers={"If-None-Match": '"2"'}).status_code == 304
    assert client.get(address, headers={"If-Match": '"1"'}).status_code == 412
    for shown in (address, location):
        message = refused(client.get(shown, headers={"If-Match": "2"}), 400)
        assert message.startswith("If-Match must name versions")


def test_the_policy_that_holds_is_applied(client: FlaskClient, location: str) -> None:
    """Its requirements that apply are rules, and the answer names its version; a 304 does not
    outlive it."""
    address = f"{location}/eligibility?{WORK}"
    before = client.get(address).headers["ETag"]
    express, air = requires(service="express", minimum=(100, "EUR")), requires("other", "air")
    client.put("/policy", json=policy(express, air, recent_within_days=1))
    answer = client.get(address, headers={"If-None-Match": before})
    judged = data(answer)
    assert (judged["policy_version"], judged["eligible"]) == (1, False)
    assert [(rule["rule"], rule["holds"]) for rule in judged["rules"]] == [
        ("active", True),
        ("service", True),
        ("country", True),
        ("recent", True),
        ("cargo-insurance", False),
    ]
    assert judged["rules"][3]["event"]["type"] == "CarrierProfileUpdated"
    tag = answer.headers["ETag"]
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    client.put("/policy", json=policy())
    assert data(client.get(address, headers={"If-None-Match": tag}))["eligible"]


def test_a_document_counts_on_its_days(client: FlaskClient, location: str) -> None:
    """From the event that filed it on, for work on a day on which it holds; nothing expires by
    itself, and what was not known at a moment is not known then for ever."""
    client.put("/policy", json=policy(requires(service="express", minimum=(100_000, "EUR"))))
    address = f"{location}/eligibility?{WORK}"
    without = data(client.get(f"{address}&on=2026-06-30"))
    assert (without["eligible"], without["on"]) == (False, "2026-06-30")
    registered = {"type": "CarrierRegistered", "version": 1}
    assert without["rules"][3].pop("event").items() >= registered.items()
    assert without["rules"][3] == {
        "rule": "cargo-insurance",
        "holds": False,
        "explanation": "The carrier has no cargo-insurance that holds on 2026-06-30; 100000 EUR or"
        " more is needed",
        "looked_at": {"minimum": {"amount": "100000", "currency": "EUR"}, "limit": None},
    }
    before = _now()
    insurance = {
        **{"kind": "cargo-insurance", "number": "1", "issuer": "Us", "valid_from": "2026-01-01"},
        **{"valid_to": "2026-12-31", "limit": {"amount": "100000.00", "currency": "EUR"}},
    }
    filed = client.post(f"{location}/file-document", json=insurance)
    assert filed.status_code == 200
    judged = data(client.get(f"{address}&on=2026-06-30"))
    assert (judged["eligible"], judged["rules"][3]["event"]["type"]) == (
        True,
        "CarrierDocumentFiled",
    )
    assert not data(client.get(f"{address}&on=2027-01-01"))["eligible"]
    as_of = client.get(
        f"{location}/eligibility", query_string={**KNOWN, "on": "2026-06-30", "at": before}
    )
    assert (data(as_of)["eligible"], data(as_of)["policy_version"]) == (False, 1)
    long_ago = {**KNOWN, "at": "2020-01-01T00:00:00Z"}
    assert client.get(f"{location}/eligibility", query_string=long_ago).status_code == 404


def test_the_policy_is_that_of_the_moment(client: FlaskClient, location: str) -> None:
    """A policy that was adopted later did not count then, whatever the day of the work."""
    then = _now()
    client.put("/policy", json=policy(requires()))
    asked = {**KNOWN, "at": then, "on": "2030-01-01"}
    judged = data(client.get(f"{location}/eligibility", query_string=asked))
    assert (judged["policy_version"], judged["eligible"]) == (0, True)
    assert not data(client.get(f"{location}/eligibility", query_string=KNOWN))["eligible"]


def _now() -> str:
    """A moment behind what was recorded and before what will be, which is dated in milliseconds."""
    time.sleep(0.002)
    moment = datetime.now(UTC).isoformat()
    time.sleep(0.002)
    return moment


def test_a_block_and_a_preference_are_of_the_day_and_the_customer(
    client: FlaskClient, location: str
) -> None:
    """A 304 does not outlive the day, and without a block the answer is what it always was."""
    address = f"{location}/eligibility?{WORK}"
    instruction = {"customer": "ACME", "valid_from": "2020-01-01", "reason": "Two claims"}
    client.post(f"{location}/block", json=instruction)
    client.post(f"{location}/prefer", json={**instruction, "customer": None, "country": "DE"})
    answer = client.get(address)
    today = data(client.get(f"{location}/blocks"))["on"]
    assert answer.headers["ETag"] == f'"4.0.{today}"'
    assert data(answer)["eligible"]
    assert data(answer)["preferences"] == [{"preference_id": 1, "reason": "Two claims"}]
    named = data(client.get(f"{address}&customer=acme"))
    assert (named["eligible"], named["rules"][3]["rule"]) == (False, "not-blocked")
    assert named["rules"][3]["event"]["type"] == "CarrierBlocked"
    override = {**instruction, "rule": "not-blocked", "valid_to": "9999-12-31"}
    client.post(f"{location}/override-verdict", json=override)
    named = data(client.get(f"{address}&customer=ACME"))
    assert (named["eligible"], named["rules"][3]["event"]["type"]) == (
        True,
        "CarrierVerdictOverridden",
    )
    failure(client.get(f"{address}&customer=%20"), 400)


def test_an_unknown_carrier(client: FlaskClient) -> None:
    """404."""
    answer = client.get(f"/carriers/{uuid4()}/eligibility?{WORK}")
    assert refused(answer, 404) == "There is no carrier with this id"
