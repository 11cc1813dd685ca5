"""Change, review, confirm: what a browser without JavaScript does, form by form."""

import json
from html import unescape

import pytest
from flask.testing import FlaskClient

from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.keys import Scope
from app.application.services import Services
from app.domain.command import Declaration
from app.domain.declarations import DECLARATIONS
from tests.desk.conftest import Office, registered
from tests.desk.steps import (
    GIVEN,
    OF_A_SECOND_PERSON,
    address_of,
    history,
    opened,
    prepared,
    reviewed,
    sent,
    typed_into,
)
from tests.support.answers import data, failure
from tests.support.forms import form_to


@pytest.mark.parametrize(
    "declared",
    [each for each in DECLARATIONS if each.name not in OF_A_SECOND_PERSON],
    ids=lambda each: each.name,
)
def test_every_declared_command_can_be_sent(client: FlaskClient, declared: Declaration) -> None:
    """Its form is opened, filled in, reviewed without anything being done, and confirmed."""
    carrier_id = prepared(client, declared.name)
    address, before = address_of(declared.name, carrier_id), history(client, carrier_id)
    review = reviewed(client, address, **typed_into(declared))
    assert history(client, carrier_id) == before
    done = sent(client, review, "confirm")
    assert done.status_code == 303, done.text
    shown = client.get(done.headers["Location"])
    assert "Done." in shown.text
    changed = done.headers["Location"].split("/")[-1].partition("?")[0]
    assert declared.events[0].__name__ in history(client, changed)


@pytest.mark.parametrize("name", sorted(OF_A_SECOND_PERSON))
def test_a_second_person_is_somebody_with_a_key(client: FlaskClient, name: str) -> None:
    """Where there are no keys, the desk says so instead of doing it, and keeps what was typed."""
    carrier_id = prepared(client, name)
    address, before = address_of(name, carrier_id), history(client, carrier_id)
    declared = next(each for each in DECLARATIONS if each.name == name)
    typed = typed_into(declared)
    refused = client.post(f"/carriers/{carrier_id}/{name}", json=_as_json(typed))
    answer = sent(client, opened(client, address), "review", **typed)
    sentence, _ = failure(refused, 409)
    assert answer.status_code == 409
    assert sentence in unescape(answer.text)
    form = form_to(answer.text, address)
    assert {each: form.fields[each] for each in typed} == typed
    assert history(client, carrier_id) == before


def _as_json(typed: dict[str, str]) -> dict[str, object]:
    return {name: int(text) if text.isdigit() else text for name, text in typed.items()}


def test_another_person_confirms_at_the_desk(office: Office) -> None:
    """With a key of their own, after somebody has asked for the change."""
    ann, bob = (office.signed_in(name, Scope.ADMIN) for name in ("ann", "bob"))
    review = reviewed(ann, "/desk/register-carrier", **GIVEN["register"])
    address = sent(ann, review, "confirm").headers["Location"].partition("?")[0]
    review = reviewed(bob, f"{address}/approve", reason="Called them")
    assert sent(bob, review, "confirm").status_code == 303
    assert "Called them" in ann.get(address).text


def test_the_review_shows_old_and_new(client: FlaskClient) -> None:
    """As the dry run says."""
    address = address_of("rename", registered(client, "Alpha Cargo"))
    page = sent(client, opened(client, address), "review", name="Alpha Express").text
    assert "Alpha Cargo" in page
    assert "Alpha Express" in page


def test_pressing_twice_does_it_once(client: FlaskClient) -> None:
    """The page has an idempotency key: the second one gets the answer of the first."""
    address = address_of("note-incident", registered(client))
    review = reviewed(client, address, **GIVEN["note-incident"])
    first, second = (sent(client, review, "confirm") for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert history(client, address.split("/")[3]).count("CarrierIncidentNoted") == 1
    review = reviewed(client, "/desk/register-carrier", **GIVEN["register"])
    first, second = (sent(client, review, "confirm") for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]


def test_a_review_can_be_changed_once_more(client: FlaskClient) -> None:
    """With what was typed."""
    address = address_of("rename", registered(client, "Alpha Cargo"))
    review = reviewed(client, address, name="Alpha Expres")
    form = form_to(sent(client, review, "edit").text, address)
    assert form.fields["name"] == "Alpha Expres"
    assert form.fields["version"] == "1"


def test_a_state_that_forbids_it_is_explained(client: FlaskClient) -> None:
    """Before anything is typed."""
    carrier_id = registered(client)
    answer = client.get(address_of("reinstate", carrier_id))
    assert answer.status_code == 409
    assert "The carrier is active" in answer.text


def test_an_unknown_outcome_is_asked_for_again(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same page with the same key, which does it once; the store need not even be there to tell
    the carrier's name."""
    carrier_id = registered(client)
    address = address_of("rename", carrier_id)
    review = reviewed(client, address, name="Alpha Express")
    dispatch = type(services.bus).dispatch

    def lost(bus: object, command: object, context: object) -> None:
        dispatch(bus, command, context)  # type: ignore[arg-type]
        raise OutcomeUnknown("the answer was lost")

    def gone(*_: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(type(services.bus), "dispatch", lost)
        patch.setattr(type(services.carriers), "show", gone)
        answer = sent(client, review, "confirm")
    assert answer.status_code == 503
    assert "Rename: review" in answer.text
    again = form_to(answer.text, address)
    assert again.fields["key"] == review.fields["key"]
    assert sent(client, again, "confirm").status_code == 303
    assert history(client, carrier_id) == ["CarrierRegistered", "CarrierRenamed"]


def test_only_what_the_scopes_allow_is_done(office: Office) -> None:
    """Neither the form is shown nor what somebody sends all the same is done."""
    browser = office.signed_in("eva", Scope.READ)
    assert browser.get("/desk/register-carrier").status_code == 403
    token = form_to(browser.get("/desk/carriers").text, "/desk/sign-out").fields["form_token"]
    sent_all_the_same = {**GIVEN["register"], "form_token": token}
    assert browser.post("/desk/register-carrier", data=sent_all_the_same).status_code == 403


def test_the_actor_is_the_key_that_somebody_signed_in_with(office: Office) -> None:
    """The timeline says so."""
    browser = office.signed_in("ana", Scope.WRITE)
    review = reviewed(browser, "/desk/register-carrier", **GIVEN["register"])
    done = sent(browser, review, "confirm")
    assert "by <bdi>ana</bdi>" in browser.get(done.headers["Location"]).text


def test_what_is_typed_is_text_on_every_page(client: FlaskClient) -> None:
    """Of the form, its review and the carrier."""
    nasty = "\"><script>alert('x')</script>&amp;{{7*7}}"
    own = json.dumps({nasty[:60]: nasty})
    typed = {**GIVEN["register"], "name": nasty, "aliases": nasty, "metadata": own}
    review = sent(client, opened(client, "/desk/register-carrier"), "review", **typed)
    done = sent(client, form_to(review.text, "/desk/register-carrier"), "confirm")
    for page in (review.text, client.get(done.headers["Location"]).text):
        assert "<script>alert" not in page
        assert nasty in unescape(page)


def test_only_what_was_touched_is_scheduled(client: FlaskClient) -> None:
    """The form is filled in with what the carrier has: all of that would count on the day, whatever
    others change before."""
    name = registered(client)
    form = reviewed(
        client,
        address_of("schedule-change", name),
        effective_on="2099-01-01",
        reason="Sold",
        tags="sold",
    )
    assert sent(client, form, "confirm").status_code == 303
    events = data(client.get(f"/carriers/{name}/history"))["events"]
    assert events[-1]["data"]["changes"] == {"tags": ["sold"]}
