"""GET and PUT /policy, and its history: whole, on conditions, once."""

import json
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from app.application import policy_effect
from app.domain.policy.adopt import POLICY_ID
from tests.support.answers import FEDEX, another, data, failure, invalid, refused
from tests.support.directory import covers
from tests.support.policies import NOTHING, policy, requires

INSURED = policy(requires(service="express", country="DE", minimum=(100_000, "EUR")))


def adopt(client: FlaskClient, body: object, **headers: str) -> Any:  # noqa: ANN401
    """The answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.put("/policy", json=body, headers=named)


def test_the_default(client: FlaskClient) -> None:
    """Before anybody has decided, nothing is asked for."""
    answer = client.get("/policy")
    assert data(answer) == {"version": 0, "adopted_at": None, "policy": NOTHING}
    assert answer.headers["ETag"] == '"0"'
    assert data(client.get("/policy/history")) == {"events": [], "next": None}
    assert client.get("/policy", headers={"If-None-Match": '"0"'}).status_code == 304


def test_an_adopted_policy(client: FlaskClient) -> None:
    """What was put is shown, with its version; the former ones stay."""
    answer = adopt(client, INSURED)
    assert data(answer) == {"version": 1}
    assert answer.headers["ETag"] == '"1"'
    adopt(client, NOTHING)
    shown = data(client.get("/policy?version=1"))
    assert (shown["version"], shown["policy"]) == (1, INSURED)
    moment = shown["adopted_at"].replace("+", "%2B")
    assert data(client.get(f"/policy?at={moment}"))["version"] in {1, 2}
    assert data(client.get("/policy?at=2000-01-01T00:00:00Z"))["version"] == 0
    assert data(client.get("/policy?version=0"))["policy"] == NOTHING
    assert data(client.get("/policy"))["version"] == 2
    missing = refused(client.get("/policy?version=3"), 404)
    assert missing == "The policy has no version 3; its last is 2"


def test_the_history(client: FlaskClient) -> None:
    """Who adopted what, in pages."""
    adopt(client, INSURED)
    adopt(client, {**INSURED, "approval_required": True})
    page = client.get("/policy/history?limit=1")
    (first,) = data(page)["events"]
    assert (first["version"], first["type"], first["who"]) == (1, "PolicyAdopted", "anonymous")
    assert first["data"] == {"policy": INSURED}
    changed = {"field": "requirements", "from": [], "to": INSURED["requirements"]}
    assert first["changes"] == [changed]
    assert page.headers["Link"] == '<?after=1&limit=1>; rel="next"'
    (second,) = data(client.get("/policy/history?after=1"))["events"]
    changed = {"field": "approval_required", "from": False, "to": True}
    assert second["changes"] == [changed]


@pytest.mark.parametrize("condition", [{"If_Match": '"0"'}, {"If_None_Match": "*"}])
def test_the_first_policy_can_be_asked_for(client: FlaskClient, condition: dict[str, str]) -> None:
    """Only if none was adopted; whoever is late is told what was."""
    assert adopt(client, INSURED, **condition).status_code == 200
    late = adopt(client, policy(recent_within_days=1), **condition)
    assert late.status_code == 412
    error = json.loads(late.data)["error"]
    assert error["message"] == "The policy is at version 1; look at what has happened since"
    assert error["current_version"] == 1
    assert [entry["version"] for entry in error["since"]] == [1]
    assert late.headers["ETag"] == '"1"'


def test_only_the_policy_that_was_seen_is_replaced(client: FlaskClient) -> None:
    """By its version; and a condition that is none is refused."""
    adopt(client, INSURED)
    assert adopt(client, NOTHING, If_Match='"1"').status_code == 200
    assert adopt(client, INSURED, If_Match='"1"').status_code == 412
    assert adopt(client, INSURED, If_Match='"2"', If_None_Match="*").status_code == 412
    assert adopt(client, INSURED, If_None_Match='"2"').status_code == 412
    message = refused(adopt(client, INSURED, If_None_Match="2"), 400)
    assert message.startswith("If-None-Match must name versions in quotation marks")
    assert data(client.get("/policy"))["version"] == 2
    assert data(adopt(client, INSURED, If_None_Match='"1"'))["version"] == 3


def test_a_key_sent_twice(client: FlaskClient) -> None:
    """The first answer again, also on a condition that is past; with another policy it is
    refused."""
    first = adopt(client, INSURED, Idempotency_Key="k", If_None_Match="*")
    adopt(client, NOTHING)
    again = adopt(client, INSURED, Idempotency_Key="k", If_None_Match="*")
    assert data(again) == data(first) == {"version": 1}
    assert again.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers
    failure(adopt(client, NOTHING, Idempotency_Key="k"), 422)
    assert data(client.get("/policy"))["version"] == 2


def test_equal_content_records_nothing(client: FlaskClient) -> None:
    """However it is written."""
    adopt(client, INSURED)
    written = json.loads(json.dumps(INSURED).replace("DE", "de").replace("EUR", "eur"))
    assert data(adopt(client, written)) == {"version": 1}
    assert len(data(client.get("/policy/history"))["events"]) == 1


def test_a_dry_run_writes_nothing(client: FlaskClient) -> None:
    """It says what would be written, on the same conditions."""
    plan = data(client.put("/policy?dry_run=true", json=INSURED))
    assert (plan["dry_run"], plan["version"]) == (True, 1)
    assert plan["events"] == [{"type": "PolicyAdopted", "data": {"policy": INSURED}}]
    assert [change["field"] for change in plan["changes"]] == ["requirements"]
    assert data(client.get("/policy"))["version"] == 0
    adopt(client, INSURED)
    dry = client.put("/policy?dry_run=true", json=NOTHING, headers={"If-Match": '"0"'})
    assert dry.status_code == 412


def covering(client: FlaskClient, *coverages: dict[str, list[str]]) -> None:
    """Register a carrier for each of these coverages, and wait until the view has them."""
    for coverage in coverages:
        body = {**another(), "coverage": covers(**coverage)}
        registered = client.post("/register-carrier", json=body)
    token = {"Consistency-Token": registered.headers["Consistency-Token"]}
    assert client.get("/carriers?limit=1", headers=token).status_code == 200


def effect(client: FlaskClient, body: object) -> Any:  # noqa: ANN401
    """What a dry run says that a policy would do."""
    return data(client.put("/policy?dry_run=true", json=body))["effect"]


def test_a_dry_run_says_whom_it_would_cost_work(client: FlaskClient) -> None:
    """How many active carriers would cease to be eligible for what they offer, or become so, and
    by which rule; each counts once."""
    covering(
        client,
        {"express": ["DE", "FR"], "air": ["DE"]},
        {"express": ["worldwide"]},
        {"express": ["FR"]},
        {"parcel": ["DE"]},
        {},
    )
    gone = {**another(), "coverage": covers(express=["DE"])}
    location = client.post("/register-carrier", json=gone).headers["Location"]
    token = client.post(f"{location}/retire", json={"reason": "x"}).headers["Consistency-Token"]
    client.get("/carriers?limit=1", headers={"Consistency-Token": token})
    asked = policy(requires(service="express", country="DE"), recent_within_days=1)
    nobody = {"carriers": 0, "by_reason": {}}
    assert effect(client, asked) == {
        "position": 12,
        "looked_at": 5,
        "complete": True,
        "become": nobody,
        "cease": {"carriers": 2, "by_reason": {"cargo-insurance": 2}},
    }
    adopt(client, asked)
    back = effect(client, policy())
    assert back["cease"] == nobody
    assert back["become"] == {"carriers": 2, "by_reason": {"cargo-insurance": 2}}
    both = effect(client, policy(requires(service="express", country="FR"), requires("contract")))
    assert both["become"] == nobody
    assert both["cease"] == {"carriers": 4, "by_reason": {"cargo-insurance": 3, "contract": 4}}


def test_a_dry_run_ends_in_time(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how many carriers it has looked at if it could not look at all of them."""
    covering(client, {"air": ["DE"]}, {"air": ["DE"]})
    monkeypatch.setattr(policy_effect, "ANSWER_SECONDS", 60)
    found = effect(client, policy(requires()))
    assert (found["complete"], found["looked_at"]) == (False, 0)


def test_what_no_policy_can_say(client: FlaskClient) -> None:
    """Each member that is wrong, missing or unknown has its sentence."""
    wrong = {
        "requirements": [
            {"kind": "licence", "minimum": {"amount": True, "currency": "EUX"}},
            {"kind": "other", "colour": "red"},
            "contract",
        ],
        "recent_within_days": "7",
        "approval_required": 1,
        "colour": "red",
    }
    kinds = (
        "The kind must be one of cargo-insurance, liability-insurance, operating-authority,"
        " customs-bond, dangerous-goods, food-safety, contract, other"
    )
    assert invalid(client.put("/policy", json=wrong)) == {
        "requirements.0.kind": kinds,
        "requirements.0.minimum.amount": "The requirements.0.minimum.amount must be text",
        "requirements.0.minimum.currency": "The currency must be an ISO 4217 code, such as EUR",
        "requirements.1.colour": "The requirements.1.colour field is unknown",
        "requirements.2": "The requirements.2 must be a JSON object",
        "recent_within_days": "The recent_within_days must be a whole number from 1 to 3650, or"
        " null",
        "approval_required": "The approval_required must be true or false",
        "second_person_for": "The second_person_for field is required",
        "colour": "The colour field is unknown",
    }
    missing = {name: terms for name, terms in NOTHING.items() if name != "recent_within_days"}
    assert invalid(client.put("/policy", json=missing)) == {
        "recent_within_days": "The recent_within_days field is required; it can be null"
    }
    twice = policy(requires(country="de"), requires(country="DE"))
    assert invalid(client.put("/policy", json=twice)) == {
        "requirements": "The requirements must name each kind of document only once for a service"
        " and a country"
    }
    many = policy(*[requires()] * 201)
    sentence = {"requirements": "There must be at most 200 requirements"}
    assert invalid(client.put("/policy", json=many)) == sentence
    assert data(client.get("/policy"))["version"] == 0


def test_the_feed_has_it(client: FlaskClient) -> None:
    """Between the events of carriers, with a source of its own."""
    client.post("/register-carrier", json=FEDEX)
    adopt(client, INSURED)
    _, event = data(client.get("/events"))["events"]
    shown = (event["source"], event["type"], event["subject"], event["streamversion"])
    assert shown == ("/policy", "PolicyAdopted", POLICY_ID, 1)
    assert event["data"] == {"policy": INSURED}
    (alone,) = data(client.get("/events?type=PolicyAdopted"))["events"]
    assert alone == event


def test_the_policy_is_no_carrier(client: FlaskClient) -> None:
    """Under its id no carrier is shown, listed, counted or changed; the views go on."""
    adopt(client, INSURED)
    registered = client.post("/register-carrier", json=FEDEX)
    address = f"/carriers/{POLICY_ID}"
    for path in ("", "/history", "/eligibility?country=DE&service=air"):
        assert refused(client.get(address + path), 404) == "There is no carrier with this id"
    assert client.post(f"{address}/rename", json={"name": "F"}).status_code == 404
    token = {"Consistency-Token": registered.headers["Consistency-Token"]}
    listed = data(client.get("/carriers", headers=token))["carriers"]
    assert [each["name"] for each in listed] == ["FedEx"]
    assert data(client.get("/statistics", headers=token))["total"] == 1
    assert client.get(f"/carriers/{uuid4()}").status_code == 404
