"""The line that says how much has changed since a page was made."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from html import unescape

import pytest
from flask.testing import FlaskClient

from app.application.ports.keys import Scope
from app.application.services import Services
from config.settings import Settings
from tests.desk.conftest import Office, registered, settle
from tests.support.answers import data
from tests.support.event_streams import Received

Follow = Callable[[str], Iterator[dict[str, str]]]


@pytest.fixture
def follow(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Follow]:
    """Follows the line of the page at an address; the stream ends with the test."""
    monkeypatch.setattr("app.desk.changes.PAUSE_SECONDS", 0.005)
    with ExitStack() as streams:

        def begin(address: str) -> Iterator[dict[str, str]]:
            answer = client.get(followed_by(client, address))
            streams.callback(answer.close)
            assert answer.mimetype == "text/event-stream"
            assert answer.headers["X-Accel-Buffering"] == "no"
            blocks = Received(answer.iter_encoded()).blocks
            assert next(blocks).keys() == {"retry"}
            return blocks

        yield begin


def followed_by(client: FlaskClient, address: str) -> str:
    """Where the page's script asks. The line is not there for who has no JavaScript."""
    found = re.search(r'data-changes="([^"]+)" hidden></a>', client.get(address).text)
    assert found is not None
    return unescape(found[1])


def test_a_list_counts_what_its_view_has_taken_in_since(
    client: FlaskClient, follow: Follow
) -> None:
    """Whatever the list is filtered by; nothing but the number is sent."""
    name = registered(client)
    settle(client, name)
    told = follow("/desk/carriers?q=nothing")
    registered(client, "UPS")
    assert next(told) == {"data": "1"}
    data(client.post(f"/carriers/{name}/rename", json={"name": "Other"}))
    assert next(told) == {"data": "2"}


@pytest.mark.parametrize("page", ["", "/timeline"])
def test_a_carrier_counts_its_own_events(client: FlaskClient, follow: Follow, page: str) -> None:
    """Nothing that happens to others."""
    name = registered(client)
    told = follow(f"/desk/carriers/{name}{page}")
    registered(client, "UPS")
    data(client.post(f"/carriers/{name}/rename", json={"name": "Other"}))
    assert next(told) == {"data": "1"}


def test_pages_leave_half_of_the_places_to_others(
    client: FlaskClient, services: Services, settings: Settings
) -> None:
    """A page that gets none does without: the answer is not one that a browser complains of or
    comes back after. Whoever asks for the headers alone takes none."""
    address = followed_by(client, f"/desk/carriers/{registered(client)}")
    client.head(address)
    with ExitStack() as taken:
        for _ in range(settings.listeners // 2):
            taken.enter_context(services.tail.onlooker())
        assert client.get(address).status_code == 204
        for _ in range(settings.listeners - settings.listeners // 2):
            taken.enter_context(services.tail.listener())
    with client.get(address) as answer:
        assert answer.status_code == 200


def test_a_place_of_another_feed_is_followed_to_no_end(
    client: FlaskClient, follow: Follow, services: Services
) -> None:
    """As after a restore; also where the process ends, and after what cannot be read."""
    settle(client, registered(client))
    address = followed_by(client, "/desk/carriers")
    other = re.sub("feed=[0-9a-f]{8}", "feed=00000000", address)
    with client.get(other) as answer:
        assert b"data" not in answer.data
    assert client.get("/desk/changes?after=x").status_code == 400
    told = follow("/desk/carriers")
    services.tail.close()
    assert list(told) == []


def test_a_page_is_told_as_long_as_its_session_counts(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that may not read is told nothing."""
    assert office.new_browser().get("/desk/changes").status_code == 303
    assert office.signed_in("till", Scope.REGISTER).get("/desk/changes").status_code == 403
    browser = office.signed_in("eva", Scope.READ)
    browser.application.config["HEARTBEAT"] = 0.0
    monkeypatch.setattr("app.desk.changes.PAUSE_SECONDS", 0.005)
    with browser.get(followed_by(browser, "/desk/carriers")) as answer:
        blocks = Received(answer.iter_encoded()).blocks
        assert [next(blocks).keys() for _ in range(2)] == [{"retry"}, {""}]
        monkeypatch.setattr("app.api.http.authentication.time.time", lambda: 1e11)
        assert list(blocks) == []
