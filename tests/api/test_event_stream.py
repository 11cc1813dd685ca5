"""GET /events/stream: Server-Sent Events out of the feed, without an end of their own."""

import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.application.access.ring import Access, KeyRing
from app.application.services import Services
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.support.answers import another, data, failure, refused
from tests.support.event_streams import Received
from tests.support.keys import add_key, bearer
from tests.support.stores import MOMENT, soon

HEARTBEAT = 0.1
FEED = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.fixture
def client(settings: Settings, services: Services) -> FlaskClient:
    """A client of the application, which gives signs of life in short intervals."""
    return create_app(replace(settings, heartbeat=HEARTBEAT), services).test_client()


@pytest.fixture
def listen(client: FlaskClient) -> Iterator[Callable[..., Received]]:
    """Opens a stream that ends with the test."""
    with ExitStack() as streams:

        def begin(query: str = "", **headers: str) -> Received:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            answer = client.get(f"/events/stream{query}", headers=named)
            streams.callback(answer.close)
            assert answer.status_code == 200
            return Received(answer.iter_encoded())

        yield begin


def register(client: FlaskClient, count: int = 1) -> list[str]:
    """The ids of new carriers."""
    answers = [client.post("/register-carrier", json=another()) for _ in range(count)]
    return [data(answer, 201)["carrier_id"] for answer in answers]


def positions(events: list[dict[str, Any]]) -> list[int]:
    """Where they are in the feed."""
    return [event["position"] for event in events]


def test_headers(client: FlaskClient) -> None:
    """Nothing on the way may keep the stream or hold it back; its length is not known."""
    with closing(client.get("/events/stream")) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert answer.headers["X-Request-ID"]
        assert "Content-Length" not in answer.headers


def test_head(client: FlaskClient) -> None:
    """The same headers, at once; however often it is asked, nobody is listening."""
    for _ in range(20):
        answer = client.head("/events/stream")
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"


def test_what_has_happened_runs_into_what_happens(
    client: FlaskClient, listen: Callable[..., Received]
) -> None:
    """From the beginning, more than one read holds, then each as it comes; and they are what
    GET /events shows."""
    register(client, 120)
    stream = listen()
    seen = stream.take(120)
    for _ in range(3):
        register(client, 1)
        seen += stream.take(1)
    assert positions(seen) == list(range(1, 124))
    assert seen == data(client.get("/events?limit=1000"))["events"]
    assert stream.retry == 2000


def test_where_it_begins(client: FlaskClient, listen: Callable[..., Received]) -> None:
    """Behind `after`; but Last-Event-ID, which a browser sends when it comes back, counts more."""
    register(client, 4)
    assert positions(listen("?after=2").take(2)) == [3, 4]
    assert positions(listen("?after=0", Last_Event_ID="3").take(1)) == [4]


@pytest.mark.parametrize(
    "last",
    ["-1", "1.5", "", "x", "01", "9007199254740992", "9" * 5000, "x:1", f"{FEED}:", f"{FEED}:x"],
)
def test_a_last_event_id_that_is_no_position(client: FlaskClient, last: str) -> None:
    """400: to begin anywhere else would be a hole or a repeat."""
    answer = client.get("/events/stream", headers={"Last-Event-ID": last})
    assert "Last-Event-ID must be the id of an event" in refused(answer, 400)


def test_a_query_that_is_not_as_it_has_to_be(client: FlaskClient) -> None:
    """As GET /events has it."""
    assert failure(client.get("/events/stream?type=Sold"), 400)[1].keys() == {"type"}
    assert failure(client.get("/events/stream?limit=1"), 400)[1].keys() == {"limit"}


def test_signs_of_life(listen: Callable[..., Received]) -> None:
    """A comment, while nothing happens."""
    stream = listen()
    assert next(stream.blocks).keys() == {"retry"}
    for _ in range(2):
        assert next(stream.blocks) == {"": ""}
    assert stream.last_event_id is None


def test_events_of_some_types(client: FlaskClient, listen: Callable[..., Received]) -> None:
    """Only those; what else goes by moves the place that a client comes back to."""
    (carrier_id,) = register(client)
    feed = data(client.get("/events"))["feed"]
    stream = listen("?type=CarrierRegistered,CarrierRetired")
    assert positions(stream.take(1)) == [1]
    client.post(f"/carriers/{carrier_id}/rename", json={"name": "Other"})
    assert next(block for block in stream.blocks if "id" in block) == {"id": f"{feed}:2"}
    assert stream.last_event_id == f"{feed}:2"
    assert next(stream.blocks) == {"": ""}
    client.post(f"/carriers/{carrier_id}/retire", json={"reason": "closed"})
    assert positions(stream.take(1)) == [3]


def test_as_many_as_are_allowed_are_listening(client: FlaskClient, settings: Settings) -> None:
    """503 says when to come back; whoever leaves makes room."""
    answers = [client.get("/events/stream") for _ in range(settings.listeners)]
    refusal = client.get("/events/stream")
    assert failure(refusal, 503)[1] == {"outcome": "not-started"}
    assert refusal.headers["Retry-After"] == "5"
    answers.pop().close()
    answers.append(client.get("/events/stream"))
    assert [answer.status_code for answer in answers] == [200] * settings.listeners
    for answer in answers:
        answer.close()


def test_who_has_left_frees_the_place(settings: Settings, services: Services) -> None:
    """Without waiting for the next event or the next sign of life."""
    patient = create_app(replace(settings, heartbeat=60.0), services).test_client()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = {"gunicorn.socket": ours}
        with closing(patient.get("/events/stream", environ_overrides=connection)) as stream:
            theirs.sendall(b"more")
            blocks = Received(stream.iter_encoded()).blocks
            assert next(blocks).keys() == {"retry"}
            ours.recv(4)
            theirs.close()
            assert list(blocks) == []
        answer = patient.get("/events?wait=20", environ_overrides=connection)
        assert data(answer)["events"] == []


def test_a_process_that_ends(services: Services, listen: Callable[..., Received]) -> None:
    """The stream ends, within no event."""
    stream = listen()
    next(stream.blocks)
    services.tail.close()
    assert list(stream.blocks) == []


@contextmanager
def away(settings: Settings) -> Iterator[None]:
    """A store that cannot be read."""
    with closing(sqlite3.connect(settings.sqlite_path)) as database:
        database.execute("ALTER TABLE events RENAME TO elsewhere")
        yield
        database.execute("ALTER TABLE elsewhere RENAME TO events")


def test_a_store_that_fails(
    client: FlaskClient, settings: Settings, listen: Callable[..., Received]
) -> None:
    """The stream ends, and the client goes on where it was once the store is back. It may begin
    while the store is away: a browser would not come back after an error."""
    register(client, 2)
    stream = listen()
    assert positions(stream.take(1)) == [1]
    with away(settings):
        assert positions(list(stream.events())) == [2]
        assert [block.keys() for block in listen().blocks] == [{"retry"}]
    register(client)
    assert positions(listen(Last_Event_ID="2").take(1)) == [3]


def test_a_key_that_is_revoked(settings: Settings, services: Services) -> None:
    """The stream ends with the next sign of life after that is known."""
    keys = SqliteKeyStore(settings.sqlite_path)
    now = [1000.0]
    access = Access(KeyRing(keys, lambda: now[0]), settings.keyless, settings.keyless_hosts)
    short = replace(settings, heartbeat=HEARTBEAT)
    client = create_app(short, replace(services, access=access)).test_client()
    text = add_key(keys)
    with closing(client.get("/events/stream", headers=bearer(text))) as answer:
        stream = Received(answer.iter_encoded())
        assert [next(stream.blocks).keys() for _ in range(2)] == [{"retry"}, {""}]
        keys.revoke(text.partition(".")[0], MOMENT, soon())
        now[0] += 60
        assert list(stream.blocks) == []
    failure(client.get("/events/stream", headers=bearer(text)), 401)
