"""Which feed a reader is at: what a restore from a backup means to those who kept a position."""

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.application.consistency import token_in
from app.application.ports.errors import StoreUnavailable
from app.application.services import Services
from app.bootstrap import build_services
from app.infrastructure.sqlite.feed import SqliteFeed
from config.settings import Settings
from tests.support.answers import another, data, failure
from tests.support.event_streams import Received
from tests.support.processes import wait_until
from tests.support.stores import soon

VIEWS = ("/carriers", "/carriers.csv", "/statistics")
ANOTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def register(client: FlaskClient, count: int) -> None:
    """New carriers, an event each."""
    for _ in range(count):
        data(client.post("/register-carrier", json=another()), 201)


def position(client: FlaskClient, query: str = "") -> tuple[str, int]:
    """The feed's id and the position that a reader comes to."""
    page = data(client.get(f"/events{query}"))
    return page["feed"], page["next"]


@pytest.fixture
def listen(settings: Settings, services: Services) -> Iterator[Callable[..., Received]]:
    """Opens a stream that ends with the test."""
    client = create_app(replace(settings, heartbeat=0.1), services).test_client()
    with ExitStack() as streams:

        def begin(query: str = "", **headers: str) -> Received:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            answer = client.get(f"/events/stream{query}", headers=named)
            streams.callback(answer.close)
            assert answer.status_code == 200, answer.text
            return Received(answer.iter_encoded())

        yield begin


def test_every_page_says_which_feed_it_is_of_and_how_far_that_is(client: FlaskClient) -> None:
    """The id stays, the head grows; a page that does not reach it says so too."""
    before = data(client.get("/events"))
    assert (before["events"], before["next"], before["head"]) == ([], 0, 0)
    register(client, 3)
    after = data(client.get("/events?limit=1"))
    assert (after["feed"], after["next"], after["head"]) == (before["feed"], 1, 3)


def test_a_reader_that_names_the_feed_goes_on(client: FlaskClient) -> None:
    """As one that does not; also at the head, where it may wait."""
    register(client, 2)
    feed, _ = position(client)
    assert position(client, f"?feed={feed}&after=1") == (feed, 2)
    assert position(client, f"?feed={feed}&after=2&wait=0") == (feed, 2)


@pytest.mark.parametrize("address", ["/events", "/events/stream"])
def test_a_reader_that_names_another_feed_is_told(client: FlaskClient, address: str) -> None:
    """410, with the id and the head to begin anew with, wherever it stands."""
    register(client, 2)
    feed, _ = position(client)
    for after in (0, 2, 9):
        answer = client.get(f"{address}?feed={ANOTHER}&after={after}")
        message, details = failure(answer, 410)
        assert details == {"feed": feed, "head": "2"}
        assert f"feed={feed}&after=0" in message
    wanted = {"Accept": "application/problem+json"}
    answer = client.get(f"{address}?feed={ANOTHER}", headers=wanted)
    assert json.loads(answer.data)["type"] == "/docs#problem-feed-renewed"


@pytest.mark.parametrize("address", ["/events", "/events/stream"])
@pytest.mark.parametrize("after", [3, 1_000_000, 9007199254740991])
def test_a_position_that_was_not_given_yet_is_refused(
    client: FlaskClient, address: str, after: int
) -> None:
    """400 names the head, whether the reader says which feed it is at or not."""
    register(client, 2)
    feed, _ = position(client)
    for query in (f"after={after}", f"feed={feed}&after={after}"):
        message, details = failure(client.get(f"{address}?{query}"), 400)
        assert "after 2 yet" in message
        assert details == {"after": "The head of the feed is 2", "feed": feed, "head": "2"}


def test_the_id_of_an_event_leads_back_to_its_place(
    client: FlaskClient, listen: Callable[..., Received]
) -> None:
    """With the feed, or without, as clients of a former release have it; a query's feed is then
    the one that is meant."""
    register(client, 3)
    feed, _ = position(client)
    stream = listen(f"?feed={ANOTHER}", Last_Event_ID=f"{feed}:1")
    assert [event["position"] for event in stream.take(2)] == [2, 3]
    assert stream.last_event_id == f"{feed}:3"
    assert listen(Last_Event_ID="2").take(1)[0]["position"] == 3
    assert listen(f"?feed={feed}", Last_Event_ID="2").take(1)[0]["position"] == 3


@pytest.mark.parametrize(
    ("query", "last"), [("", f"{ANOTHER}:1"), (f"?feed={ANOTHER}", "1"), ("", "3"), ("", "{}:3")]
)
def test_an_id_of_another_feed_or_beyond_the_head_is_refused(
    client: FlaskClient, query: str, last: str
) -> None:
    """As its query would be: a browser does not come back then."""
    register(client, 2)
    headers = {"Last-Event-ID": last.format(position(client)[0])}
    answer = client.get(f"/events/stream{query}", headers=headers)
    assert failure(answer, 400 if last.endswith("3") else 410)[1]["head"] == "2"


def test_a_stream_ends_when_the_feed_gets_another_id(
    client: FlaskClient, services: Services, listen: Callable[..., Received]
) -> None:
    """Within no event; who comes back is told."""
    register(client, 1)
    stream = listen()
    stream.take(1)
    services.feed.renew(soon())
    assert list(stream.events()) == []
    headers = {"Last-Event-ID": str(stream.last_event_id)}
    failure(client.get("/events/stream", headers=headers), 410)


def test_a_wait_ends_when_the_feed_gets_another_id(settings: Settings, services: Services) -> None:
    """With 410, long before the time is over."""
    client = create_app(replace(settings, request_timeout=40), services).test_client()
    register(client, 1)
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(client.get("/events?after=1&wait=30")))
    waiting.start()
    wait_until(lambda: services.tail._waiting == 1, 3, "it waits")
    services.feed.renew(soon())
    waiting.join(10)
    assert [answer.status_code for answer in answers] == [410]


def test_a_stream_ends_when_the_head_falls_back_below_it(
    client: FlaskClient, settings: Settings, listen: Callable[..., Received]
) -> None:
    """Somebody put a shorter copy in its place, and did not renew the feed."""
    register(client, 2)
    stream = listen()
    stream.take(2)
    with closing(sqlite3.connect(settings.sqlite_path)) as database, database:
        database.execute("DELETE FROM events WHERE position = 2")
    assert list(stream.events()) == []
    failure(client.get("/events/stream", headers={"Last-Event-ID": str(stream.last_event_id)}), 400)


def test_another_file_put_in_place_ends_the_streams_of_the_former_one(
    client: FlaskClient,
    settings: Settings,
    listen: Callable[..., Received],
    tmp_path: Path,
) -> None:
    """The service gives nothing out of it until it is restarted; then its readers are told."""
    register(client, 1)
    stream = listen()
    stream.take(1)
    build_services(replace(settings, sqlite_path=tmp_path / "other.sqlite3")).close()
    for log in ("-wal", "-shm"):
        Path(f"{settings.sqlite_path}{log}").unlink()
    (tmp_path / "other.sqlite3").replace(settings.sqlite_path)
    assert list(stream.events()) == []
    failure(client.get("/events"), 503)
    with closing(build_services(settings)) as services:
        restarted = create_app(settings, services).test_client()
        headers = {"Last-Event-ID": str(stream.last_event_id)}
        failure(restarted.get("/events/stream", headers=headers), 410)


def test_a_restore_misleads_no_reader(settings: Settings, tmp_path: Path) -> None:
    """A backup at 7, readers at 10; restored, and on to 12. Without the feed's id positions 8, 9
    and 10 would be missing to them, in silence."""
    services = build_services(settings)
    client = create_app(settings, services).test_client()
    register(client, 7)
    with (
        closing(sqlite3.connect(settings.sqlite_path)) as database,
        closing(sqlite3.connect(tmp_path / "backup.sqlite3")) as backup,
    ):
        database.backup(backup)
    register(client, 3)
    kept = data(client.get("/events"))
    feed, after = kept["feed"], kept["next"]
    assert after == 10
    services.close()
    for path in tmp_path.glob("events*"):
        path.unlink()
    shutil.copy(tmp_path / "backup.sqlite3", settings.sqlite_path)
    with closing(SqliteFeed(settings.sqlite_path)) as restored:
        renewed = restored.renew(soon())

    services = build_services(settings)
    client = create_app(settings, services).test_client()
    try:
        failure(client.get(f"/events?after={after}"), 400)
        register(client, 5)
        for address in ("/events", "/events/stream"):
            _, details = failure(client.get(f"{address}?feed={feed}&after={after}"), 410)
            assert details == {"feed": renewed, "head": "12"}
        again = data(client.get(f"/events?feed={renewed}&after=0"))["events"]
        assert [event["position"] for event in again] == list(range(1, 13))
        assert [each["id"] for each in again[:7]] == [each["id"] for each in kept["events"][:7]]
        assert {each["id"] for each in again[7:]}.isdisjoint(each["id"] for each in kept["events"])
    finally:
        services.close()


def test_a_token_of_before_a_restore_is_refused(client: FlaskClient, services: Services) -> None:
    """410: the view may hold the carrier at that version by another event, or never will."""
    answer = client.post("/register-carrier", json=another())
    token = {"Consistency-Token": answer.headers["Consistency-Token"]}
    for address in VIEWS:
        assert client.get(address, headers=token).status_code == 200
    renewed = services.feed.renew(soon())
    for address in VIEWS:
        _, details = failure(client.get(address, headers=token), 410)
        assert details["feed"] == renewed


def test_a_view_that_is_known_from_before_a_restore_is_sent_again(
    client: FlaskClient, services: Services
) -> None:
    """Its numbers may be the same, its carriers others."""
    known = {address: client.get(address).headers["ETag"] for address in VIEWS}
    for address in VIEWS:
        headers = {"If-None-Match": known[address]}
        assert client.get(address, headers=headers).status_code == 304
    services.feed.renew(soon())
    for address in VIEWS:
        headers = {"If-None-Match": known[address]}
        assert client.get(address, headers=headers).status_code == 200


def test_a_command_is_answered_without_the_id_of_the_feed(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done is done: then its token is one that is not bound to the feed."""

    def fail(_: object) -> str:
        raise StoreUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(services.feed, "identity", fail)
        answer = client.post("/register-carrier", json=another())
    assert answer.status_code == 201
    token = token_in(answer.headers["Consistency-Token"])
    assert (list(token.written.values()), token.feed) == ([1], None)
