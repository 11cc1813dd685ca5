"""Documents over HTTP: filed, shown for a day, replaced, withdrawn; and notes for people."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.answers import data, failure
from tests.support.carriers import NOBODY, history, key, register, seen

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
