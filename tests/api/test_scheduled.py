"""Changes that are scheduled, over HTTP: shown, listed and judged for a day, and cancelled."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.api.schemas import directory
from app.application.ports.keys import Scope
from app.application.services import Services
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.support.answers import FEDEX, data, failure, invalid
from tests.support.carriers import history, key, seen
from tests.support.directory import covers
from tests.support.keys import add_key, bearer
from tests.support.policies import policy, requires

BEFORE, DAY, AFTER = "2090-06-14", "2090-06-15", "2090-06-16"
CHANGE: dict[str, Any] = {
    "effective_on": DAY,
    "reason": "Sold",
    "name": "Zeta Cargo",
    "coverage": covers(air=["FR"]),
    "identifiers": [{"scheme": "scac", "value": "ZETA"}],
}
WORK = "country=FR&service=air"
On = Callable[[str], None]


@pytest.fixture
def fedex(client: FlaskClient) -> str:
    """The address of a carrier that offers express work in Germany, and is to change on DAY, as
    lists know."""
    body = {**FEDEX, "coverage": covers(express=["DE"])}
    address = client.post("/register-carrier", json=body).headers["Location"]
    answer = client.post(f"{address}/schedule-change", json=CHANGE)
    assert data(answer)["version"] == 3
    seen_by_lists(client, answer)
    return address


@pytest.fixture
def on(services: Services, monkeypatch: pytest.MonkeyPatch) -> On:
    """Lets it be noon of a day."""

    def on_day(day: str) -> None:
        noon = datetime.combine(date.fromisoformat(day), time(12), UTC)
        monkeypatch.setattr(services.carriers, "_clock", lambda: noon)
        monkeypatch.setattr(directory, "_today", lambda: day)

    return on_day


def seen_by_lists(client: FlaskClient, answer: TestResponse) -> None:
    """Wait until lists know of what the command has done."""
    token = answer.headers["Consistency-Token"]
    data(client.get("/carriers", headers={"Consistency-Token": token}))


def names(client: FlaskClient, query: str) -> list[str]:
    """The names in a list that holds all that was written."""
    return [each["name"] for each in data(client.get(f"/carriers?{query}"))["carriers"]]


def test_a_carrier_is_shown_as_it_is_to_be(client: FlaskClient, fedex: str) -> None:
    """From the day on; before it with what is to come."""
    today = data(client.get(fedex))
    assert (today["name"], today["coverage"]) == ("FedEx", covers(express=["DE"]))
    changes = {name: CHANGE[name] for name in ("name", "identifiers", "coverage")}
    assert today["scheduled"] == [
        {"change_id": 1, "effective_on": DAY, "changes": changes, "reason": "Sold"}
    ]
    assert data(client.get(f"{fedex}?on={BEFORE}")) == today
    then = data(client.get(f"{fedex}?on={DAY}"))
    assert (then["version"], then["name"], then["coverage"]) == (
        3,
        "Zeta Cargo",
        covers(air=["FR"]),
    )
    assert "scheduled" not in then


def test_nobody_has_to_do_anything_on_the_day(client: FlaskClient, fedex: str, on: On) -> None:
    """The same request has another answer, with another ETag, at the same version; either is a
    condition for the next change."""
    known = client.get(fedex).headers["ETag"]
    assert known == '"3"'
    on(DAY)
    answer = client.get(fedex, headers={"If-None-Match": known})
    assert (data(answer)["name"], answer.headers["ETag"]) == ("Zeta Cargo", '"3.1"')
    assert client.get(fedex, headers={"If-None-Match": '"3.1"'}).status_code == 304
    note = {"note": "Asked"}
    dry = data(client.post(f"{fedex}/annotate?dry_run=true", json=note, headers=seen('"3.1"')))
    assert [each["type"] for each in dry["events"]] == [
        "CarrierScheduledChangeTookEffect",
        "CarrierAnnotated",
    ]
    done = client.post(f"{fedex}/annotate", json=note, headers=seen('"3.1"'))
    assert (data(done)["version"], done.headers["ETag"]) == (5, '"5"')
    assert client.get(fedex).headers["ETag"] == '"5"'
    assert data(client.get(fedex))["name"] == "Zeta Cargo"


def test_the_history_says_who_scheduled_it_and_what_it_changed(
    client: FlaskClient, fedex: str, on: On
) -> None:
    """Scheduling changes no field; the effect does, and is in the feed as well."""
    on(AFTER)
    client.post(f"{fedex}/annotate", json={"note": "Asked"})
    *_, scheduled, effect, _ = history(client, fedex)
    assert (scheduled["type"], scheduled["changes"]) == ("CarrierChangeScheduled", [])
    assert scheduled["data"]["reason"] == "Sold"
    assert {"field": "name", "from": "FedEx", "to": "Zeta Cargo"} in effect["changes"]
    found = data(client.get("/events?type=CarrierScheduledChangeTookEffect"))["events"]
    assert [each["data"]["effective_on"] for each in found] == [DAY]


def test_a_moment_is_shown_as_it_was_answered_then(client: FlaskClient, fedex: str, on: On) -> None:
    """Also on a later day; with `on` it is what was known then of that day."""
    recorded = history(client, fedex)[-1]["at"].replace("+", "%2B")
    on(AFTER)
    client.post(f"{fedex}/annotate", json={"note": "Asked"})
    for asked in (f"at={recorded}", "version=3"):
        assert data(client.get(f"{fedex}?{asked}"))["name"] == "FedEx"
        assert data(client.get(f"{fedex}?{asked}&on={DAY}"))["name"] == "Zeta Cargo"
    assert data(client.get(f"{fedex}?version=2&on={DAY}"))["name"] == "FedEx"
    assert data(client.get(f"{fedex}?on={BEFORE}"))["name"] == "FedEx"


def test_lists_find_it_by_what_holds_on_the_day(client: FlaskClient, fedex: str) -> None:
    """By every filter, and show that; a list without a day is today's."""
    other = {"name": "Other", "email": "contact@example.com"}
    seen_by_lists(client, client.post("/register-carrier", json=other))
    for query, found in (
        ("service=air", [[], ["Zeta Cargo"]]),
        ("service=express", [["FedEx"], []]),
        ("country=FR&service=air", [[], ["Zeta Cargo"]]),
        ("country=DE", [["FedEx"], []]),
        ("identifier=scac:ZETA", [[], ["Zeta Cargo"]]),
        ("q=zet", [[], ["Zeta Cargo"]]),
        ("q=fedex", [["FedEx"], ["Zeta Cargo"]]),  # its address begins so on both days
        ("state=active", [["FedEx", "Other"], ["Zeta Cargo", "Other"]]),
    ):
        assert [names(client, f"{query}&on={day}") for day in (BEFORE, DAY)] == found, query
        assert names(client, query) == found[0]
    lines = client.get(f"/carriers.csv?service=air&on={DAY}").text.splitlines()
    assert (len(lines), "Zeta Cargo" in lines[1]) == (2, True)
    assert "scheduled" not in lines[0]


def test_a_list_is_another_one_on_the_day(client: FlaskClient, fedex: str, on: On) -> None:
    """Though no event has come."""
    on(BEFORE)
    yesterday = client.get("/carriers?service=air")
    assert data(yesterday)["carriers"] == []
    on(DAY)
    today = client.get(
        "/carriers?service=air", headers={"If-None-Match": yesterday.headers["ETag"]}
    )
    assert [each["name"] for each in data(today)["carriers"]] == ["Zeta Cargo"]
    assert data(client.get(fedex))["name"] == "Zeta Cargo"


def test_work_is_judged_by_what_holds_on_its_day(client: FlaskClient, fedex: str) -> None:
    """And the event that scheduled it decides."""
    asked = f"{fedex}/eligibility?{WORK}"
    before, then = (data(client.get(f"{asked}&on={day}")) for day in (BEFORE, DAY))
    assert (before["eligible"], then["eligible"]) == (False, True)
    (service,) = (each for each in then["rules"] if each["rule"] == "service")
    assert service["event"]["type"] == "CarrierChangeScheduled"
    assert client.get(f"{asked}&on={DAY}").headers["ETag"] == f'"3.0.{DAY}"'


def test_a_dry_run_of_a_policy_knows_what_holds_today(
    client: FlaskClient, fedex: str, on: On
) -> None:
    """Of carriers whose work is theirs by what is scheduled."""
    on(DAY)
    needs = policy(requires("contract", "air"))
    plan = data(client.put("/policy?dry_run=true", json=needs))
    assert plan["effect"]["cease"] == {"carriers": 1, "by_reason": {"contract": 1}}


def test_it_can_be_cancelled(client: FlaskClient, fedex: str) -> None:
    """With a reason, once; it counts on no day then."""
    body = {"change_id": 1, "reason": "Not sold"}
    for _ in range(2):
        answer = client.post(f"{fedex}/cancel-scheduled-change", json=body, headers=key("a"))
        assert data(answer)["version"] == 4
    then = data(client.get(f"{fedex}?on={DAY}"))
    assert (then["name"], "scheduled" in then) == ("FedEx", False)
    other = client.post(f"{fedex}/cancel-scheduled-change", json={**body, "change_id": 2})
    assert invalid(other) == {
        "change_id": "The change_id must be one of this carrier's scheduled changes"
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"effective_on": "2020-01-01", "name": "B"}, "effective_on"),
        ({"effective_on": DAY}, "name"),
        ({"effective_on": DAY, "name": " "}, "name"),
        ({"effective_on": "tomorrow", "name": "B"}, "effective_on"),
        ({"effective_on": DAY, "phone": "1"}, "phone"),
        ({"effective_on": DAY, "state": "retired"}, "state"),
    ],
)
def test_what_breaks_a_rule_is_named(
    client: FlaskClient, fedex: str, body: dict[str, Any], field: str
) -> None:
    """422 with a sentence, and nothing is written."""
    answer = client.post(f"{fedex}/schedule-change", json={"reason": "x", **body})
    assert failure(answer, 422)[1].keys() == {field}
    assert data(client.get(fedex))["version"] == 3


def test_an_address_is_taken_at_once(client: FlaskClient, fedex: str) -> None:
    """By nobody else, until it is cancelled; its own carrier may take it earlier."""
    body = {"effective_on": DAY, "reason": "Sold", "email": "zeta@example.com"}
    data(client.post(f"{fedex}/schedule-change", json=body))
    other = {"name": "Zeta", "email": "Zeta@example.com"}
    assert failure(client.post("/register-carrier", json=other), 409)
    data(client.post(f"{fedex}/cancel-scheduled-change", json={"change_id": 2, "reason": "No"}))
    data(client.post("/register-carrier", json=other), 201)
    assert failure(client.post(f"{fedex}/schedule-change", json=body), 409)


def test_what_a_second_person_looks_at_cannot_be_scheduled(
    client: FlaskClient, fedex: str, settings: Settings
) -> None:
    """It would be a way round that person; a change that was scheduled before the policy was
    adopted counts."""
    admin = bearer(add_key(SqliteKeyStore(settings.sqlite_path), "ann", Scope.ADMIN))
    members = policy(second_person_for=["phone"])
    assert client.put("/policy", json=members, headers=admin).status_code == 200
    body = {"effective_on": DAY, "reason": "Sold", "phone": "+498912345678"}
    details = invalid(client.post(f"{fedex}/schedule-change", json=body, headers=admin))
    assert details["phone"].endswith("change it on the day")
    assert data(client.get(f"{fedex}?on={DAY}", headers=admin))["name"] == "Zeta Cargo"


def test_the_day_is_today_or_later(client: FlaskClient, fedex: str, on: On) -> None:
    """What is for today holds at once."""
    on(DAY)
    body = {"reason": "Sold", "name": "B"}
    for day, status in ((BEFORE, 422), (DAY, 200)):
        answer = client.post(f"{fedex}/schedule-change", json={**body, "effective_on": day})
        assert answer.status_code == status
    assert data(client.get(fedex))["name"] == "B"
