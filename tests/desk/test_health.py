"""Health, keys and what needs attention: what whoever runs the registry does at the desk."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from app.application.ports.keys import Scope
from app.application.ports.views import Changes, View
from app.application.projections import PROJECTIONS
from app.application.services import Services
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.desk.conftest import Office, registered, settle
from tests.support.answers import data
from tests.support.forms import form_to
from tests.support.keys import bearer
from tests.support.policies import policy, requires
from tests.support.processes import wait_until
from tests.support.stores import soon
from tests.support.views import parked


def test_nothing_waits_in_an_empty_registry(client: FlaskClient) -> None:
    """The page says so."""
    assert "Nothing waits for you" in client.get("/desk").text
    assert client.get("/desk/").status_code == 303


def test_what_waits_has_what_settles_it(client: FlaskClient) -> None:
    """A suspended carrier its reinstatement, one with an incident its suspension."""
    carrier_id = registered(client, "Alpha Cargo")
    late = {"kind": "late", "happened_on": "2026-01-31", "note": "Two days late"}
    data(client.post(f"/carriers/{carrier_id}/suspend", json={"reason": "Papers are missing"}))
    settle(client, carrier_id)
    page = client.get("/desk").text
    assert "Papers are missing" in page
    assert f"/desk/carriers/{carrier_id}/reinstate" in page
    data(client.post(f"/carriers/{carrier_id}/reinstate", json={}))
    data(client.post(f"/carriers/{carrier_id}/note-incident", json=late))
    settle(client, carrier_id)
    assert "Papers are missing" not in client.get("/desk").text


def test_what_the_policy_asks_somebody_for_waits(office: Office) -> None:
    """A change for a second person, a decision, a document, and one that ends soon: each under its
    own heading with the command that settles it, until it is settled."""
    program, ana = office.program(), office.signed_in("ana", Scope.ADMIN)
    asked = policy(requires(), approval_required=True, second_person_for=["phone"])
    data(ana.put("/policy", json=asked, headers=bearer(office.key("bob", Scope.ADMIN))))
    today = datetime.now(UTC).date()
    paper = {"number": "1", "issuer": "Us", "valid_from": "2026-01-31"}
    carrier_id = registered(program, "Beta Lines")
    here = f"/carriers/{carrier_id}"

    def waiting() -> dict[str, str]:
        settle(program, carrier_id)
        groups = ana.get("/desk").text.split("<section")
        return {
            group.partition("<h2>")[2].partition("</h2>")[0]: group
            for group in groups
            if carrier_id in group
        }

    def send(command: str, body: dict[str, object]) -> None:
        data(program.post(f"{here}/{command}", json=body))

    send("update-profile", {"phone": "+498912345678"})
    found = waiting()
    assert found.keys() == {
        "Changes that wait for a second person",
        "Not decided on yet",
        "Without cargo insurance",
    }
    actions = ("confirm-change", "approve", "file-document")
    for group, action in zip(found.values(), actions, strict=True):
        assert f"/desk{here}/{action}" in group
    change = found["Changes that wait for a second person"]
    assert f"/desk{here}/confirm-change?proposal_id=1" in change
    assert "<div>Phone: <bdi>+498912345678</bdi>" in change.replace("\n", "")
    send("update-profile", {"phone": "+498912345679"})
    change = waiting()["Changes that wait for a second person"]
    assert "proposal_id" not in change, "somebody has to choose between the two"
    send("discard-change", {"proposal_id": 2, "reason": "Another typing error"})
    (listed,) = data(program.get("/carriers?waiting=change,approval"))["carriers"]
    assert listed["carrier_id"] == carrier_id
    send("discard-change", {"proposal_id": 1, "reason": "A typing error"})
    ends = (today + timedelta(days=10)).isoformat()
    send("file-document", {**paper, "kind": "cargo-insurance", "valid_to": ends})
    data(
        ana.post(
            f"{here}/approve",
            json={"reason": "Fine"},
            headers=bearer(office.key("eve", Scope.ADMIN)),
        )
    )
    assert waiting().keys() == {"Documents that end within 30 days"}
    assert data(program.get("/carriers?waiting=change,approval"))["carriers"] == []


def test_views_and_feed_are_shown(client: FlaskClient) -> None:
    """How far each is."""
    settle(client, registered(client))
    page = client.get("/desk/health").text
    assert page.count("Up to date") == 2
    assert "None: the lists follow every carrier" in page


def park(services: Services, carrier_id: str) -> None:
    """Let the view of carriers stop following the carrier, as if an event could not be read."""
    views, key = services.operations.views, PROJECTIONS["carriers"].key
    live = views.generations(key, soon()).live
    assert live is not None
    view = View(key, live)
    progress = views.progress(view, soon())
    changes = Changes(progress.checkpoint, parked=[parked(carrier_id)])
    views.commit(view, progress, changes, soon())


def test_what_the_doctor_finds_is_shown(client: FlaskClient, services: Services) -> None:
    """In its sentences, looked up as the page is asked for."""
    carrier_id = registered(client)
    settle(client, carrier_id)
    assert "has stopped following" not in client.get("/desk/findings").text
    park(services, carrier_id)
    assert "has stopped following 1 streams" in client.get("/desk/findings").text


@pytest.mark.parametrize("step", ["retry", "discard"])
def test_a_parked_stream_is_tried_again_or_its_event_discarded(
    client: FlaskClient, services: Services, step: str
) -> None:
    """The follower does what was asked for."""
    carrier_id = registered(client)
    settle(client, carrier_id)
    park(services, carrier_id)
    assert carrier_id in client.get("/desk").text
    form = form_to(client.get("/desk/health").text, f"/desk/parked/carriers/{carrier_id}")
    typed = {**form.fields, "step": step, "reason": "It cannot be read"}
    answer = client.post(form.action, data=typed)
    assert answer.status_code == 303
    assert 'role="status"' in client.get(answer.headers["Location"]).text
    wait_until(lambda: not services.operations.parked(soon()), 10, "it is followed again")
    assert client.post(form.action, data=typed).status_code == 404


def test_an_event_is_not_discarded_without_a_reason(
    client: FlaskClient, services: Services
) -> None:
    """It is for good."""
    carrier_id = registered(client)
    settle(client, carrier_id)
    park(services, carrier_id)
    form = form_to(client.get("/desk/health").text, f"/desk/parked/carriers/{carrier_id}")
    answer = client.post(form.action, data={**form.fields, "step": "discard", "reason": " "})
    assert answer.status_code == 400
    assert "The reason must be 1 to 500 characters" in answer.text


def test_a_key_is_shown_once_and_lets_in(office: Office) -> None:
    """By the answer that creates it."""
    browser = office.signed_in("root", Scope.ADMIN)
    form = form_to(browser.get("/desk/keys").text, "/desk/keys")
    made = browser.post(form.action, data={**form.filled(name="ana"), "scope": ["read"]})
    assert made.status_code == 201
    found = re.search(r'id="secret">([^<]+)<', made.text)
    assert found is not None
    assert browser.get("/carriers", headers=bearer(found[1])).status_code == 200
    page = browser.get("/desk/keys").text
    assert "ana" in page
    assert found[1].partition(".")[2] not in page


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ({"name": "", "scope": ["read"]}, 422),
        ({"name": "ä", "scope": ["read"]}, 422),
        ({"name": "ana", "scope": []}, 422),
        ({"name": "ana", "scope": ["everything"]}, 422),
        ({"name": "ana", "scope": ["read"], "expires": "2001-01-31"}, 422),
        ({"name": "ana", "scope": ["read"], "expires": "soon"}, 422),
        ({"name": "first", "scope": ["read"]}, 409),
    ],
)
def test_a_key_that_cannot_be_made_is_explained(
    office: Office, typed: dict[str, object], status: int
) -> None:
    """And none is made."""
    browser = office.signed_in("root", Scope.ADMIN)
    form = form_to(browser.get("/desk/keys").text, "/desk/keys")
    answer = browser.post(form.action, data={**form.fields, **typed})
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert {each.name for each in office.keys.read_all(soon())} == {"first", "root"}


def test_a_key_is_revoked_after_a_question(office: Office) -> None:
    """And says whom it concerns."""
    browser = office.signed_in("root", Scope.ADMIN)
    text = office.key("till", Scope.READ)
    prefix = text.partition(".")[0]
    page = browser.get(f"/desk/keys?revoke={prefix}").text
    assert "Revoke the key of till?" in page
    form = form_to(page, "/desk/keys/revoke")
    assert browser.post(form.action, data=form.fields).status_code == 303
    assert [each.active for each in office.keys.read_all(soon()) if each.name == "till"] == [False]
    form.fields["prefix"] = "a" * 12
    assert browser.post(form.action, data=form.fields).status_code == 404


def test_only_an_admin_looks_after_keys_and_streams(office: Office) -> None:
    """Also if somebody knows the addresses."""
    browser = office.signed_in("ana", Scope.WRITE)
    page = browser.get("/desk/health").text
    assert "/desk/keys" not in page
    token = form_to(page, "/desk/sign-out").fields
    for path in ("/desk/keys", "/desk/findings"):
        assert browser.get(path).status_code == 403
    for path in ("/desk/keys", "/desk/keys/revoke", f"/desk/parked/carriers/{uuid4()}"):
        assert browser.post(path, data=token).status_code in {403, 404}


def test_the_first_key_is_made_where_nobody_is_asked(
    client: FlaskClient, settings: Settings
) -> None:
    """The page says what follows from it; afterwards everybody is asked."""
    page = client.get("/desk/keys").text
    assert "There is no key yet" in page
    form = form_to(page, "/desk/keys")
    made = client.post(form.action, data={**form.filled(name="root"), "scope": ["admin"]})
    assert made.status_code == 201
    assert [each.name for each in SqliteKeyStore(settings.sqlite_path).read_all(soon())] == ["root"]
