"""Several carriers at once: each gets a command of its own, and has an outcome of its own."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.application.ports.errors import OutcomeUnknown
from app.application.ports.keys import Scope
from app.application.services import Services
from tests.desk.conftest import Office, registered, settle
from tests.desk.steps import history
from tests.support.answers import data
from tests.support.forms import forms_in

NOBODY = "00000000-0000-4000-8000-000000000000"


def opened(client: FlaskClient, name: str, *carriers: str) -> TestResponse:
    """The page that the list's button leads to."""
    return client.get(f"/desk/several/{name}", query_string={"carrier": list(carriers)})


def sent(client: FlaskClient, page: TestResponse, **typed: str) -> TestResponse:
    """What comes of the page's form, filled in."""
    assert page.status_code == 200, page.text
    (form,) = (each for each in forms_in(page.text) if each.action.startswith("/desk/several/"))
    carriers = re.findall('name="carrier" value="([^"]+)"', page.text)
    return client.post(form.action, data={**form.filled(**typed), "carrier": carriers})


def tags(client: FlaskClient, carrier_id: str) -> list[str]:
    """Those of the carrier."""
    found: list[str] = data(client.get(f"/carriers/{carrier_id}"))["tags"]
    return found


def test_carriers_are_chosen_in_the_list(client: FlaskClient) -> None:
    """The address of what follows names them."""
    carrier_id = registered(client)
    settle(client, carrier_id)
    (form,) = (
        f for f in forms_in(client.get("/desk/carriers").text) if f.action == "/desk/several"
    )
    assert form.method == "get"
    page = client.get("/desk/carriers").text
    assert f'name="carrier" value="{carrier_id}"' in page
    assert 'formaction="/desk/several/suspend"' in page
    assert "FedEx" in opened(client, "suspend", carrier_id).text


def test_each_is_suspended_by_a_command_of_its_own(client: FlaskClient) -> None:
    """With one reason; one that cannot be has a sentence, and the others are done."""
    first, second, gone = (registered(client, name) for name in ("Alpha", "Beta", "Gamma"))
    data(client.post(f"/carriers/{gone}/retire", json={"reason": "Gone"}))
    page = opened(client, "suspend", first, gone, NOBODY, second)
    answer = sent(client, page, reason="Papers are missing")
    assert answer.status_code == 200
    assert answer.text.count("Done") == 2
    assert "The carrier is retired, which does not allow this" in answer.text
    assert "There is no carrier" in answer.text
    for carrier_id in (first, second):
        shown = data(client.get(f"/carriers/{carrier_id}"))
        assert (shown["state"], shown["reason"]) == ("suspended", "Papers are missing")


def test_tags_are_added_to_those_that_are_there(client: FlaskClient) -> None:
    """A carrier that has them already stays as it is."""
    first, second = registered(client, "Alpha", tags=["reefer"]), registered(client, "Beta")
    third = registered(client, "Gamma", tags=["night", "preferred"])
    before = history(client, third)
    answer = sent(client, opened(client, "tag", first, second, third), tags="Preferred, night")
    assert [tags(client, each) for each in (first, second, third)] == [
        ["night", "preferred", "reefer"],
        ["night", "preferred"],
        ["night", "preferred"],
    ]
    assert answer.text.count("It was so already") == 1
    assert history(client, third) == before


def test_sending_twice_does_it_once(client: FlaskClient) -> None:
    """Also to a carrier that somebody has changed back meanwhile."""
    first, second = registered(client, "Alpha"), registered(client, "Beta")
    page = opened(client, "tag", first, second)
    sent(client, page, tags="night")
    data(client.post(f"/carriers/{first}/update-profile", json={"tags": []}))
    assert sent(client, page, tags="night").text.count("Done") == 2
    assert tags(client, first) == []
    assert history(client, second) == ["CarrierRegistered", "CarrierProfileUpdated"]
    page = opened(client, "suspend", first)
    sent(client, page, reason="Papers are missing")
    data(client.post(f"/carriers/{first}/reinstate", json={"reason": "Papers are here"}))
    sent(client, page, reason="Papers are missing")
    assert data(client.get(f"/carriers/{first}"))["state"] == "active"


def test_what_is_not_known_is_sent_again(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same form, with the same key."""
    first, second = registered(client, "Alpha"), registered(client, "Beta")
    dispatch = type(services.bus).dispatch

    def lost(bus: object, command: object, context: object) -> object:
        done = dispatch(bus, command, context)  # type: ignore[arg-type]
        if done.stream == first:
            raise OutcomeUnknown("the answer was lost")
        return done

    page = opened(client, "suspend", first, second)
    with monkeypatch.context() as patch:
        patch.setattr(type(services.bus), "dispatch", lost)
        answer = sent(client, page, reason="Papers are missing")
    assert "It could not be found out in time" in answer.text
    assert answer.text.count("Done") == 1
    again = sent(client, answer)
    assert again.text.count("Done") == 2
    assert "Send again" not in again.text
    assert history(client, first) == ["CarrierRegistered", "CarrierSuspended"]


@pytest.mark.parametrize(
    ("name", "typed", "field"),
    [
        ("suspend", {"reason": " "}, "reason"),
        ("suspend", {"reason": "x", "category": "nonsense"}, "category"),
        ("tag", {"tags": ""}, "tags"),
        ("tag", {"tags": "two--hyphens"}, "tags"),
    ],
)
def test_a_field_that_is_wrong_is_said_before_anything_is_done(
    client: FlaskClient, name: str, typed: dict[str, str], field: str
) -> None:
    """With what was typed, and the same carriers."""
    carrier_id = registered(client)
    answer = sent(client, opened(client, name, carrier_id), **typed)
    assert answer.status_code == 422
    assert f'id="p-{field}"' in answer.text
    assert carrier_id in answer.text
    assert history(client, carrier_id) == ["CarrierRegistered"]


def test_more_tags_than_a_carrier_may_have_are_refused(client: FlaskClient) -> None:
    """For that carrier, in the API's sentence."""
    full = registered(client, tags=[f"tag-{number}" for number in range(50)])
    answer = sent(client, opened(client, "tag", full), tags="one-more")
    assert "at most 50" in answer.text
    assert len(tags(client, full)) == 50


def test_none_too_many_and_nonsense_are_refused(client: FlaskClient) -> None:
    """In a sentence."""
    for chosen in ([], ["x"], [NOBODY] * 3 + [f"{NOBODY[:-3]}{each:03}" for each in range(101)]):
        answer = opened(client, "suspend", *chosen)
        assert answer.status_code == 400, chosen
    assert opened(client, "suspend", NOBODY, NOBODY).text.count(f'value="{NOBODY}"') == 1


def test_the_scopes_of_the_command_are_needed(office: Office) -> None:
    """Who may only read sees nothing to choose; what somebody sends all the same is not done."""
    program = office.program()
    carrier_id = registered(program)
    settle(program, carrier_id)
    reader = office.signed_in("eva", Scope.READ)
    listed = reader.get("/desk/carriers").text
    assert 'type="checkbox" name="carrier"' not in listed
    assert "/desk/several" not in listed
    assert opened(reader, "suspend", carrier_id).status_code == 403
    keeper = office.signed_in("kim", Scope.READ, Scope.PROFILE)
    assert "/desk/several/suspend" not in keeper.get("/desk/carriers").text
    page = opened(keeper, "tag", carrier_id)
    (form,) = (each for each in forms_in(page.text) if each.action == "/desk/several/tag")
    refused = keeper.post("/desk/several/suspend", data=form.filled(reason="Papers"))
    assert refused.status_code == 403
    assert sent(keeper, page, tags="night").text.count("Done") == 1
