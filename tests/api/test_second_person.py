"""Approvals and changes that wait for a second person, over HTTP: by whose key, what is shown."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.application.ports.keys import KeyStore, Scope
from app.application.services import Services
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.support.answers import FEDEX, data, failure
from tests.support.directory import covers
from tests.support.keys import add_key, bearer
from tests.support.policies import policy

WORK = "country=DE&service=express"
Ask = Callable[..., Any]


@pytest.fixture
def people(settings: Settings, services: Services) -> dict[str, Mapping[str, str]]:
    """The headers that show who asks: ann, bob and cid, each with a key."""
    keys: KeyStore = SqliteKeyStore(settings.sqlite_path)
    return {name: bearer(add_key(keys, name, Scope.ADMIN)) for name in ("ann", "bob", "cid")}


@pytest.fixture
def ask(client: FlaskClient, people: dict[str, Mapping[str, str]]) -> Ask:
    """Sends a command on the one carrier, as somebody."""
    body = {**FEDEX, "coverage": covers(express=["DE"])}
    address = client.post("/register-carrier", json=body, headers=people["ann"]).headers["Location"]

    def send(who: str, command: str = "", **body: object) -> Any:  # noqa: ANN401
        key = {"Idempotency-Key": str(body.pop("key"))} if "key" in body else {}
        if not command or "?" in command or command in {"history"}:
            return client.get(f"{address}/{command}".rstrip("/"), headers=people[who])
        return client.post(f"{address}/{command}", json=body, headers={**people[who], **key})

    return send


def adopt(client: FlaskClient, who: Mapping[str, str], **members: object) -> None:
    """Let a policy hold."""
    assert client.put("/policy", json=policy(**members), headers=who).status_code == 200


def rule(ask: Ask, name: str) -> dict[str, Any]:
    """The verdict of one rule."""
    rules = data(ask("ann", f"eligibility?{WORK}"))["rules"]
    (found,) = (each for each in rules if each["rule"] == name)
    return dict(found)


def test_a_carrier_is_approved_by_another_key(
    client: FlaskClient, people: dict[str, Mapping[str, str]], ask: Ask
) -> None:
    """Until then it is not eligible, where the policy asks for it; 409 says who cannot."""
    adopt(client, people["cid"], approval_required=True)
    assert rule(ask, "approved")["explanation"] == "The carrier has not been approved"
    message, _ = failure(ask("ann", "approve", reason="Fine"), 409)
    assert message == "You cannot be the second person who approves it; somebody else has to be"
    assert data(ask("bob", "approve", reason="Called them"))["version"] == 3
    assert (rule(ask, "approved")["holds"], rule(ask, "approved")["event"]["version"]) == (True, 3)
    assert data(ask("ann"))["approval"] == {
        "granted": True,
        "reason": "Called them",
        "changed": [],
    }


def test_an_approval_lapses_with_what_was_approved(
    client: FlaskClient, people: dict[str, Mapping[str, str]], ask: Ask
) -> None:
    """Whoever changed it cannot approve it again, even who approved it before."""
    adopt(client, people["cid"], approval_required=True)
    ask("bob", "approve", reason="Called them")
    ask("bob", "update-profile", phone="+498912345678")
    assert data(ask("ann"))["approval"]["changed"] == ["phone"]
    found = rule(ask, "approved")
    assert (found["holds"], found["event"]["type"]) == (False, "CarrierProfileUpdated")
    failure(ask("bob", "approve", reason="Called them"), 409)
    ask("cid", "approve", reason="Called the new number")
    assert rule(ask, "approved")["holds"]


def test_a_change_waits_for_another_key(
    client: FlaskClient, people: dict[str, Mapping[str, str]], ask: Ask
) -> None:
    """The old value holds, the proposal is shown and in the feed at once, and work has to wait."""
    adopt(client, people["cid"], second_person_for=["email", "phone"])
    answer = ask("bob", "change-email", email="new@fedex.com")
    assert data(answer)["version"] == 3
    shown = data(ask("ann"))
    assert (shown["email"], shown["pending"]) == (
        FEDEX["email"],
        [{"proposal_id": 1, "changes": {"email": "new@fedex.com"}}],
    )
    found = data(client.get("/events?type=CarrierChangeProposed", headers=people["ann"]))["events"]
    assert [each["data"]["changes"] for each in found] == [{"email": "new@fedex.com"}]
    held = rule(ask, "not-on-hold")
    assert (held["holds"], held["event"]["type"]) == (False, "CarrierChangeProposed")
    failure(ask("bob", "confirm-change", proposal_id=1, reason="Mine"), 409)
    for replay in (None, "true"):
        answer = ask("ann", "confirm-change", proposal_id=1, reason="Called them", key="k")
        assert data(answer)["version"] == 5
        assert answer.headers.get("Idempotent-Replay") == replay
    shown = data(ask("ann"))
    assert (shown["email"], "pending" in shown) == ("new@fedex.com", False)
    assert rule(ask, "not-on-hold")["holds"]
    changed = data(ask("ann", "history"))["events"][3]["changes"]
    assert changed == [{"field": "email", "from": FEDEX["email"], "to": "new@fedex.com"}]


def test_a_proposal_is_discarded(
    client: FlaskClient, people: dict[str, Mapping[str, str]], ask: Ask
) -> None:
    """By anybody, with a reason; other fields never waited."""
    adopt(client, people["cid"], second_person_for=["phone"])
    ask("bob", "update-profile", phone="+498912345678", website="https://www.fedex.com")
    shown = data(ask("ann"))
    assert (shown["phone"], shown["website"]) == (None, "https://www.fedex.com")
    failure(ask("ann", "discard-change", proposal_id=1), 422)
    assert data(ask("bob", "discard-change", proposal_id=1, reason="A typo"))["version"] == 5
    failure(ask("ann", "confirm-change", proposal_id=1, reason="Called them"), 422)
    shown = data(ask("ann"))
    assert (shown["phone"], "pending" in shown) == (None, False)


def test_without_keys_nobody_is_a_second_person(client: FlaskClient) -> None:
    """The sentence says what to do; rejecting needs no second person."""
    address = client.post("/register-carrier", json=FEDEX).headers["Location"]
    message, _ = failure(client.post(f"{address}/approve", json={"reason": "Fine"}), 409)
    assert "create API keys, one for each person" in message
    assert data(client.post(f"{address}/reject", json={"reason": "No answer"}))["version"] == 2


def test_a_dry_run_of_a_policy_knows_who_is_approved_and_blocked(
    client: FlaskClient, people: dict[str, Mapping[str, str]], ask: Ask
) -> None:
    """An approved carrier loses nothing by a policy that asks for approval, nor does one that is
    blocked for all that it offers; one that nobody has approved does."""

    def ceasing() -> int:
        asked = policy(approval_required=True)
        answer = client.put("/policy?dry_run=true", json=asked, headers=people["cid"])
        return int(data(answer)["effect"]["cease"]["carriers"])

    def written(answer: Any) -> None:  # noqa: ANN401
        token = {"Consistency-Token": answer.headers["Consistency-Token"]}
        client.get("/carriers?limit=1", headers={**people["ann"], **token})

    written(ask("ann", "annotate", note="Registered"))
    assert ceasing() == 1
    block = {"country": "DE", "valid_from": "2020-01-01", "reason": "Two claims"}
    written(ask("ann", "block", **block))
    assert ceasing() == 0
    written(ask("ann", "unblock", block_id=1, reason="Settled"))
    assert ceasing() == 1
    written(ask("bob", "approve", reason="Called them"))
    assert ceasing() == 0
