"""Change, review, confirm: what a browser without JavaScript does, form by form."""

import json
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.application.access.keys import ANONYMOUS
from app.application.ports.errors import OutcomeUnknown
from app.application.ports.keys import Scope
from app.application.services import Services
from app.desk.fields import fields_of
from app.domain.command import Declaration, ObjectInput
from app.domain.declarations import DECLARATIONS
from tests.desk.conftest import Office, registered
from tests.support.answers import data, failure
from tests.support.application import keyed
from tests.support.forms import Form, form_to
from tests.support.policies import policy

OTHER = keyed("the-other-one", actor=ANONYMOUS.name).new_carrier_id
(REGISTER,) = (each for each in DECLARATIONS if each.registers)
GIVEN = {
    "register": {"name": "Alpha Cargo", "email": "office@example.com"},
    "rename": {"name": "Alpha Express"},
    "change-email": {"email": "new@example.com"},
    "update-profile": {"phone": "+49 89 12345678", "aliases": "Alpha\nAlfa"},
    "suspend": {"reason": "Papers are missing", "category": "authority"},
    "reinstate": {"reason": "Papers are here"},
    "retire": {"reason": "Gone"},
    "note-incident": {"kind": "late", "happened_on": "2026-01-31", "note": "Two days late"},
    "merge": {"into": OTHER, "reason": "One company", "take": "name, phone"},
}
"""What is typed into the forms of commands; into any other's, the examples of its inputs."""


BEFORE = {
    "reinstate": "suspend",
    "unblock": "block",
    "unprefer": "prefer",
    "withdraw-override": "override-verdict",
    "withdraw-document": "file-document",
    "replace-document": "file-document",
    "confirm-change": "change-email",
    "discard-change": "change-email",
}
"""The command that has to be sent before one that takes back, replaces or settles what is there."""

OF_A_SECOND_PERSON = frozenset({"approve", "confirm-change"})
"""What nobody can do where no key says who it is."""


def typed_into(declared: Declaration) -> dict[str, str]:
    """What is typed into the command's form; an object's parts are fields of their own."""
    typed: dict[str, str] = {}
    for each in declared.inputs:
        if isinstance(each.input, ObjectInput):
            parts = each.input.example.items()
            typed |= {f"{each.name}-{part}": text for part, text in parts}
        else:
            typed[each.name] = str(each.input.example)
    return GIVEN.get(declared.name, typed)


def prepared(client: FlaskClient, name: str) -> str:
    """The id of a new carrier on which the command can be sent."""
    carrier_id = registered(client)
    if name in {"confirm-change", "discard-change"}:
        data(client.put("/policy", json=policy(second_person_for=["email"])))
    if name in {"merge", "unmerge"}:
        key = {"Idempotency-Key": "the-other-one"}
        body = {"name": "Other", "email": "other@example.com"}
        data(client.post("/register-carrier", json=body, headers=key), 201)
    if name == "unmerge":
        merge = {"into": OTHER, "reason": "One company"}
        data(client.post(f"/carriers/{carrier_id}/merge", json=merge))
    for before in DECLARATIONS:
        if before.name == BEFORE.get(name):
            body = {each.name: each.input.example for each in before.inputs}
            given = GIVEN.get(before.name, body)
            data(client.post(f"/carriers/{carrier_id}/{before.name}", json=given))
    return carrier_id


def address_of(name: str, carrier_id: str) -> str:
    """Where the command's form is."""
    if name == "register":
        return "/desk/register-carrier"
    return f"/desk/carriers/{carrier_id}/{name}"


def opened(browser: FlaskClient, address: str) -> Form:
    """The command's form."""
    answer = browser.get(address)
    assert answer.status_code == 200, answer.text
    return form_to(answer.text, address)


def sent(browser: FlaskClient, form: Form, step: str, **typed: str) -> TestResponse:
    """What comes of pressing a button of the form."""
    return browser.post(form.action, data={**form.filled(**typed), "step": step})


def reviewed(browser: FlaskClient, address: str, **typed: str) -> Form:
    """The page of the review, of the form as it is filled in."""
    answer = sent(browser, opened(browser, address), "review", **typed)
    assert answer.status_code == 200, answer.text
    return form_to(answer.text, address)


def history(browser: FlaskClient, carrier_id: str) -> list[str]:
    """The types of the carrier's events."""
    events = data(browser.get(f"/carriers/{carrier_id}/history"))["events"]
    return [each["type"] for each in events]


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
    """Where there are no keys, the desk says so instead of doing it."""
    carrier_id = prepared(client, name)
    address, before = address_of(name, carrier_id), history(client, carrier_id)
    declared = next(each for each in DECLARATIONS if each.name == name)
    typed = typed_into(declared)
    refused = client.post(f"/carriers/{carrier_id}/{name}", json=_as_json(typed))
    answer = sent(client, opened(client, address), "review", **typed)
    sentence, _ = failure(refused, 409)
    assert answer.status_code == 409
    assert sentence in unescape(answer.text)
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


def test_what_is_an_object_in_json_has_a_field_for_each_part(client: FlaskClient) -> None:
    """All of them empty leave it out; one that is wrong is said beside them."""
    carrier_id = registered(client)
    address = address_of("file-document", carrier_id)
    typed = {
        "kind": "cargo-insurance",
        "number": "CI-1",
        "issuer": "Example",
        "valid_from": "2026-01-01",
    }
    wrong = sent(client, opened(client, address), "review", **typed, limit_amount="1000")
    assert wrong.status_code == 422
    assert 'id="p-limit"' in wrong.text
    assert form_to(wrong.text, address).fields["limit-amount"] == "1000"
    review = reviewed(client, address, **typed)
    assert sent(client, review, "confirm").status_code == 303
    (filed,) = data(client.get(f"/carriers/{carrier_id}/documents"))["documents"]
    assert (filed["number"], filed["limit"]) == ("CI-1", None)


@pytest.mark.parametrize("typed", ["", "one", "0", "-1", "1.5", "\u0661", "9" * 30])
def test_a_number_that_is_none_is_said_beside_the_field(client: FlaskClient, typed: str) -> None:
    """In the API's sentence."""
    address = address_of("withdraw-document", prepared(client, "withdraw-document"))
    form = opened(client, address)
    answer = sent(client, form, "review", document_id=typed, reason="Forged")
    assert answer.status_code == 422
    assert 'id="p-document_id"' in answer.text


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


def test_a_form_holds_what_the_carrier_has(client: FlaskClient) -> None:
    """A profile with all of its parts is sent as it was opened, and nothing changes."""
    carrier_id = registered(
        client,
        phone="+498912345678",
        website="https://www.example.com",
        aliases=["Alpha", "<Alfa>"],
        identifiers=[{"scheme": "scac", "value": "ALFA", "valid_from": "2026-01-01"}],
        coverage=[{"service": "air", "countries": ["worldwide"]}],
        metadata={"tier": 1, "nested": {"ä": [1.5, None]}},
        contacts=[{"role": "claims", "name": "<Claims>", "email": "claims@example.com"}],
        tags=["preferred", "reefer"],
        time_zone="Europe/Berlin",
    )
    page = sent(client, opened(client, address_of("update-profile", carrier_id)), "review").text
    assert "This would change nothing" in page
    assert "confirm" not in page


def test_rows_are_added_and_taken_away(client: FlaskClient) -> None:
    """There are blank ones; one that was emptied goes."""
    carrier_id = registered(client, identifiers=[{"scheme": "scac", "value": "ALFA"}])
    review = reviewed(
        client,
        address_of("update-profile", carrier_id),
        identifiers_0_value="",
        identifiers_1_scheme="usdot",
        identifiers_1_value="265752",
        coverage_0_service="express",
        coverage_0_countries="de, fr;AT",
        metadata='{"tier": 2}',
        contacts_1_role="billing",
        contacts_1_name="Accounts",
        contacts_1_phone="+49 89 12345678",
        tags="reefer, Night\nlate",
    )
    sent(client, review, "confirm")
    now = data(client.get(f"/carriers/{carrier_id}"))
    assert now["identifiers"] == [{"scheme": "usdot", "value": "265752"}]
    assert now["coverage"] == [{"service": "express", "countries": ["AT", "DE", "FR"]}]
    assert now["metadata"] == {"tier": 2}
    contact = {"role": "billing", "name": "Accounts", "phone": "+498912345678"}
    assert now["contacts"] == [contact]
    assert now["tags"] == ["late", "night", "reefer"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"phone": "12"}, "phone"),
        ({"identifiers-0-value": "1234567890"}, "identifiers"),
        ({"coverage-0-service": "air", "coverage-0-countries": "XX"}, "coverage"),
        ({"coverage-0-countries": "DE"}, "coverage"),
        ({"contacts-0-name": "Nobody can be reached"}, "contacts"),
        ({"tags": "two--hyphens"}, "tags"),
        ({"time_zone": "Europe/Nowhere"}, "time_zone"),
        ({"metadata": "{"}, "metadata"),
        ({"metadata": '{"a": 1, "a": 2}'}, "metadata"),
        ({"website": "javascript:alert(1)"}, "website"),
    ],
)
def test_a_rule_that_is_broken_is_said_beside_the_field(
    client: FlaskClient, typed: dict[str, str], field: str
) -> None:
    """In the API's sentence, with what was typed still there."""
    address = address_of("update-profile", registered(client))
    answer = sent(client, opened(client, address), "review", **typed)
    assert answer.status_code == 422
    assert f'id="p-{field}"' in answer.text
    form = form_to(answer.text, address)
    assert {name: form.fields[name] for name in typed} == typed


@pytest.mark.parametrize(
    ("name", "typed", "status"),
    [
        ("rename", {"name": " "}, 422),
        ("change-email", {"email": "nonsense"}, 422),
        ("change-email", {"email": "taken@example.com"}, 409),
        ("note-incident", {**GIVEN["note-incident"], "happened_on": "2999-01-01"}, 422),
    ],
)
def test_what_only_the_decision_knows_is_said_there_too(
    client: FlaskClient, name: str, typed: dict[str, str], status: int
) -> None:
    """Such as that an address belongs to another carrier."""
    client.post("/register-carrier", json={"name": "Beta", "email": "taken@example.com"})
    address = address_of(name, registered(client))
    answer = sent(client, opened(client, address), "review", **typed)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text


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


def raced(client: FlaskClient, name: str, typed: dict[str, str], theirs: dict[str, object]) -> Form:
    """The page that shows both changes, after somebody else was faster."""
    carrier_id = registered(client, "Alpha Cargo", phone="+498912345678")
    address = address_of(name, carrier_id)
    review = reviewed(client, address, **typed)
    data(client.post(f"/carriers/{carrier_id}/{name}", json=theirs))
    answer = sent(client, review, "confirm")
    assert answer.status_code == 412, answer.text
    assert "Since you opened this" in answer.text
    return form_to(answer.text, address)


@pytest.mark.parametrize(("kept", "name"), [("mine", "Alpha Mine"), ("theirs", "Alpha Theirs")])
def test_somebody_was_faster(client: FlaskClient, kept: str, name: str) -> None:
    """Both values stand beside each other, and one of them counts, field by field."""
    form = raced(client, "rename", {"name": "Alpha Mine"}, {"name": "Alpha Theirs"})
    answer = sent(client, form, "merge", keep_name=kept)
    if kept == "mine":
        sent(client, form_to(answer.text, form.action), "confirm")
    else:
        assert "This would change nothing" in answer.text
    shown = data(client.get(f"/carriers/{form.action.split('/')[3]}"))
    assert shown["name"] == name


def test_what_others_did_to_other_fields_stays(client: FlaskClient) -> None:
    """A form holds all parts of a profile; those that nobody has touched in it are theirs."""
    form = raced(
        client,
        "update-profile",
        {"website": "https://mine.example.com"},
        {"phone": "+498987654321", "aliases": ["Theirs"]},
    )
    review = sent(client, form, "merge")
    done = sent(client, form_to(review.text, form.action), "confirm")
    assert done.status_code == 303
    shown = data(client.get(f"/carriers/{form.action.split('/')[3]}"))
    assert shown["website"] == "https://mine.example.com"
    assert shown["phone"] == "+498987654321"
    assert shown["aliases"] == ["Theirs"]


def test_an_unknown_outcome_is_asked_for_again(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same page with the same key, which does it once."""
    carrier_id = registered(client)
    address = address_of("rename", carrier_id)
    review = reviewed(client, address, name="Alpha Express")
    dispatch = type(services.bus).dispatch

    def lost(bus: object, command: object, context: object) -> None:
        dispatch(bus, command, context)  # type: ignore[arg-type]
        raise OutcomeUnknown("the answer was lost")

    with monkeypatch.context() as patch:
        patch.setattr(type(services.bus), "dispatch", lost)
        answer = sent(client, review, "confirm")
    assert answer.status_code == 503
    again = form_to(answer.text, address)
    assert again.fields["key"] == review.fields["key"]
    assert sent(client, again, "confirm").status_code == 303
    assert history(client, carrier_id) == ["CarrierRegistered", "CarrierRenamed"]


@pytest.mark.parametrize(
    "broken",
    [
        {"version": "x"},
        {"version": "99999999999999"},
        {"version": "-1"},
        {"said": "{"},
        {"said": "[]"},
        {"said": '{"name": "\\ud800"}'},
        {"said": '{"name": 1}'},
        {"step": "merge", "since": "x"},
        {"step": "merge"},
    ],
)
def test_a_form_that_was_tampered_with_is_refused(
    client: FlaskClient, broken: dict[str, str]
) -> None:
    """In a sentence, never as a fault of the service."""
    address = address_of("rename", registered(client))
    review = reviewed(client, address, name="Alpha Express")
    step = broken.pop("step", "confirm")
    answer = sent(client, review, step, **broken)
    assert answer.status_code in {400, 404, 412, 422}, answer.text


@pytest.mark.parametrize("value", [1, "x", None, {"a": 1}, ["x"], [1], [{"countries": 1}], [[]]])
def test_what_a_form_said_may_have_any_shape(client: FlaskClient, value: object) -> None:
    """The form is opened again with what it can show of it, or the field is refused."""
    fields = [each.name for each in fields_of(REGISTER)]
    review = reviewed(client, "/desk/register-carrier", **GIVEN["register"])
    for said in ({name: value} for name in fields):
        for step, statuses in (
            ("edit", {200}),
            ("review", {200, 409, 422}),
            ("confirm", {303, 409, 422}),
        ):
            answer = sent(client, review, step, said=json.dumps({**GIVEN["register"], **said}))
            assert answer.status_code in statuses, (said, step, answer.text)


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
