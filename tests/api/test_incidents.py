"""Incidents over HTTP: noted, shown, counted and filtered by."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.application.services import Services
from tests.support.answers import another, data, failure
from tests.support.carriers import NOBODY, history, key, names_listed, register, seen
from tests.support.processes import wait_until
from tests.support.stores import soon

LATE: dict[str, Any] = {"kind": "late", "happened_on": "2025-01-31", "note": "A day late"}


@pytest.fixture
def fedex(client: FlaskClient) -> str:
    """The address of a carrier that is registered."""
    return register(client)


def test_an_incident_is_an_event_of_the_history(client: FlaskClient, fedex: str) -> None:
    """Though it changes no field; the carrier is at the next version."""
    before = data(client.get(fedex))
    answer = client.post(f"{fedex}/note-incident", json=LATE)
    assert (data(answer)["version"], data(answer)["state"]) == (2, "active")
    assert answer.headers["ETag"] == '"2"'
    entry = history(client, fedex)[1]
    assert (entry["type"], entry["data"], entry["changes"]) == ("CarrierIncidentNoted", LATE, [])
    assert data(client.get(fedex)) == {**before, "version": 2}


def test_an_incident_is_in_the_feed(client: FlaskClient, fedex: str) -> None:
    """As a CloudEvent of a type of its own, which can be asked for."""
    client.post(f"{fedex}/note-incident", json=LATE)
    found = data(client.get("/events?type=CarrierIncidentNoted"))["events"]
    assert [(each["data"], each["streamversion"]) for each in found] == [(LATE, 2)]


@pytest.mark.parametrize("before", ["suspend", "retire"])
def test_an_incident_is_noted_in_every_state(client: FlaskClient, fedex: str, before: str) -> None:
    """Damage may come out after the carrier has left; its state stays."""
    state = data(client.post(f"{fedex}/{before}", json={"reason": "Late"}))["state"]
    assert data(client.post(f"{fedex}/note-incident", json=LATE))["state"] == state


def test_two_that_are_alike_are_two_unless_a_key_says_otherwise(
    client: FlaskClient, fedex: str
) -> None:
    """With an Idempotency-Key the first answer comes again."""
    for version in (2, 3):
        assert data(client.post(f"{fedex}/note-incident", json=LATE))["version"] == version
    for replay in (None, "true"):
        answer = client.post(f"{fedex}/note-incident", json=LATE, headers=key("k"))
        assert data(answer)["version"] == 4
        assert answer.headers.get("Idempotent-Replay") == replay


def test_an_incident_takes_a_condition_and_a_dry_run(client: FlaskClient, fedex: str) -> None:
    """As every command does."""
    plan = data(client.post(f"{fedex}/note-incident?dry_run=true", json=LATE))
    assert plan["events"] == [{"type": "CarrierIncidentNoted", "data": LATE}]
    assert data(client.get(fedex))["version"] == 1
    stale = client.post(f"{fedex}/note-incident", json=LATE, headers=seen('"2"'))
    assert stale.status_code == 412
    failure(client.post(f"/carriers/{NOBODY}/note-incident", json=LATE), 404)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "lost"), ("kind", None), ("kind", 1), ("happened_on", "2025-02-30"),
        ("happened_on", "31.01.2025"), ("happened_on", "2025-01-31T00:00:00Z"),
        ("happened_on", "9999-12-31"), ("note", " "), ("note", "a\nb"), ("note", "x" * 501),
        ("when", "now"),
    ],
)  # fmt: skip
def test_a_field_that_breaks_its_rule_is_named(
    client: FlaskClient, fedex: str, field: str, value: object
) -> None:
    """422 with a sentence, and nothing is written."""
    answer = client.post(f"{fedex}/note-incident", json={**LATE, field: value})
    assert failure(answer, 422)[1].keys() == {field}
    assert data(client.get(fedex))["version"] == 1


def test_what_must_be_given_is_named(client: FlaskClient, fedex: str) -> None:
    """All of it."""
    assert failure(client.post(f"{fedex}/note-incident", json={}), 422)[1].keys() == LATE.keys()


def test_tomorrow_is_refused_once_it_has_begun_nowhere(client: FlaskClient, fedex: str) -> None:
    """By the clock of the service."""
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    answer = client.post(f"{fedex}/note-incident", json={**LATE, "happened_on": tomorrow})
    assert failure(answer, 422)[1] == {"happened_on": "The happened_on must not be in the future"}


def test_a_note_is_not_logged(
    client: FlaskClient, fedex: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It may name a person; neither when it is taken nor when it is refused."""
    with caplog.at_level(logging.DEBUG):
        for day in ("2025-01-31", "9999-12-31"):
            body = {**LATE, "note": "Ask Jane Doe", "happened_on": day}
            client.post(f"{fedex}/note-incident", json=body)
    assert "Jane" not in caplog.text
    assert not any("Jane" in str(vars(record)) for record in caplog.records)


def test_incidents_are_counted_by_kind(client: FlaskClient, services: Services) -> None:
    """Each one, also the second of a carrier and those of retired ones."""
    for kinds in (("late", "late", "loss"), ("late",)):
        carrier = client.post("/register-carrier", json=another()).headers["Location"]
        client.post(f"{carrier}/retire", json={"reason": "Merged"})
        for kind in kinds:
            client.post(f"{carrier}/note-incident", json={**LATE, "kind": kind})
    head = services.feed.head(soon())
    wait_until(lambda: data(client.get("/statistics"))["position"] >= head, 20, "the statistics")
    assert data(client.get("/statistics"))["incidents"] == {"late": 3, "loss": 1}


def test_carriers_are_found_by_the_day_of_their_last_incident(client: FlaskClient) -> None:
    """On that day or later, with other filters, page by page; the row shows what a carrier is."""
    days = {"A": "2025-01-31", "B": "2025-12-31", "C": "2026-01-01", "D": None}
    for name, day in days.items():
        registered = client.post("/register-carrier", json={**another(), "name": name})
        token = registered.headers["Consistency-Token"]
        if day:
            address = f"{registered.headers['Location']}/note-incident"
            answer = client.post(address, json={**LATE, "happened_on": day})
            token = answer.headers["Consistency-Token"]
        client.get("/carriers", headers={"Consistency-Token": token})

    def found(query: str) -> list[str]:
        return names_listed(client, query, "last_incident_on", limit=1)

    assert found("incidents_since=2025-01-31") == ["A", "B", "C"]
    assert found("incidents_since=2025-02-01") == ["B", "C"]
    assert found("incidents_since=2025-12-31&sort=registered_at") == ["B", "C"]
    assert found("incidents_since=2026-01-02") == []
    assert found("incidents_since=0001-01-01&q=b") == ["B"]
    assert found("incidents_since=2150-01-01") == []
    answer = client.get("/carriers?incidents_since=yesterday")
    assert failure(answer, 400)[1].keys() == {"incidents_since"}
    assert client.get("/carriers.csv?incidents_since=2026-01-01").text.count("\r\n") == 2
