"""GET /audit.csv: who changed what from what to what."""

import csv
import io
import json
import socket
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.api.resources.audit_csv import COLUMNS
from app.application.ports.errors import StoreUnavailable
from app.application.services import Services
from tests.support.answers import another, data, failure, refused
from tests.support.carriers import NOBODY, register, rename
from tests.support.csv_reader import without_what_was_added

Line = Mapping[str, str]
INSURANCE = {
    "kind": "cargo-insurance",
    "number": "P-1",
    "issuer": "Allianz",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
}


def lines_of(client: FlaskClient, **asked: str) -> list[Line]:
    """Of an audit, by the names of the columns."""
    answer = client.get("/audit.csv", query_string=asked)
    assert answer.status_code == 200, answer.text
    assert answer.text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def changes(lines: list[Line]) -> list[tuple[str, ...]]:
    """Version, event, field, old and new of each line."""
    return [
        (each["version"], each["event"], each["field"], each["old"], each["new"]) for each in lines
    ]


def test_a_changed_field_is_a_line(client: FlaskClient) -> None:
    """With its moment, its actor, what it was and became, why, and by which request."""
    carrier = register(client)
    carrier_id = carrier.rpartition("/")[2]
    headers = {"X-Request-ID": "my-request"}
    client.post(f"{carrier}/suspend", json={"reason": "Fraud; =cmd"}, headers=headers)
    answer = client.get("/audit.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.text.startswith(",".join(COLUMNS) + "\r\n")
    lines = lines_of(client)
    assert changes(lines) == [
        ("1", "CarrierRegistered", "name", "", "FedEx"),
        ("1", "CarrierRegistered", "email", "", "contact@fedex.com"),
        ("1", "CarrierRegistered", "state", "", "active"),
        ("2", "CarrierSuspended", "state", "active", "suspended"),
        ("2", "CarrierSuspended", "reason", "", "Fraud;' =cmd"),
        ("2", "CarrierSuspended", "category", "", "other"),
    ]
    history = data(client.get(f"{carrier}/history"))["events"]
    assert [each["recorded_at"] for each in lines[2:4]] == [each["at"] for each in history]
    for line in lines:
        assert (line["carrier_id"], line["actor"]) == (carrier_id, "anonymous")
    assert lines[3]["reason"] == "Fraud;' =cmd"
    assert lines[3]["request_id"] == "my-request"


def test_what_has_numbers_is_named_by_them(client: FlaskClient) -> None:
    """Documents and blocks are part of what changed, from what to what."""
    carrier = register(client)
    client.post(f"{carrier}/file-document", json=INSURANCE)
    renewed = {"document_id": 1, "number": "P-2", "issuer": "Allianz", "valid_from": "2026-06-01"}
    client.post(f"{carrier}/replace-document", json=renewed)
    client.post(
        f"{carrier}/block", json={"service": "air", "valid_from": "2026-01-01", "reason": "x"}
    )
    client.post(f"{carrier}/unblock", json={"block_id": 1, "reason": "Better now"})
    found = changes(lines_of(client))[3:]
    filed, replaced, blocked, unblocked = (
        [(each[2:]) for each in found if each[0] == version] for version in "2345"
    )
    assert ("documents.1.number", "", "P-1") in filed
    assert ("documents.1.replaced_by", "", "2") in replaced
    assert ("documents.2.number", "", "P-2") in replaced
    assert ("blocks.1.service", "", "air") in blocked
    assert unblocked == [("blocks.1.ended", "", "Better now")]


def test_a_scheduled_change_and_a_merge_are_in_it(client: FlaskClient) -> None:
    """What is to be, and what became of a carrier that another one stands for."""
    carrier, other = register(client), client.post("/register-carrier", json=another()).headers
    planned = {"name": "Later", "effective_on": "2999-01-01", "reason": "New owner"}
    assert client.post(f"{carrier}/schedule-change", json=planned).status_code == 200
    into = other["Location"].rpartition("/")[2]
    merged = {"into": into, "reason": "One company"}
    assert client.post(f"{carrier}/merge", json=merged).status_code == 200
    found = [each[2:] for each in changes(lines_of(client, carrier=carrier.rpartition("/")[2]))]
    assert ("scheduled.1.effective_on", "", "2999-01-01") in found
    assert ("scheduled.1.changes", "", '{"name":"Later"}') in found
    assert ("state", "active", "merged") in found
    assert ("merged_into", "", into) in found
    of_survivor = lines_of(client, carrier=into)[3:]
    assert {each["reason"] for each in of_survivor} <= {"", "One company"}
    assert of_survivor


def test_every_event_has_a_line(client: FlaskClient) -> None:
    """One that changes no field has what it says."""
    carrier = register(client)
    client.post(f"{carrier}/annotate", json={"note": "Ask for Ms Ito"})
    incident = {"kind": "late", "happened_on": "2026-01-02", "note": "2 hours"}
    client.post(f"{carrier}/note-incident", json=incident)
    assert changes(lines_of(client))[3:] == [
        ("2", "CarrierAnnotated", "note", "", "Ask for Ms Ito"),
        ("3", "CarrierIncidentNoted", "kind", "", "late"),
        ("3", "CarrierIncidentNoted", "happened_on", "", "2026-01-02"),
        ("3", "CarrierIncidentNoted", "note", "", "2 hours"),
    ]


def test_the_policy_is_in_it(client: FlaskClient) -> None:
    """Under its own name, which can be asked for."""
    register(client)
    policy = {
        "requirements": [],
        "recent_within_days": 30,
        "approval_required": True,
        "second_person_for": [],
    }
    assert client.put("/policy", json=policy).status_code == 200
    expected = [
        ("1", "PolicyAdopted", "recent_within_days", "", "30"),
        ("1", "PolicyAdopted", "approval_required", "false", "true"),
    ]
    assert changes(lines_of(client))[3:] == expected
    lines = lines_of(client, carrier="policy")
    assert changes(lines) == expected
    assert {each["carrier_id"] for each in lines} == {"policy"}


def test_lists_are_json(client: FlaskClient) -> None:
    """Both what was and what became."""
    carrier = register(client)
    for aliases in (["A"], ["=1", "B"]):
        client.post(f"{carrier}/update-profile", json={"aliases": aliases})
    line = lines_of(client)[-1]
    assert json.loads(line["old"]) == ["A"]
    assert json.loads(without_what_was_added(line["new"])) == ["=1", "B"]


def test_filters_select(client: FlaskClient) -> None:
    """By carrier, actor and moment; from is included, to is not; the old value is that before the
    event, whatever is left out."""
    first, second = register(client), client.post("/register-carrier", json=another()).headers
    for number in range(3):
        rename(client, first, f"Name {number}")
    rename(client, second["Location"], "Other")
    first_id = first.rpartition("/")[2]
    history = data(client.get(f"{first}/history"))["events"]
    of_first = changes(lines_of(client, carrier=first_id.upper()))
    assert of_first[3:] == [
        ("2", "CarrierRenamed", "name", "FedEx", "Name 0"),
        ("3", "CarrierRenamed", "name", "Name 0", "Name 1"),
        ("4", "CarrierRenamed", "name", "Name 1", "Name 2"),
    ]
    last = history[-1]["at"]
    assert ("4", "CarrierRenamed", "name", "Name 1", "Name 2") in changes(
        lines_of(client, **{"from": last})
    )
    before = lines_of(client, to=last, carrier=first_id)
    assert all(each["recorded_at"] < last for each in before)
    assert lines_of(client, actor="nobody") == []
    assert len(lines_of(client, actor="anonymous")) == len(lines_of(client)) == 10
    for nothing in ({"from": "9999-12-31T23:59:59Z"}, {"to": "0001-01-01T00:00:00+14:00"}):
        assert lines_of(client, **nothing) == []


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to", "later"),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00+01:00"}, "to", "later"),
        ({"from": "yesterday"}, "from", "must be a moment"),
        ({"to": "2026-01-01"}, "to", "must be a moment"),
        ({"carrier": "FedEx"}, "carrier", "must be the id of a carrier, or policy"),
        ({"actor": ""}, "actor", "must have 1 to 128 characters"),
        ({"since": "2026-01-01T00:00:00Z"}, "since", "unknown"),
    ],
)
def test_a_bad_query_is_told(
    client: FlaskClient, asked: dict[str, str], field: str, said: str
) -> None:
    """By the parameter that is wrong."""
    _, details = failure(client.get("/audit.csv", query_string=asked), 400)
    assert said in details[field]


def test_a_carrier_that_is_not_there_is_no_empty_file(client: FlaskClient) -> None:
    """Nor is the policy, before one was adopted, an error."""
    assert "no carrier" in refused(client.get(f"/audit.csv?carrier={NOBODY}"), 404)
    assert lines_of(client, carrier="policy") == []


def test_before_http_1_1_it_is_refused(client: FlaskClient) -> None:
    """A file that was cut short would look whole."""
    answer = client.get("/audit.csv", environ_overrides={"SERVER_PROTOCOL": "HTTP/1.0"})
    assert "HTTP/1.1" in refused(answer, 400)


def test_a_failure_in_the_middle_breaks_the_file(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And gives its place back."""
    monkeypatch.setattr("app.application.audit.audit.AT_ONCE", 1)
    carrier = register(client)
    rename(client, carrier, "Other")
    read = services.feed.read

    def failing(after: int, *rest: Any) -> Any:  # noqa: ANN401
        if after:
            raise StoreUnavailable("gone")
        return read(after, *rest)

    monkeypatch.setattr(services.feed, "read", failing)
    for _ in range(5):
        answer = client.get("/audit.csv", buffered=False)
        assert answer.status_code == 200
        with pytest.raises(StoreUnavailable):
            list(answer.response)
        answer.close()
    monkeypatch.setattr(services.feed, "read", read)
    assert len(lines_of(client)) == 4


@pytest.mark.parametrize(("events", "is_answered"), [(1, True), (2, False)])
def test_who_has_left_is_not_read_for(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, events: int, is_answered: bool
) -> None:
    """Where nothing is found, which would be written; who ended only their own side is answered as
    far as the first page goes."""
    monkeypatch.setattr("app.application.audit.audit.AT_ONCE", 1)
    carrier = register(client)
    for number in range(events - 1):
        rename(client, carrier, f"Other {number}")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.shutdown(socket.SHUT_WR)
        answer = client.get(
            "/audit.csv?actor=nobody",
            environ_overrides={"gunicorn.socket": ours},
            buffered=False,
        )
        assert answer.status_code == 200
        with nullcontext() if is_answered else pytest.raises(BrokenPipeError):
            list(answer.response)
        answer.close()
