"""The fields of a command's form: what they hold, what is read of them, what is wrong with it."""

import json

import pytest
from flask.testing import FlaskClient

from app.desk.fields import fields_of
from tests.desk.conftest import registered
from tests.desk.steps import GIVEN, REGISTER, address_of, opened, prepared, reviewed, sent
from tests.support.answers import data
from tests.support.forms import form_to


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
        bank_reference="K-17",
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
        ({"bank_reference": "DE88 3704 0044 0532 0130 00"}, "bank_reference"),
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
