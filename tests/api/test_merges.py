"""Merges over HTTP: what is chosen goes to the survivor, and the other one says where it went."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.application.consistency import token_in
from tests.support.answers import data, failure, invalid, refused
from tests.support.carriers import NOBODY, Headers, history, key, rename, seen
from tests.support.policies import policy

DOCUMENT = {
    "kind": "cargo-insurance",
    "number": "CI-1",
    "issuer": "Example plc",
    "valid_from": "2026-01-01",
    "valid_to": "2099-12-31",
}
USDOT = [{"scheme": "usdot", "value": "86876"}]


def register(client: FlaskClient, name: str, email: str) -> str:
    """The id of a new carrier."""
    body = {"name": name, "email": email, "identifiers": USDOT, "phone": "+498912345678"}
    carrier_id: str = data(client.post("/register-carrier", json=body), 201)["carrier_id"]
    return carrier_id


def two(client: FlaskClient) -> tuple[str, str]:
    """One company, twice."""
    return register(client, "FedEx", "a@fedex.com"), register(client, "FedEx Ltd", "b@fedex.com")


def merge(
    client: FlaskClient, carrier: str, headers: Headers | None = None, /, **body: object
) -> TestResponse:
    """The answer to the command."""
    given = {"reason": "One company", **body}
    return client.post(f"/carriers/{carrier}/merge", json=given, headers=headers)


def shown(client: FlaskClient, carrier: str) -> Any:  # noqa: ANN401 - JSON
    """The carrier as it is."""
    return data(client.get(f"/carriers/{carrier}"))


def listed(client: FlaskClient, after: TestResponse, query: str = "") -> list[str]:
    """The ids in the list, once it knows of an answer."""
    headers = {"Consistency-Token": after.headers["Consistency-Token"]}
    page = data(client.get(f"/carriers{query}", headers=headers))
    return [each["carrier_id"] for each in page["carriers"]]


def test_a_merged_carrier_says_where_it_went(client: FlaskClient) -> None:
    """By its own id, with its history; every command names the one to send it to."""
    one, other = two(client)
    answer = merge(client, one, into=other, take=["email", "name"])
    assert data(answer) == {"carrier_id": one, "version": 3, "state": "merged"}
    merged, survivor = shown(client, one), shown(client, other)
    assert (merged["merged_into"], merged["name"]) == (other, "FedEx")
    assert (survivor["merged_into"], survivor["name"]) == (None, "FedEx")
    assert survivor["email"] == "a@fedex.com"
    assert [each["type"] for each in history(client, f"/carriers/{one}")][2:] == ["CarrierMerged"]
    sentence, details = failure(rename(client, f"/carriers/{one}", "DHL"), 409)
    assert sentence == f"The carrier was merged into {other}: send this to that one"
    assert details == {"state": "It is merged", "possible": "Possible is unmerge"}


def test_what_a_merged_carrier_had_stays_reachable(client: FlaskClient) -> None:
    """Its documents, as they were too, its aliases, by which it is found, and each of its events;
    its address is the survivor's to take, and nobody else's."""
    one, other = two(client)
    update = client.post(f"/carriers/{one}/update-profile", json={"aliases": ["Federal Express"]})
    filed = client.post(f"/carriers/{one}/file-document", json=DOCUMENT)
    assert update.status_code == 200
    version = data(filed)["version"]
    before = data(client.get(f"/carriers/{one}/documents"))["documents"]
    done = merge(client, one, into=other)
    assert shown(client, one)["aliases"] == ["Federal Express"]
    for asked in ("", f"?version={version}"):
        found = data(client.get(f"/carriers/{one}/documents{asked}"))["documents"]
        assert found == before
    assert len(before) == 1
    assert listed(client, done, "?state=merged&q=federal") == [one]
    for number, entry in enumerate(history(client, f"/carriers/{one}"), 1):
        as_of = data(client.get(f"/carriers/{one}?version={number}"))
        assert (as_of["version"], entry["version"]) == (number, number)
    taken = {"name": "Somebody", "email": "a@fedex.com"}
    assert client.post("/register-carrier", json=taken).status_code == 409
    moved = client.post(f"/carriers/{other}/change-email", json={"email": "a@fedex.com"})
    assert moved.status_code == 200


def test_the_same_request_is_one_merge(client: FlaskClient) -> None:
    """With its key; and on a version that the caller has seen."""
    one, other = two(client)
    assert merge(client, one, seen('"1"'), into=other).status_code == 412
    asked = {**key("k"), **seen('"2"')}
    first = merge(client, one, asked, into=other)
    again = merge(client, one, asked, into=other)
    assert data(again) == data(first)
    assert again.headers["Idempotent-Replay"] == "true"
    assert merge(client, one, key("k"), into=NOBODY).status_code == 422


def test_the_token_names_both(client: FlaskClient) -> None:
    """Of a merge and of an unmerge, also when they are sent again: a list asked with it has what
    became of the survivor."""
    one, other = two(client)
    asked: list[tuple[str, dict[str, object]]] = [
        ("merge", {"into": other, "reason": "One company", "take": ["name"]}),
        ("unmerge", {"reason": "Two"}),
    ]
    for version, (command, body) in enumerate(asked, 3):
        for _ in range(2):
            answer = client.post(f"/carriers/{one}/{command}", json=body, headers=key(command))
            token = token_in(answer.headers["Consistency-Token"])
            assert token.written == {one: version, other: version}


def test_lists_and_counts_have_the_survivor_alone(client: FlaskClient) -> None:
    """The merged one is found by its state; the two are no duplicates any more."""
    one, other = two(client)
    done = merge(client, one, into=other)
    assert listed(client, done) == [other]
    assert listed(client, done, "?q=fedex&identifier=usdot:86876") == [other]
    assert listed(client, done, "?state=merged") == [one]
    assert listed(client, done, "?state=merged&q=fedex") == [one]
    token = {"Consistency-Token": done.headers["Consistency-Token"]}
    assert data(client.get("/duplicates?min_score=1", headers=token))["pairs"] == []
    counts = data(client.get("/statistics", headers=token))
    assert counts["total"] == 1
    assert counts["states"] == {"active": 1, "suspended": 0, "retired": 0, "merged": 1}


def test_a_merge_is_taken_back(client: FlaskClient) -> None:
    """Both are what they were, in the list as well."""
    one, other = two(client)
    before = shown(client, one), shown(client, other)
    merge(client, one, into=other, take=["email", "name"])
    done = client.post(f"/carriers/{one}/unmerge", json={"reason": "Two"})
    assert data(done) == {"carrier_id": one, "version": 4, "state": "active"}
    after = shown(client, one), shown(client, other)
    for was, became in zip(before, after, strict=True):
        assert became == was | {"version": 4}
    assert sorted(listed(client, done)) == sorted([one, other])


def test_a_survivor_that_has_changed_keeps_what_it_took(client: FlaskClient) -> None:
    """409, and both are as they were."""
    one, other = two(client)
    merge(client, one, into=other)
    rename(client, f"/carriers/{other}", "FedEx Express")
    answer = client.post(f"/carriers/{one}/unmerge", json={"reason": "Two"})
    assert f"The carrier {other} has changed since" in refused(answer, 409)
    assert shown(client, one)["state"] == "merged"


def test_the_survivor_is_a_carrier_that_can_be_one(client: FlaskClient) -> None:
    """Another one, which is there, not retired, and not merged itself."""
    one, other = two(client)
    third = register(client, "DHL", "c@dhl.com")
    for wrong in (one, NOBODY, "x"):
        assert "into" in invalid(merge(client, one, into=wrong))
    for take in (["state"], "name", None):
        assert "take" in invalid(merge(client, one, into=other, take=take))
    text = {"take.0": "The take.0 must be text"}
    assert invalid(merge(client, one, into=other, take=[1])) == text
    merge(client, other, into=third)
    assert f"merged itself, into {third}" in refused(merge(client, one, into=other), 409)
    client.post(f"/carriers/{third}/retire", json={"reason": "Bankrupt"})
    assert "is retired" in refused(merge(client, one, into=third), 409)
    assert shown(client, one)["version"] == 2


def test_what_waits_for_a_second_person_is_not_taken_by_a_merge(client: FlaskClient) -> None:
    """It would be a way around the policy."""
    one, other = two(client)
    data(client.put("/policy", json=policy(second_person_for=["email"])))
    sentence = refused(merge(client, one, into=other, take=["name", "email"]), 409)
    assert sentence.startswith("A change of email waits for a second person")
    assert merge(client, one, into=other, take=["name"]).status_code == 200
