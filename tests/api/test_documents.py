"""Documents over HTTP: filed, shown for a day, replaced, withdrawn; and notes for people."""

from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.api.schemas import directory
from tests.support.answers import another, data, failure
from tests.support.carriers import NOBODY, history, key, names_listed, register, seen

listed = partial(names_listed, hidden="covered")
COVER: dict[str, Any] = {
    "kind": "cargo-insurance",
    "number": "CI-2026-17",
    "issuer": "Example Insurance plc",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "limit": {"amount": "1000000.00", "currency": "eur"},
    "sha256": "9F" * 32,
    "url": "https://FILES.example.com/CI-2026-17.pdf",
}
SAID: dict[str, Any] = {
    **COVER,
    "limit": {"amount": "1000000", "currency": "EUR"},
    "sha256": "9f" * 32,
    "url": "https://files.example.com/CI-2026-17.pdf",
}
RENEWAL = {
    "document_id": 1,
    "number": "CI-2027-4",
    "issuer": "Example Insurance plc",
    "valid_from": "2027-01-01",
}
UNTOUCHED = {"standing": "in-force", "reason": None, "replaced_by": None}


@pytest.fixture
def fedex(client: FlaskClient) -> str:
    """The address of a carrier that is registered."""
    return register(client)


def shown(client: FlaskClient, address: str, query: str = "") -> list[dict[str, Any]]:
    """The carrier's documents."""
    documents: list[dict[str, Any]] = data(client.get(f"{address}/documents{query}"))["documents"]
    return documents


def test_a_document_is_filed_and_shown(client: FlaskClient, fedex: str) -> None:
    """In its normal form, with whether it holds on the day that is asked for."""
    answer = client.post(f"{fedex}/file-document", json=COVER)
    assert (data(answer)["version"], answer.headers["ETag"]) == (2, '"2"')
    found = data(client.get(f"{fedex}/documents?on=2026-12-31"))
    assert (found["version"], found["on"]) == (2, "2026-12-31")
    assert found["documents"] == [{**SAID, **UNTOUCHED, "document_id": 1, "holds": True}]
    assert not shown(client, fedex, "?on=2027-01-01")[0]["holds"]


def test_what_was_filed_is_in_the_history_and_the_feed(client: FlaskClient, fedex: str) -> None:
    """As an event that says it all; the carrier's own fields stay as they are."""
    before = data(client.get(fedex))
    client.post(f"{fedex}/file-document", json=COVER)
    entry = history(client, fedex)[1]
    said = {"document_id": 1, **SAID}
    assert (entry["type"], entry["data"], entry["changes"]) == ("CarrierDocumentFiled", said, [])
    found = data(client.get("/events?type=CarrierDocumentFiled"))["events"]
    assert [each["data"] for each in found] == [said]
    assert data(client.get(fedex)) == {**before, "version": 2}


def test_a_renewal_takes_the_place_of_a_document(client: FlaskClient, fedex: str) -> None:
    """From its first day on; what was recorded before can still be asked for."""
    client.post(f"{fedex}/file-document", json=COVER)
    assert data(client.post(f"{fedex}/replace-document", json=RENEWAL))["version"] == 3
    former, new = shown(client, fedex, "?on=2027-01-01")
    assert (former["standing"], former["replaced_by"], former["holds"]) == ("replaced", 2, False)
    assert (new["document_id"], new["kind"], new["valid_to"]) == (2, "cargo-insurance", None)
    assert new["holds"]
    (former,) = shown(client, fedex, "?on=2026-06-01&version=2")
    assert (former["standing"], former["holds"]) == ("in-force", True)


def test_a_withdrawal_says_why(client: FlaskClient, fedex: str) -> None:
    """And stays possible once the carrier has left; filing does not."""
    client.post(f"{fedex}/file-document", json=COVER)
    client.post(f"{fedex}/retire", json={"reason": "Merged"})
    failure(client.post(f"{fedex}/file-document", json={**COVER, "number": "2"}), 409)
    failure(client.post(f"{fedex}/replace-document", json=RENEWAL), 409)
    withdrawal = {"document_id": 1, "reason": "Forged"}
    assert data(client.post(f"{fedex}/withdraw-document", json=withdrawal))["state"] == "retired"
    (found,) = shown(client, fedex, "?on=2026-06-01")
    assert (found["standing"], found["reason"], found["holds"]) == ("withdrawn", "Forged", False)


def test_a_filing_takes_a_key_a_condition_and_a_dry_run(client: FlaskClient, fedex: str) -> None:
    """As every command does; without a key, too, one document is filed once."""
    plan = data(client.post(f"{fedex}/file-document?dry_run=true", json=COVER))
    assert plan["events"] == [{"type": "CarrierDocumentFiled", "data": {"document_id": 1, **SAID}}]
    stale = client.post(f"{fedex}/file-document", json=COVER, headers=seen('"7"'))
    assert stale.status_code == 412
    for replay in (None, "true"):
        answer = client.post(f"{fedex}/file-document", json=COVER, headers=key("k"))
        assert data(answer)["version"] == 2
        assert answer.headers.get("Idempotent-Replay") == replay
    assert data(client.post(f"{fedex}/file-document", json=COVER))["version"] == 2
    failure(client.post(f"/carriers/{NOBODY}/file-document", json=COVER), 404)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("kind", "insurance", "kind"), ("number", " ", "number"), ("issuer", None, "issuer"),
        ("valid_from", "2026-02-30", "valid_from"), ("valid_to", "2025-12-31", "valid_to"),
        ("limit", "1000000 EUR", "limit"), ("limit", [], "limit"),
        ("limit", {}, "limit.amount"), ("limit", {"amount": 5, "currency": "EUR"}, "limit.amount"),
        ("limit", {"amount": "5", "currency": "EURO"}, "limit.currency"),
        ("limit", {"amount": "5", "currency": "EUR", "per": "year"}, "limit.per"),
        ("sha256", "9f", "sha256"), ("url", "http://a.example/", "url"),
        ("colour", "red", "colour"),
    ],
)  # fmt: skip
def test_a_field_that_breaks_its_rule_is_named(
    client: FlaskClient, fedex: str, field: str, value: object, named: str
) -> None:
    """422 with a sentence, and nothing is written."""
    answer = client.post(f"{fedex}/file-document", json={**COVER, field: value})
    details = failure(answer, 422)[1]
    assert named in details
    assert all(sentence.startswith("The ") for sentence in details.values())
    assert data(client.get(fedex))["version"] == 1


@pytest.mark.parametrize("number", ["1", 1.0, True, 0, -1, 10**30, None, [1], 2])
def test_a_document_is_named_by_its_number(client: FlaskClient, fedex: str, number: object) -> None:
    """A whole number that the carrier has; nothing is turned into one."""
    client.post(f"{fedex}/file-document", json=COVER)
    body = {"document_id": number, "reason": "Forged"}
    answer = client.post(f"{fedex}/withdraw-document", json=body)
    assert failure(answer, 422)[1].keys() == {"document_id"}


def test_a_limit_is_for_kinds_that_have_one(client: FlaskClient, fedex: str) -> None:
    """Null is none, for every kind."""
    body = {**COVER, "kind": "food-safety"}
    assert failure(client.post(f"{fedex}/file-document", json=body), 422)[1].keys() == {"limit"}
    answer = client.post(f"{fedex}/file-document", json={**body, "limit": None})
    assert data(answer)["version"] == 2


@pytest.mark.parametrize(
    "query",
    ["on=yesterday", "on=2026-02-30", "on=", "at=now", "version=0", "day=1",
     "version=1&at=2026-01-01T00:00Z"],
)  # fmt: skip
def test_a_bad_question_is_refused(client: FlaskClient, fedex: str, query: str) -> None:
    """400 with the parameter that is wrong."""
    failure(client.get(f"{fedex}/documents?{query}"), 400)


def test_the_documents_of_nobody(client: FlaskClient) -> None:
    """404, as the carrier itself; a carrier without documents has an empty list."""
    failure(client.get(f"/carriers/{NOBODY}/documents"), 404)
    found = data(client.get(f"{register(client)}/documents"))
    assert (found["documents"], len(found["on"])) == ([], len("2026-11-26"))


def test_today_is_the_day_where_the_carrier_is(client: FlaskClient) -> None:
    """Between the first zone and the last one there is always midnight."""
    days = []
    for zone in ("Etc/GMT+12", "Pacific/Kiritimati"):
        body = {**another(), "time_zone": zone}
        address = client.post("/register-carrier", json=body).headers["Location"]
        found = data(client.get(f"{address}/documents"))
        days.append(found["on"])
    assert days[0] < days[1]


def test_the_moment_of_knowledge_is_not_the_day_of_the_question(
    client: FlaskClient, fedex: str
) -> None:
    """At a moment before the filing there was none, whichever day is asked for."""
    client.post(f"{fedex}/file-document", json=COVER)
    at = data(client.get(fedex))["registered_at"].replace("+", "%2B")
    registered, filed = history(client, fedex)
    if registered["at"] < filed["at"]:
        assert shown(client, fedex, f"?on=2026-06-01&at={at}") == []
    assert len(shown(client, fedex, "?on=2020-01-01&at=9999-01-01T00:00:00Z")) == 1


def test_a_note_is_in_the_history(client: FlaskClient, fedex: str) -> None:
    """Also of a carrier that has left; the carrier itself is as it was, at the next version."""
    before = data(client.get(fedex))
    client.post(f"{fedex}/annotate", json={"note": " Ask for Ms Ito "})
    entry = history(client, fedex)[1]
    assert (entry["type"], entry["data"]) == ("CarrierAnnotated", {"note": "Ask for Ms Ito"})
    assert data(client.get(fedex)) == {**before, "version": 2}
    client.post(f"{fedex}/retire", json={"reason": "Merged"})
    assert data(client.post(f"{fedex}/annotate", json={"note": "Now at DHL"}))["version"] == 4
    failure(client.post(f"{fedex}/annotate", json={"note": "x" * 1001}), 422)


def filed(client: FlaskClient, name: str, *documents: dict[str, Any]) -> str:
    """The address of a carrier with these documents, which lists know already."""
    answer = client.post("/register-carrier", json={**another(), "name": name})
    address: str = answer.headers["Location"]
    for number, document in enumerate(documents):
        body = {**COVER, "limit": None, "number": str(number), **document}
        answer = client.post(f"{address}/file-document", json=body)
    token = answer.headers["Consistency-Token"]
    assert client.get("/carriers", headers={"Consistency-Token": token}).status_code == 200
    return address


@pytest.fixture
def fleet(client: FlaskClient) -> FlaskClient:
    """A client of a service that knows carriers with documents of all kinds of days."""
    filed(client, "A")
    filed(client, "B", {"valid_from": "2090-01-01", "valid_to": "2090-12-31"})
    filed(client, "C", {"valid_from": "2020-01-01", "valid_to": "2091-06-30"})
    filed(client, "D", {"valid_from": "2020-01-01", "valid_to": None})
    filed(
        client,
        "E",
        {"kind": "contract", "valid_from": "2020-01-01", "valid_to": "2089-01-31"},
        {"valid_from": "2020-01-01", "valid_to": "2090-06-30"},
    )
    return client


def test_carriers_are_found_by_a_document_that_is_missing(fleet: FlaskClient) -> None:
    """On the day that is asked for: those without one, whose last one is over, or is to come."""
    cargo = "missing=cargo-insurance"
    assert listed(fleet, cargo) == ["A", "B"]
    assert listed(fleet, f"{cargo}&on=2090-01-01") == ["A"]
    assert listed(fleet, f"{cargo}&on=2090-07-01") == ["A", "E"]
    assert listed(fleet, f"{cargo}&on=2091-01-01&sort=registered_at") == ["A", "B", "E"]
    assert listed(fleet, f"{cargo}&on=2091-07-01") == ["A", "B", "C", "E"]
    assert listed(fleet, "missing=contract") == ["A", "B", "C", "D"]
    assert listed(fleet, "missing=contract&q=b") == ["B"]
    assert fleet.get(f"/carriers.csv?{cargo}").text.count("\r\n") == 3


def test_carriers_are_found_by_a_document_that_expires(fleet: FlaskClient) -> None:
    """From the day that is asked for on; in the order of the first last day."""
    assert listed(fleet, "expiring_before=2090-07-01&sort=next_expiry") == ["E"]
    assert listed(fleet, "expiring_before=2092-01-01&sort=next_expiry") == [
        "E",
        "B",
        "C",
    ]
    assert listed(fleet, "expiring_before=2092-01-01") == ["B", "C", "E"]
    assert listed(fleet, "expiring_before=2090-06-30&on=2089-02-01") == []
    assert listed(fleet, "expiring_before=2090-07-01&on=2090-06-30") == ["E"]
    assert listed(fleet, "expiring_before=2020-01-01") == []
    assert listed(fleet, "sort=next_expiry") == ["E", "B", "C"]
    assert listed(fleet, "sort=next_expiry&missing=contract") == ["B", "C"]


def test_a_renewal_and_a_withdrawal_change_what_is_found(client: FlaskClient) -> None:
    """As soon as lists know of them."""
    address = filed(client, "A", {"valid_from": "2020-01-01", "valid_to": "2090-12-31"})
    renewal = {**RENEWAL, "valid_from": "2091-01-01", "valid_to": "2091-12-31"}
    token = client.post(f"{address}/replace-document", json=renewal).headers["Consistency-Token"]
    client.get("/carriers", headers={"Consistency-Token": token})
    assert listed(client, "expiring_before=2091-01-01") == []
    assert listed(client, "missing=cargo-insurance&on=2091-06-01") == []
    withdrawal = {"document_id": 2, "reason": "Not paid for"}
    token = client.post(f"{address}/withdraw-document", json=withdrawal).headers[
        "Consistency-Token"
    ]
    client.get("/carriers", headers={"Consistency-Token": token})
    assert listed(client, "expiring_before=2091-01-01&sort=next_expiry") == ["A"]
    assert listed(client, "missing=cargo-insurance&on=2091-06-01") == ["A"]


def test_a_list_is_another_one_on_the_next_day(
    fleet: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though no event has come: the tag of yesterday's answer is not known, and a walk goes on."""
    address = "/carriers?missing=cargo-insurance&limit=1"
    monkeypatch.setattr(directory, "_today", lambda: "2090-06-30")
    yesterday = fleet.get(address)
    known = {"If-None-Match": yesterday.headers["ETag"]}
    assert fleet.get(address, headers=known).status_code == 304
    assert listed(fleet, "missing=cargo-insurance") == ["A"]
    monkeypatch.setattr(directory, "_today", lambda: "2090-07-01")
    assert fleet.get(address, headers=known).status_code == 200
    first = data(fleet.get(address))
    monkeypatch.setattr(directory, "_today", lambda: "2090-07-02")
    second = data(fleet.get(f"{address}&cursor={first['next']}"))
    assert [each["name"] for each in second["carriers"]] == ["E"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("missing=insurance", "missing"),
        ("missing=cargo-insurance,contract", "missing"),
        ("expiring_before=soon", "expiring_before"),
        ("missing=contract&on=2020-01-01", "on"),
        ("on=2020-01-01", "on"),
        ("sort=expiry", "sort"),
        ("tag=Two%20words", "tag"),
    ],
)
def test_a_filter_that_is_none_is_refused(client: FlaskClient, query: str, named: str) -> None:
    """400 with the parameter that is wrong."""
    assert failure(client.get(f"/carriers?{query}"), 400)[1].keys() == {named}
