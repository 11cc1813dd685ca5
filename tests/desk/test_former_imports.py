"""An import at its own address: what it has changed, and taking that back without its file."""

import re
from html import unescape
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from app.application.imports.applying import Applier
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.keys import Scope
from app.desk import former_imports
from tests.desk.conftest import Office, registered, settle
from tests.desk.importing import events, pressed, uploaded
from tests.support.answers import data
from tests.support.forms import form_to

FILE = "Company,E-Mail,Phone\nAlpha,alpha@example.com,\nGamma Lines,{email},\n"


def imported(client: FlaskClient, program: FlaskClient | None = None) -> tuple[str, str]:
    """The address of an import that has registered one carrier and renamed another, by its id;
    the program may use the API."""
    program = program or client
    known = registered(program, "Gamma")
    email = data(program.get(f"/carriers/{known}"))["email"]
    page = pressed(client, uploaded(client, FILE.format(email=email)), "apply")
    assert "2 of 2 rows done" in page.text
    found = re.search(r'href="(/desk/imports/[0-9a-f-]{36})"', page.text)
    assert found, page.text
    return found[1], known


def test_its_address_says_what_it_has_changed(client: FlaskClient) -> None:
    """Each carrier by its name, and what taking it back would do; nothing is done."""
    address, _ = imported(client)
    before = events(client)
    page = client.get(address).text
    assert "1 to change, 1 to retire" in page
    assert page.index(">Gamma Lines</a>") < page.index(">Alpha</a>")
    assert events(client) == before


def test_it_is_taken_back_by_its_address(client: FlaskClient) -> None:
    """Once, however often it is asked for."""
    address, known = imported(client)
    form = form_to(client.get(address).text, address)
    done = client.post(address, data=form.filled())
    assert done.status_code == 200
    assert "What was taken back" in done.text
    assert data(client.get(f"/carriers/{known}"))["name"] == "Gamma"
    before = events(client)
    client.post(address, data=form.filled())
    assert events(client) == before
    assert "Take it back" not in client.get(address).text


def test_what_others_have_changed_since_stays(client: FlaskClient) -> None:
    """And is told."""
    address, known = imported(client)
    client.post(f"/carriers/{known}/rename", json={"name": "Gamma Group"})
    page = client.post(address, data=form_to(client.get(address).text, address).filled()).text
    assert "Others have changed the carrier since the import left it" in page
    assert data(client.get(f"/carriers/{known}"))["name"] == "Gamma Group"


def test_what_there_is_no_time_for_is_left_to_the_next_press(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes back one row at least, however long it took to find them."""
    address, known = imported(client)
    monkeypatch.setattr("app.api.resources.imports.SHARE_OF_TIME", 0)  # it is over at once
    page = client.get(address).text
    assert "There was no time to look at more than 1: take back" in page
    form = form_to(page, address)
    for left in ("Gamma", "Gamma"):
        page = client.post(address, data=form.filled()).text
        assert "There was no time for all of it. Go on" in page
        assert data(client.get(f"/carriers/{known}"))["name"] == left
    page = client.post(address, data=form.filled()).text
    assert "What was taken back" in page


def test_more_than_a_page_is_for_the_shell(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which command that is."""
    address, _ = imported(client)
    monkeypatch.setattr(former_imports, "MAX_ROWS", 1)
    page = client.get(address).text
    assert f"`carriers import undo {address.rpartition('/')[2]}` in a shell" in page
    assert "Take it back" not in page


@pytest.mark.parametrize("error", [StoreUnavailable, OutcomeUnknown])
def test_a_store_that_fails_leaves_the_button(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """At the first row already."""
    address, known = imported(client)
    form = form_to(client.get(address).text, address)

    def fail(*_: object) -> None:
        raise error("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Applier, "apply", fail)
        answer = client.post(address, data=form.filled())
    assert answer.status_code == 503
    assert "Go on" in answer.text
    client.post(address, data=form_to(answer.text, address).filled())
    assert data(client.get(f"/carriers/{known}"))["name"] == "Gamma"


def test_a_request_that_is_no_import_is_not_offered_as_one(client: FlaskClient) -> None:
    """To look for its rows would take long, and find none."""
    known = registered(client, "Gamma")
    page = client.get(f"/desk/carriers/{known}/timeline").text
    (link,) = re.findall(r'href="([^"]*[?]request=[^"]*)"', page)
    page = client.get(unescape(link)).text
    assert 'id="event-1"' in page
    assert "/desk/imports/" not in page


def test_an_id_of_no_import_is_explained(client: FlaskClient) -> None:
    """Nothing can be taken back."""
    page = client.get(f"/desk/imports/{UUID(int=7)}")
    assert page.status_code == 200
    assert "No import of this id has changed anything" in page.text
    assert "Take it back" not in page.text


def test_who_may_not_take_it_back_sees_it_all_the_same(office: Office) -> None:
    """It needs what undoing by its file needs."""
    address, _ = imported(office.signed_in("boss", Scope.WRITE), office.program())
    reader = office.signed_in("reader", Scope.READ)
    page = reader.get(address).text
    assert ">Alpha</a>" in page
    assert "Take it back" not in page
    form = form_to(reader.get("/desk/carriers").text, "/desk/sign-out")
    assert reader.post(address, data=form.filled()).status_code == 403


def test_the_timeline_leads_to_it(client: FlaskClient) -> None:
    """By the request that each event names: what it did to the carrier, then the whole import."""
    address, known = imported(client)
    settle(client, known)
    page = client.get(f"/desk/carriers/{known}/timeline").text
    request_id = address.rpartition("/")[2].replace("-", "")
    link = f"/desk/carriers/{known}/timeline?request={request_id}"
    assert f'href="{link}"' in page
    of_it = client.get(link).text
    assert 'id="event-2"' in of_it
    assert 'id="event-1"' not in of_it
    assert f'href="{address}"' in of_it
    nothing = client.get(f"/desk/carriers/{known}/timeline?request=<b>").text
    assert "This request has changed nothing here" in nothing
