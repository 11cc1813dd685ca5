"""The page of a carrier and its timeline."""

import re
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from app.application.ports.keys import Scope
from app.infrastructure.sqlite.event_store import SqliteEventStore
from tests.desk.conftest import Office, registered
from tests.support.answers import data
from tests.support.forms import form_to
from tests.support.policies import policy, requires

COVERAGE = [{"service": "express", "countries": ["DE", "FR"]}]


def test_a_carrier_is_shown_with_what_it_may_do(client: FlaskClient) -> None:
    """And why not, with the event that decided it."""
    name = registered(client, "Alpha Cargo", coverage=COVERAGE)
    client.post(f"/carriers/{name}/suspend", json={"reason": "Papers are missing"})
    page = client.get(f"/desk/carriers/{name}?country=DE&service=express").text
    assert "Alpha Cargo" in page
    assert "The carrier is suspended: Papers are missing" in page
    assert "#event-3" in page
    assert "The carrier offers express in DE" in page


def test_a_carrier_is_read_once(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much its page tells of it; the latest of its events are what the timeline shows of
    them."""
    name = registered(client, "Alpha Cargo", coverage=COVERAGE)
    for number in range(6):
        data(client.post(f"/carriers/{name}/rename", json={"name": f"Name {number}"}))
    asked: list[str] = []
    read = SqliteEventStore.read

    def counted(store: SqliteEventStore, stream: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        asked.append(stream)
        return read(store, stream, *args, **options)

    monkeypatch.setattr(SqliteEventStore, "read", counted)
    page = client.get(f"/desk/carriers/{name}").text
    assert asked.count(name) == 1
    timeline = client.get(f"/desk/carriers/{name}/timeline").text
    shown = re.findall(r'id="event-([0-9]+)">(.*?)</li>', page, re.DOTALL)
    assert [number for number, _ in shown] == ["8", "7", "6", "5", "4"]
    assert all(said.strip() in timeline for _, said in shown)


def test_a_carrier_is_shown_with_what_can_be_taken_back(client: FlaskClient) -> None:
    """Its documents, blocks and waiting changes with the numbers that commands ask for; a block
    that was taken back is not among them."""
    name = registered(client, "Alpha Cargo", tags=["reefer"])
    here = f"/carriers/{name}"
    document = {"kind": "contract", "number": "C<7>", "issuer": "Acme", "valid_from": "2026-01-01"}
    data(client.post(f"{here}/file-document", json=document))
    data(client.post(f"{here}/withdraw-document", json={"document_id": 1, "reason": "Forged"}))
    block = {"valid_from": "2026-01-01", "country": "DE", "reason": "Too late there"}
    data(client.post(f"{here}/block", json=block))
    data(client.put("/policy", json=policy(second_person_for=["email"])))
    data(client.post(f"{here}/change-email", json={"email": "new@example.com"}))
    page = client.get(f"/desk{here}").text
    for said in ("reefer", "C&lt;7&gt;", "withdrawn", "Block 1", "Proposal 1 waits"):
        assert said in page
    for action in ("unblock?block_id=1", "confirm-change?proposal_id=1"):
        assert f'href="/desk{here}/{action}"' in page
    assert "document?document_id=1" not in page
    data(client.post(f"{here}/unblock", json={"block_id": 1, "reason": "Mended"}))
    assert "Block 1" not in client.get(f"/desk{here}").text


def test_a_document_has_what_can_be_done_with_it(client: FlaskClient) -> None:
    """The form knows which one is meant; nothing else is taken from its address."""
    here = f"/carriers/{registered(client)}"
    document = {"kind": "contract", "number": "7", "issuer": "Acme", "valid_from": "2026-01-01"}
    data(client.post(f"{here}/file-document", json=document))
    address = f"/desk{here}/withdraw-document"
    assert f'href="{address}?document_id=1"' in client.get(f"/desk{here}").text
    form = form_to(client.get(f"{address}?document_id=1&reason=Forged").text, address)
    assert (form.fields["document_id"], form.fields["reason"]) == ("1", "")
    form = form_to(client.get(f"{address}?document_id=%D9%A1").text, address)
    assert form.fields["document_id"] == ""


def test_every_rule_that_does_not_hold_is_said_with_its_event(client: FlaskClient) -> None:
    """Beside the service that it keeps the carrier from."""
    name = registered(client, coverage=[{"service": "express", "countries": ["DE"]}])
    data(client.put("/policy", json=policy(requires("contract"), requires("customs-bond"))))
    page = client.get(f"/desk/carriers/{name}").text
    for kind in ("contract", "customs-bond"):
        assert f"The carrier has no {kind} that holds on" in page
    assert page.count(f'href="/desk/carriers/{name}/timeline?through=1#event-1"') == 2


def test_the_actions_are_those_that_the_state_allows(client: FlaskClient) -> None:
    """From the declarations."""
    name = registered(client)
    page = client.get(f"/desk/carriers/{name}").text
    assert f'href="/desk/carriers/{name}/suspend"' in page
    assert f'href="/desk/carriers/{name}/reinstate"' not in page
    client.post(f"/carriers/{name}/retire", json={"reason": "Gone"})
    page = client.get(f"/desk/carriers/{name}").text
    assert f'href="/desk/carriers/{name}/rename"' not in page
    assert f'href="/desk/carriers/{name}/note-incident"' in page


def test_a_merged_carrier_leads_to_the_one_that_speaks_for_it(client: FlaskClient) -> None:
    """And the merge can be taken back."""
    name, other = registered(client), registered(client, "UPS")
    data(client.post(f"/carriers/{name}/merge", json={"into": other, "reason": "One company"}))
    page = client.get(f"/desk/carriers/{name}").text
    assert f'href="/desk/carriers/{other}"' in page
    assert f'href="/desk/carriers/{name}/unmerge"' in page
    assert f'href="/desk/carriers/{name}/rename"' not in page


def test_whoever_may_only_read_sees_no_actions(office: Office) -> None:
    """As far as the scopes of the key go."""
    writer = office.key("tms", Scope.WRITE)
    browser = office.signed_in("eva", Scope.READ)
    made = browser.post(
        "/register-carrier",
        json={"name": "FedEx", "email": "a@fedex.com"},
        headers={"Authorization": f"Bearer {writer}"},
    )
    name = made.json["data"]["carrier_id"]  # type: ignore[index]
    page = browser.get(f"/desk/carriers/{name}").text
    assert "FedEx" in page
    assert "/suspend" not in page
    assert "Register a carrier" not in browser.get("/desk/carriers").text
    overseer = office.signed_in("max", Scope.READ, Scope.OVERSIGHT)
    page = overseer.get(f"/desk/carriers/{name}").text
    assert f"{name}/suspend" in page
    assert f"{name}/rename" not in page


def test_there_is_no_such_carrier(client: FlaskClient) -> None:
    """A page says so, and leads back."""
    answer = client.get(f"/desk/carriers/{uuid4()}")
    assert answer.status_code == 404
    assert "There is no carrier with this id" in answer.text
    assert client.get("/desk/carriers/nonsense").status_code == 404


def test_the_timeline_says_who_when_and_what(client: FlaskClient) -> None:
    """Newest first, old and new beside each other."""
    name = registered(client, "Alpha Cargo")
    client.post(f"/carriers/{name}/rename", json={"name": "Beta Cargo"})
    page = client.get(f"/desk/carriers/{name}/timeline").text
    assert page.index("Renamed") < page.index("Registered")
    assert "Alpha Cargo" in page
    assert "anonymous" in page


def test_a_carrier_is_shown_as_it_was_beside_today(client: FlaskClient) -> None:
    """At a version, by a slider, or at a moment in UTC as a browser's field has it."""
    name = registered(client, "Alpha Cargo")
    here = f"/desk/carriers/{name}"
    client.post(f"/carriers/{name}/rename", json={"name": "Beta Cargo"})
    assert 'type="range" min="1" max="2" value="2"' in client.get(f"{here}/timeline").text
    page = client.get(f"{here}/timeline?version=1").text
    assert 'type="range" min="1" max="2" value="1"' in page
    assert "Version 1 beside today" in page
    assert page.count('class="differs"') == 1
    page = client.get(f"{here}/timeline?at=2999-01-31T12:00").text
    assert "Version 2 beside today" in page


def test_what_is_scheduled_is_shown(client: FlaskClient) -> None:
    """With its day, its number and why; an earlier version can be compared with it all the same."""
    name = registered(client, "Alpha Cargo")
    body = {"effective_on": "2099-01-01", "name": "Zeta Cargo", "reason": "New owner"}
    client.post(f"/carriers/{name}/schedule-change", json=body)
    page = client.get(f"/desk/carriers/{name}").text
    assert "From 2099-01-01 (change 1)" in page
    assert ("Zeta Cargo" in page, "New owner" in page) == (True, True)
    page = client.get(f"/desk/carriers/{name}/timeline?version=1").text
    assert page.count('class="differs"') == 0


@pytest.mark.parametrize("query", ["version=99", "version=x", "at=x", "at=1999-01-31T12:00"])
def test_a_moment_before_the_carrier_is_explained(client: FlaskClient, query: str) -> None:
    """The timeline stays."""
    name = registered(client)
    answer = client.get(f"/desk/carriers/{name}/timeline?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "Registered" in answer.text


def test_a_long_timeline_has_pages(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event is on one of them."""
    monkeypatch.setattr("app.desk.timeline.LIMIT", 2)
    name = registered(client)
    for number in range(4):
        client.post(f"/carriers/{name}/rename", json={"name": f"Name {number}"})
    address = f"/desk/carriers/{name}/timeline"
    assert 'id="event-5"' in client.get(address).text
    assert "?through=3" in client.get(address).text
    middle = client.get(f"{address}?through=3").text
    assert [f'id="event-{n}"' in middle for n in range(1, 6)] == [False, True, True, False, False]
    assert "?through=5" in middle
    for nonsense in ("0", "-1", "99999999999999999999", "x", "²"):
        assert 'id="event-5"' in client.get(f"{address}?through={nonsense}").text
