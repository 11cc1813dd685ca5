"""Blocks, preferences and overrides over HTTP: given, shown for a day, taken back."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.answers import data, failure
from tests.support.carriers import NOBODY, history, key, register

BLOCK: dict[str, Any] = {
    "country": "de",
    "service": "express",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "reason": "Two claims are open",
}
PREFERENCE: dict[str, Any] = {"customer": "ACME", "valid_from": "2026-01-01", "reason": "Agreed"}
SAID: dict[str, Any] = {**BLOCK, "country": "DE", "customer": None}


@pytest.fixture
def fedex(client: FlaskClient) -> str:
    """The address of a carrier that is registered."""
    return register(client)


def test_a_block_and_a_preference_are_given_and_shown(client: FlaskClient, fedex: str) -> None:
    """In their normal form, with whether they hold on the day that is asked for."""
    answer = client.post(f"{fedex}/block", json=BLOCK)
    assert (data(answer)["version"], answer.headers["ETag"]) == (2, '"2"')
    assert data(client.post(f"{fedex}/prefer", json=PREFERENCE))["version"] == 3
    found = data(client.get(f"{fedex}/blocks?on=2027-01-01"))
    assert (found["version"], found["on"]) == (3, "2027-01-01")
    assert found["blocks"] == [{**SAID, "block_id": 1, "holds": False, "taken_back": None}]
    assert found["preferences"] == [
        {
            **PREFERENCE,
            "preference_id": 1,
            "country": None,
            "service": None,
            "valid_to": None,
            "holds": True,
            "taken_back": None,
        }
    ]


def test_a_block_is_in_the_history_and_the_feed(client: FlaskClient, fedex: str) -> None:
    """As an event that says it all; the carrier's own fields stay as they are."""
    before = data(client.get(fedex))
    client.post(f"{fedex}/block", json=BLOCK)
    entry = history(client, fedex)[1]
    said = {"block_id": 1, **SAID}
    assert (entry["type"], entry["data"], entry["changes"]) == ("CarrierBlocked", said, [])
    found = data(client.get("/events?type=CarrierBlocked"))["events"]
    assert [each["data"] for each in found] == [said]
    assert data(client.get(fedex)) == {**before, "version": 2}


def test_a_block_is_lifted_for_a_reason(client: FlaskClient, fedex: str) -> None:
    """It is still shown; what was recorded before can be asked for. The same goes for preferences,
    and both stay possible once the carrier has left."""
    client.post(f"{fedex}/block", json=BLOCK)
    client.post(f"{fedex}/prefer", json=PREFERENCE)
    client.post(f"{fedex}/retire", json={"reason": "Merged"})
    failure(client.post(f"{fedex}/block", json={**BLOCK, "reason": "Late"}), 409)
    client.post(f"{fedex}/unblock", json={"block_id": 1, "reason": "Settled"})
    client.post(f"{fedex}/unprefer", json={"preference_id": 1, "reason": "Gone"})
    for noun, why in (("blocks", "Settled"), ("preferences", "Gone")):
        (now,) = data(client.get(f"{fedex}/blocks?on=2026-06-01"))[noun]
        (before,) = data(client.get(f"{fedex}/blocks?on=2026-06-01&version=3"))[noun]
        assert (now["holds"], now["taken_back"]) == (False, why)
        assert (before["holds"], before["taken_back"]) == (True, None)


def test_a_verdict_is_overridden_for_some_days(client: FlaskClient, fedex: str) -> None:
    """By an event with a reason; it can be taken back. One without an end is refused, and so is one
    of a rule that only its own commands decide."""
    body = {"rule": "recent", "valid_from": "2026-01-01", "reason": "Called them"}
    for wrong in ({}, {"valid_to": "2026-01-31", "rule": "active"}, {"valid_to": "2025-12-31"}):
        failure(client.post(f"{fedex}/override-verdict", json={**body, **wrong}), 422)
    body["valid_to"] = "2026-01-31"
    assert data(client.post(f"{fedex}/override-verdict", json=body))["version"] == 2
    said = {**body, "override_id": 1, "country": None, "service": None, "customer": None}
    found = data(client.get(f"{fedex}/blocks?on=2026-01-31"))["overrides"]
    assert found == [{**said, "holds": True, "taken_back": None}]
    assert history(client, fedex)[1]["data"] == said
    client.post(f"{fedex}/withdraw-override", json={"override_id": 1, "reason": "Not so"})
    (found,) = data(client.get(f"{fedex}/blocks?on=2026-01-31"))["overrides"]
    assert (found["holds"], found["taken_back"]) == (False, "Not so")


def test_a_block_is_given_once(client: FlaskClient, fedex: str) -> None:
    """With a key or without one."""
    for replay in (None, "true"):
        answer = client.post(f"{fedex}/block", json=BLOCK, headers=key("k"))
        assert data(answer)["version"] == 2
        assert answer.headers.get("Idempotent-Replay") == replay
    assert data(client.post(f"{fedex}/block", json=BLOCK))["version"] == 2
    plan = data(client.post(f"{fedex}/block?dry_run=true", json={**BLOCK, "reason": "Late"}))
    assert plan["events"][0]["data"]["block_id"] == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("country", "worldwide"), ("country", ""), ("service", "EXPRESS"), ("customer", " "),
        ("customer", "x" * 101), ("valid_from", None), ("valid_from", "2026-02-30"),
        ("valid_to", "2025-12-31"), ("reason", None), ("colour", "red"),
    ],
)  # fmt: skip
def test_a_field_that_breaks_its_rule_is_named(
    client: FlaskClient, fedex: str, field: str, value: object
) -> None:
    """422 with a sentence, and nothing is written."""
    answer = client.post(f"{fedex}/block", json={**BLOCK, field: value})
    assert failure(answer, 422)[1].keys() == {field}
    assert data(client.get(fedex))["version"] == 1


def test_a_block_of_nothing_is_refused(client: FlaskClient, fedex: str) -> None:
    """And so is one that there is not."""
    body = {**BLOCK, "country": None, "service": None}
    assert failure(client.post(f"{fedex}/block", json=body), 422)[1].keys() == {"service"}
    body = {"block_id": 1, "reason": "Settled"}
    assert failure(client.post(f"{fedex}/unblock", json=body), 422)[1].keys() == {"block_id"}


def test_the_blocks_of_nobody(client: FlaskClient) -> None:
    """404, as the carrier itself; a carrier without blocks has an empty list."""
    failure(client.get(f"/carriers/{NOBODY}/blocks"), 404)
    address = register(client)
    found = data(client.get(f"{address}/blocks"))
    assert (found["blocks"], found["preferences"], found["overrides"]) == ([], [], [])
    failure(client.get(f"{address}/blocks?on=yesterday"), 400)
