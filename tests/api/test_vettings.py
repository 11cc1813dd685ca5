"""POST /carriers/{id}/vet keeps the answer whether a carrier can be given work; GET /vettings/{id}
gives it for ever."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.application.vetting import ID_PATTERN
from tests.support.answers import another, data, failure
from tests.support.directory import covers
from tests.support.policies import policy, requires

WORK = {"country": "DE", "service": "express"}


@pytest.fixture
def location(client: FlaskClient) -> str:
    """The address of a carrier that offers express in Germany."""
    body = {**another(), "coverage": covers(express=["DE"])}
    return client.post("/register-carrier", json=body).headers["Location"]


def vetted(client: FlaskClient, location: str, **work: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The record of a vetting."""
    record: dict[str, Any] = data(client.post(f"{location}/vet", json={**WORK, **work}), 201)
    return record


def test_the_answer_is_kept(client: FlaskClient, location: str) -> None:
    """What eligibility says, with who asked, when, for what, and how far the feed was."""
    client.put("/policy", json=policy(requires(service="express")))
    given = {"valid_from": "2026-01-01", "customer": "ACME", "reason": "Agreed"}
    client.post(f"{location}/prefer", json=given)
    query = "country=DE&service=express&customer=acme&on=2026-12-01"
    judged = data(client.get(f"{location}/eligibility?{query}"))
    version = judged.pop("version")
    feed = data(client.get("/events"))
    answer = client.post(
        f"{location}/vet",
        json={"country": "de", "service": "express", "customer": "acme", "on": "2026-12-01"},
    )
    record = data(answer, 201)
    assert re.fullmatch(ID_PATTERN, record["vetting_id"])
    assert datetime.fromisoformat(record["at"]) <= datetime.now(UTC)
    assert record == {
        **judged,
        "judged_version": version,
        "vetting_id": record["vetting_id"],
        "at": record["at"],
        "who": "anonymous",
        "country": "DE",
        "service": "express",
        "customer": "acme",
        "feed": feed["feed"],
        "position": len(feed["events"]),
    }
    assert (record["eligible"], record["preferences"]) == (
        False,
        [{"preference_id": 1, "reason": "Agreed"}],
    )
    assert answer.headers["Location"] == f"/vettings/{record['vetting_id']}"
    assert answer.headers["ETag"] == f'"{record["judged_version"] + 1}"'
    assert data(client.get(answer.headers["Location"])) == record


def test_it_never_changes(client: FlaskClient, location: str) -> None:
    """Whatever becomes of the carrier and of the policy; each time it is asked is another one."""
    first = vetted(client, location)
    second = vetted(client, location)
    client.put("/policy", json=policy(requires(service="express")))
    client.post(f"{location}/retire", json={"reason": "Bankrupt"})
    third = vetted(client, location)
    assert [each["eligible"] for each in (first, second, third)] == [True, True, False]
    for each in (first, second, third):
        assert data(client.get(f"/vettings/{each['vetting_id']}")) == each
        assert data(client.get(f"/vettings/{each['vetting_id'].upper()}")) == each
    assert len({each["vetting_id"] for each in (first, second, third)}) == 3


def test_it_is_in_the_history_and_changes_nothing(client: FlaskClient, location: str) -> None:
    """Of what the carrier is."""
    before = data(client.get(location))
    record = vetted(client, location, on="2026-12-01")
    entry = data(client.get(f"{location}/history"))["events"][-1]
    assert (entry["type"], entry["changes"]) == ("CarrierVetted", [])
    assert entry["data"]["rules"] == record["rules"]
    assert entry["data"]["judged_version"] == record["judged_version"] == before["version"]
    assert {**data(client.get(location)), "version": before["version"]} == before


def test_it_is_no_change_to_any_rule(client: FlaskClient, location: str) -> None:
    """Not to how recent the profile is, nor to which event decided."""
    client.put("/policy", json=policy(recent_within_days=1))
    before = vetted(client, location)
    after = vetted(client, location)
    assert after["rules"] == before["rules"]
    assert after["judged_version"] == before["judged_version"] + 1


def test_it_is_made_once(client: FlaskClient, location: str) -> None:
    """Under one idempotency key; a dry run makes none."""
    headers = {"Idempotency-Key": "load-17"}
    first = client.post(f"{location}/vet", json=WORK, headers=headers)
    client.post(f"{location}/suspend", json={"reason": "late"})
    again = client.post(f"{location}/vet", json=WORK, headers=headers)
    assert data(again, 201) == data(first, 201)
    assert again.headers["Idempotent-Replay"] == "true"
    plan = data(client.post(f"{location}/vet?dry_run=true", json=WORK))
    (event,) = plan["events"]
    assert (event["type"], event["data"]["eligible"]) == ("CarrierVetted", False)
    assert data(client.get(location))["version"] == 4


def test_it_is_made_on_a_condition(client: FlaskClient, location: str) -> None:
    """Of the carrier that somebody has seen."""
    assert client.post(f"{location}/vet", json=WORK, headers={"If-Match": '"1"'}).status_code == 412
    assert client.post(f"{location}/vet", json=WORK, headers={"If-Match": '"2"'}).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"service": "express"}, "country"),
        ({"country": "XX", "service": "express"}, "country"),
        ({"country": "DE", "service": "walk"}, "service"),
        ({**WORK, "on": "tomorrow"}, "on"),
        ({**WORK, "customer": ""}, "customer"),
        ({**WORK, "finding": {}}, "finding"),
    ],
)
def test_the_work_has_to_be_named(
    client: FlaskClient, location: str, body: dict[str, Any], field: str
) -> None:
    """And nobody can say what was found."""
    assert set(failure(client.post(f"{location}/vet", json=body), 422)[1]) == {field}


def test_an_id_is_of_one_vetting(client: FlaskClient, location: str) -> None:
    """Nothing else has one, and none that is nearly right shows another one."""
    record = vetted(client, location)
    carrier_id = record["carrier_id"]
    mark = record["vetting_id"].rpartition("-")[2]
    event = data(client.get(f"{location}/history"))["events"][0]["event_id"][:8]
    other = "0" * 8 if mark != "0" * 8 else "1" * 8
    for wrong in (
        "1",
        carrier_id,
        f"{carrier_id}-3-{other}",
        f"{carrier_id}-4-{mark}",
        f"{carrier_id}-1-{event}",
        f"{carrier_id}-9999999999-{mark}",
        f"{carrier_id}-03-{mark}",
        f"{'0' * 8}{carrier_id[8:]}-3-{mark}",
        f"{record['vetting_id']}%0A",
    ):
        answer = client.get(f"/vettings/{wrong}", headers={"Accept": "application/problem+json"})
        assert answer.status_code == 404
        assert answer.json is not None
        assert answer.json["type"].endswith("vetting-not-found"), wrong
