"""What somebody does at the desk to send a command: open its form, fill it in, review, confirm."""

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.application.access.keys import ANONYMOUS
from app.domain.command import Declaration, ObjectInput
from app.domain.declarations import DECLARATIONS
from tests.desk.conftest import registered
from tests.support.answers import data
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
    "schedule-change": {"effective_on": "2099-01-01", "name": "Alpha", "reason": "New owner"},
    "suspend": {"reason": "Papers are missing", "category": "authority"},
    "reinstate": {"reason": "Papers are here"},
    "retire": {"reason": "Gone"},
    "note-incident": {"kind": "late", "happened_on": "2026-01-31", "note": "Two days late"},
    "merge": {"into": OTHER, "reason": "One company", "take": "name, phone"},
}
"""What is typed into the forms of commands; into any other's, the examples of its inputs."""


BEFORE = {
    "cancel-scheduled-change": "schedule-change",
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
