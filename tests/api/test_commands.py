"""The life of a carrier over HTTP: every command, once, and what it would do."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.application.deadline import Deadline
from app.application.services import Services
from tests.support.answers import FEDEX, data, failure
from tests.support.carriers import NOBODY, history, key, register, rename
from tests.support.threads import at_once

REASON = {"reason": "Merged"}
COMMANDS: dict[str, dict[str, Any]] = {
    "rename": {"name": "FedEx Express"},
    "change-email": {"email": "hello@fedex.com"},
    "update-profile": {"phone": "+49 89 12345678", "metadata": {"tier": 1}},
    "suspend": {"reason": "No cover", "category": "insurance"},
    "reinstate": {"reason": "Covered again"},
    "retire": REASON,
}
ANOTHER: dict[str, dict[str, Any]] = {
    "rename": {"name": "FedEx Freight"},
    "change-email": {"email": "freight@fedex.com"},
    "update-profile": {"phone": None},
    "suspend": {"reason": "Another"},
    "reinstate": {"reason": "Another"},
    "retire": {"reason": "Another"},
}


@pytest.fixture
def fedex(client: FlaskClient) -> str:
    """The address of a carrier that is registered."""
    return register(client)


def test_every_command_answers_with_id_version_and_state(client: FlaskClient, fedex: str) -> None:
    """And the version as ETag; asked for again they change nothing and add no event."""
    for version, (command, body) in enumerate(COMMANDS.items(), 2):
        state = {"suspend": "suspended", "retire": "retired"}.get(command, "active")
        for _ in range(2):
            answer = client.post(f"{fedex}/{command}", json=body)
            carrier_id = fedex.removeprefix("/carriers/")
            assert data(answer) == {"carrier_id": carrier_id, "version": version, "state": state}
            assert answer.headers["ETag"] == f'"{version}"'
            assert "Idempotent-Replay" not in answer.headers
            if command in ("rename", "retire"):
                assert len(history(client, fedex)) == version
    shown = data(client.get(fedex))
    assert {field: shown[field] for field in ("name", "email", "phone", "state", "reason")} == {
        "name": "FedEx Express",
        "email": "hello@fedex.com",
        "phone": "+498912345678",
        "state": "retired",
        "reason": "Merged",
    }


@pytest.mark.parametrize(
    ("command", "body"),
    [*COMMANDS.items(), ("reinstate", {}), ("reinstate", {"reason": None}), ("suspend", REASON)],
)
def test_a_command_takes_its_body(
    client: FlaskClient, fedex: str, command: str, body: dict[str, Any]
) -> None:
    """What is optional may be left out; what nobody knows is refused, as is what is no object."""
    if command == "reinstate":
        client.post(f"{fedex}/suspend", json=REASON)
    path = f"{fedex}/{command}"
    assert failure(client.post(path, json={**body, "extra": 1}), 422)[1].keys() == {"extra"}
    failure(client.post(path, json=[body]), 422)
    failure(client.post(path, data=b"{"), 415)
    failure(client.post(path, data=b"{", content_type="application/json"), 400)
    failure(client.post(f"{path}?force=true", json=body), 400)
    failure(client.get(path), 405)
    failure(client.post(f"/carriers/{NOBODY}/{command}", json=body), 404)
    failure(client.post(f"/carriers/1/{command}", json=body), 404)
    data(client.post(path, json=body))


@pytest.mark.parametrize(
    ("command", "body", "field"),
    [
        ("rename", {}, "name"),
        ("rename", {"name": " "}, "name"),
        ("change-email", {"email": "x"}, "email"),
        ("suspend", {}, "reason"),
        ("suspend", {"reason": "x" * 501}, "reason"),
        ("suspend", {"reason": "x", "category": "weather"}, "category"),
        ("reinstate", {"reason": ""}, "reason"),
        ("retire", {"reason": None}, "reason"),
        ("update-profile", {"phone": "1"}, "phone"),
        ("update-profile", {"identifiers": [{"scheme": "scac", "value": "1"}]},
            "identifiers.0.value"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named(
    client: FlaskClient, fedex: str, command: str, body: dict[str, Any], field: str
) -> None:
    """422 with a sentence for the field, and nothing has happened."""
    assert failure(client.post(f"{fedex}/{command}", json=body), 422)[1].keys() == {field}
    assert len(history(client, fedex)) == 1


def test_a_state_that_forbids_is_named(client: FlaskClient, fedex: str) -> None:
    """409 with the state and what is possible in it; retired, nothing is."""
    client.post(f"{fedex}/suspend", json=REASON)
    _, details = failure(client.post(f"{fedex}/suspend", json={"reason": "x"}), 409)
    assert "suspended" in details["state"]
    assert all(command in details["possible"] for command in ("rename", "reinstate", "retire"))
    client.post(f"{fedex}/retire", json=REASON)
    for command, body in COMMANDS.items():
        if command != "retire":
            _, details = failure(client.post(f"{fedex}/{command}", json=body), 409)
            assert "retired" in details["state"]
            assert details.keys() == {"state", "possible"}


def test_an_address_belongs_to_one_carrier(client: FlaskClient, fedex: str) -> None:
    """409 with the field, in whatever spelling; a change and a retirement free it."""
    taken = {"name": "DHL", "email": "Contact@FedEx.com"}
    assert failure(client.post("/register-carrier", json=taken), 409)[1].keys() == {"email"}
    dhl = client.post("/register-carrier", json={**taken, "email": "a@b.com"}).headers["Location"]
    mine = {"email": "CONTACT@fedex.com"}
    assert failure(client.post(f"{dhl}/change-email", json=mine), 409)[1].keys() == {"email"}
    data(client.post(f"{fedex}/change-email", json={"email": "hello@fedex.com"}))
    data(client.post(f"{dhl}/change-email", json=mine))
    data(client.post(f"{dhl}/retire", json=REASON))
    data(client.post("/register-carrier", json=taken), 201)


def test_a_key_makes_a_registration_one(client: FlaskClient) -> None:
    """The first answer again, to the letter, whatever the order and the spelling of the JSON."""
    first = client.post("/register-carrier", json=FEDEX, headers=key("k"))
    location = first.headers["Location"]
    rename(client, location, "DHL")
    client.post(f"{location}/retire", json=REASON)
    turned = b'{"email": "contact@fedex.com",\n "name": "\\u0046edEx"}'
    again = client.post(
        "/register-carrier", data=turned, content_type="application/json", headers=key("k")
    )
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers
    for header in ("Location", "ETag"):
        assert again.headers[header] == first.headers[header]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_key_makes_a_change_one(client: FlaskClient, fedex: str, command: str) -> None:
    """The first answer again, though other changes have come since; another body is refused."""
    if command == "reinstate":
        client.post(f"{fedex}/suspend", json=REASON)
    first = client.post(f"{fedex}/{command}", json=COMMANDS[command], headers=key("k"))
    data(first)
    rename(client, fedex, "Later")
    happened = history(client, fedex)
    again = client.post(f"{fedex}/{command}", json=COMMANDS[command], headers=key("k"))
    assert (again.status_code, again.data) == (200, first.data)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Idempotent-Replay"] == "true"
    reused = client.post(f"{fedex}/{command}", json=ANOTHER[command], headers=key("k"))
    assert failure(reused, 422)[1].keys() == {"Idempotency-Key"}
    assert history(client, fedex) == happened


def test_a_key_stands_for_one_command(client: FlaskClient, fedex: str) -> None:
    """The same body for another command is another request."""
    client.post(f"{fedex}/suspend", json={"reason": "x"}, headers=key("k"))
    failure(client.post(f"{fedex}/retire", json={"reason": "x"}, headers=key("k")), 422)


@pytest.mark.parametrize("text", ["", "a b", "é", "\t", "k" * 256])
def test_a_key_is_visible_ascii(client: FlaskClient, fedex: str, text: str) -> None:
    """1 to 255 characters; anything else is refused before anything is done."""
    failure(rename(client, fedex, "DHL", key(text)), 400)
    failure(client.post("/register-carrier", json=FEDEX, headers=key(text)), 400)
    data(rename(client, fedex, "DHL", key("~" * 255)))
    assert len(history(client, fedex)) == 2


def test_one_key_from_many_clients_is_one_event(client: FlaskClient, fedex: str) -> None:
    """16 at once: every answer is the same."""
    app = client.application

    def send(_: int) -> tuple[int, bytes, str | None]:
        answer = rename(app.test_client(), fedex, "DHL", key("k"))
        return answer.status_code, answer.data, answer.headers.get("ETag")

    assert len(set(at_once(16, send))) == 1
    assert len(history(client, fedex)) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_dry_run_says_what_the_real_one_does(
    client: FlaskClient, fedex: str, command: str
) -> None:
    """Events, version, state and changes; until then nothing is written, under no key."""
    if command == "reinstate":
        client.post(f"{fedex}/suspend", json=REASON)
    before = history(client, fedex)
    path, body = f"{fedex}/{command}", COMMANDS[command]
    for _ in range(2):
        plan = data(client.post(f"{path}?dry_run=true", json=body, headers=key("k")))
        assert history(client, fedex) == before
    done = client.post(f"{path}?dry_run=false", json=body, headers=key("k"))
    assert "Idempotent-Replay" not in done.headers
    assert plan.keys() == {"dry_run", "version", "state", "events", "changes"}
    assert plan["dry_run"] is True
    assert {name: plan[name] for name in ("version", "state")} == {
        name: data(done)[name] for name in ("version", "state")
    }
    (happened,) = history(client, fedex)[len(before) :]
    assert plan["changes"] == happened["changes"]
    assert [planned["type"] for planned in plan["events"]] == [happened["type"]]
    nothing = data(client.post(f"{path}?dry_run=true", json=body))
    assert (nothing["events"], nothing["changes"]) == ([], [])


def test_a_dry_registration_registers_nobody(client: FlaskClient, services: Services) -> None:
    """It says the events as they are then stored."""
    body = {**FEDEX, "aliases": ["FDX"], "phone": None}
    plan = data(client.post("/register-carrier?dry_run=true", json=body))
    location = client.post("/register-carrier", json=body).headers["Location"]
    stored = services.store.read(location.removeprefix("/carriers/"), Deadline.after(5))
    assert [(each["type"], each["data"]) for each in plan["events"]] == [
        (each.data.event_type, json.loads(each.data.payload)) for each in stored
    ]
    assert plan["version"] == 2
    assert {change["field"]: change["to"] for change in plan["changes"]} == {
        change["field"]: change["to"]
        for entry in history(client, location)
        for change in entry["changes"]
    }


@pytest.mark.parametrize("query", ["dry_run=", "dry_run=True", "dry_run=1", "dry_run=yes", "dry=1"])
def test_a_dry_run_is_asked_for_in_one_way(client: FlaskClient, fedex: str, query: str) -> None:
    """Whatever else would be taken for a real run is refused."""
    (field,) = failure(client.post(f"{fedex}/rename?{query}", json={"name": "DHL"}), 400)[1]
    assert field == query.partition("=")[0]
    assert len(history(client, fedex)) == 1


def test_a_key_of_a_command_that_changed_nothing_stays_done(client: FlaskClient) -> None:
    """Sent again after another's change it gets the first answer, and undoes nothing; another
    body is told apart."""
    fedex = register(client)
    first = rename(client, fedex, "FedEx", key("k"))
    rename(client, fedex, "DHL")
    again = rename(client, fedex, "FedEx", key("k"))
    assert (again.status_code, again.data, again.headers["ETag"]) == (200, first.data, '"1"')
    assert again.headers["Idempotent-Replay"] == "true"
    assert rename(client, fedex, "UPS", key("k")).status_code == 422
    assert [entry["type"] for entry in history(client, fedex)] == [
        "CarrierRegistered",
        "CarrierRenamed",
    ]
