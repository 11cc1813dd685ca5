"""GET /events: pages of the feed, and what an event looks like there."""

import re
import sqlite3
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.api.resources import feed_pages
from app.api.resources.cloud_events import TYPES, cloud_event
from app.application.deadline import Deadline
from app.application.ports.feed import FeedEvent
from app.application.services import Services
from config.settings import Settings
from tests.support.answers import FEDEX, another, data, failure

Json = dict[str, Any]
FEED = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def register(client: FlaskClient, count: int = 1) -> list[str]:
    """The ids of new carriers."""
    answers = [client.post("/register-carrier", json=another()) for _ in range(count)]
    return [data(answer, 201)["carrier_id"] for answer in answers]


def page(client: FlaskClient, query: str = "") -> Json:
    """A page of the feed, without the feed's id and head."""
    shown: Json = data(client.get(f"/events{query}"))
    assert shown.keys() == {"events", "next", "feed", "head"}
    assert all(event["feed"] == shown["feed"] for event in shown["events"])
    return {"events": shown["events"], "next": shown["next"]}


def positions(shown: Json) -> list[int]:
    """The positions of a page's events."""
    return [event["position"] for event in shown["events"]]


def test_nothing_has_happened(client: FlaskClient) -> None:
    """The feed is empty, and begins after position 0."""
    assert page(client) == {"events": [], "next": 0}


def test_an_event_is_a_cloud_event(client: FlaskClient) -> None:
    """All that CloudEvents 1.0 asks for, where it is in the feed and in its stream, and where it
    comes from."""
    headers = {"X-Request-ID": "my-request", "Idempotency-Key": "my-key"}
    answer = client.post("/register-carrier", json=FEDEX, headers=headers)
    carrier_id = data(answer, 201)["carrier_id"]
    (event,) = page(client)["events"]
    UUID(event.pop("causationid"))
    assert str(UUID(event["id"])) == event["id"]
    (entry,) = data(client.get(f"/carriers/{carrier_id}/history"))["events"]
    assert event.pop("id") == entry["event_id"]
    assert event["time"] == entry["at"]
    assert datetime.fromisoformat(event.pop("time")).utcoffset() is not None
    assert event == {
        "specversion": "1.0",
        "source": "/carriers",
        "feed": data(client.get("/events"))["feed"],
        "type": "CarrierRegistered",
        "subject": carrier_id,
        "position": 1,
        "streamversion": 1,
        "correlationid": "my-request",
        "actor": "anonymous",
        "schemaversion": 1,
        "datacontenttype": "application/json",
        "data": FEDEX,
    }
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in event)


def test_pages_follow_each_other(client: FlaskClient) -> None:
    """`next` and the Link lead on without a hole or a repeat; a page that is not full has no Link,
    and none may be kept by a cache."""
    register(client, 5)
    answer = client.get("/events?limit=2")
    assert positions(data(answer)) == [1, 2]
    feed = data(answer)["feed"]
    assert answer.headers["Link"] == f'<?feed={feed}&after=2&limit=2>; rel="next"'
    assert answer.headers["Cache-Control"] == "no-store"
    answer = client.get("/events?after=2&limit=2")
    assert (positions(data(answer)), data(answer)["next"]) == ([3, 4], 4)
    answer = client.get("/events?after=4&limit=2")
    assert (positions(data(answer)), data(answer)["next"]) == ([5], 5)
    assert "Link" not in answer.headers
    assert page(client, "?after=5") == {"events": [], "next": 5}


def test_events_of_some_types(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those are shown, at the positions that they have; `next` goes on over the others, also
    where one request has looked at as many as it may."""
    (carrier_id,) = register(client)
    for name in ("A", "B", "C"):
        client.post(f"/carriers/{carrier_id}/rename", json={"name": name})
    client.post(f"/carriers/{carrier_id}/retire", json={"reason": "closed"})
    assert page(client, "?type=CarrierRegistered") == {**page(client, "?limit=1"), "next": 5}
    assert positions(page(client, "?type=CarrierRegistered,CarrierRetired")) == [1, 5]
    answer = client.get("/events?type=CarrierRenamed,CarrierRegistered&limit=2")
    assert positions(data(answer)) == [1, 2]
    feed = data(answer)["feed"]
    assert answer.headers["Link"] == (
        f'<?feed={feed}&after=2&limit=2&type=CarrierRegistered,CarrierRenamed>; rel="next"'
    )
    monkeypatch.setattr(feed_pages, "AT_ONCE", 2)
    monkeypatch.setattr(feed_pages, "LOOKED_AT", 3)
    answer = client.get("/events?type=CarrierRetired")
    assert data(answer) == {"events": [], "next": 4, "feed": feed, "head": 5}
    assert answer.headers["Link"] == (
        f'<?feed={feed}&after=4&limit=100&type=CarrierRetired>; rel="next"'
    )
    assert positions(page(client, "?type=CarrierRetired&after=4")) == [5]


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("after=-1", "after", "from 0 to 9007199254740991"),
        ("after=9007199254740992", "after", "from 0 to 9007199254740991"),
        ("after=1.0", "after", "from 0 to 9007199254740991"),
        ("limit=0", "limit", "from 1 to 1000"),
        ("limit=1001", "limit", "from 1 to 1000"),
        ("wait=31", "wait", "from 0 to 30"),
        ("type=CarrierSold", "type", f"must be of {', '.join(TYPES)};"),
        ("type=", "type", "must be of"),
        ("type=CarrierRetired,", "type", "must be of"),
        ("feed=", "feed", "must be the id of a feed"),
        (f"feed={FEED.upper()}", "feed", "must be the id of a feed"),
        (f"feed={FEED}%0A", "feed", "must be the id of a feed"),
        ("from=1", "from", "unknown"),
        ("limit=1&limit=2", "limit", "more than once"),
    ],
)
def test_a_query_that_is_not_as_it_has_to_be(
    client: FlaskClient, query: str, field: str, sentence: str
) -> None:
    """400, with a sentence that says what is allowed."""
    _, details = failure(client.get(f"/events?{query}"), 400)
    assert details.keys() == {field}
    assert sentence in details[field]


def test_a_wait_ends_with_the_next_event(client: FlaskClient) -> None:
    """It is answered as soon as there is one that fits, long before the time is over."""
    (carrier_id,) = register(client)
    shown: list[Json] = []
    waiting = threading.Thread(
        target=lambda: shown.append(page(client, "?after=1&type=CarrierRetired&wait=30"))
    )
    started = time.monotonic()
    waiting.start()
    client.post(f"/carriers/{carrier_id}/rename", json={"name": "Other"})
    assert not shown
    client.post(f"/carriers/{carrier_id}/retire", json={"reason": "closed"})
    waiting.join(10)
    assert time.monotonic() - started < 3
    assert [positions(each) for each in shown] == [[3]]


def test_a_wait_ends_by_itself(settings: Settings, services: Services) -> None:
    """Without an event: with none, and with the position that it came to. A second of the
    request's budget is left for the answer; HEAD does not wait at all."""
    client = create_app(replace(settings, request_timeout=2), services).test_client()
    register(client)
    started = time.monotonic()
    assert page(client, "?after=1&wait=1") == {"events": [], "next": 1}
    assert 0.9 < time.monotonic() - started < 3
    assert page(client, "?after=0&type=CarrierRetired&wait=30") == {"events": [], "next": 1}
    assert 1.9 < time.monotonic() - started < 4
    started = time.monotonic()
    assert client.head("/events?after=1&wait=30").status_code == 200
    assert time.monotonic() - started < 1


def test_as_many_as_are_allowed_are_waiting(
    client: FlaskClient, services: Services, settings: Settings
) -> None:
    """503 says when to come back; whoever does not have to wait is answered all the same, and
    whoever leaves makes room."""
    register(client)
    with ExitStack() as places:
        for _ in range(settings.listeners):
            places.enter_context(services.tail.listener())
        answer = client.get("/events?after=1&wait=1")
        assert failure(answer, 503)[1] == {"outcome": "not-started"}
        assert answer.headers["Retry-After"] == "5"
        assert positions(page(client, "?wait=1")) == [1]
    assert page(client, "?after=1&wait=1") == {"events": [], "next": 1}


def test_nobody_waits_for_a_process_that_ends(client: FlaskClient, services: Services) -> None:
    """Those who wait are answered at once."""
    started = time.monotonic()
    closing_it = threading.Timer(0.05, services.tail.close)
    closing_it.start()
    assert page(client, "?wait=4") == {"events": [], "next": 0}
    assert time.monotonic() - started < 2
    closing_it.join()


@pytest.mark.parametrize(
    "payload",
    ["", "{", '{"name": "\\ud800"}', '{"a": NaN}', "[" * 100_000, '{"a": 1, "a": 2}'],
)
def test_an_event_that_cannot_be_read(
    client: FlaskClient, settings: Settings, payload: str
) -> None:
    """It is shown as text, and the feed goes on behind it."""
    register(client, 2)
    with closing(sqlite3.connect(settings.sqlite_path)) as database, database:
        change = "UPDATE events SET payload = ?, metadata = ? WHERE position = 1"
        database.execute(change, (payload, payload))
    broken, sound = page(client)["events"]
    assert (broken["datacontenttype"], broken["data"]) == ("text/plain", payload)
    assert "actor" not in broken
    assert sound["data"]["name"] == "FedEx"


@pytest.mark.parametrize("metadata", ["[]", '{"actor": 1, "correlation_id": "a\\u0000b"}'])
def test_metadata_of_another_shape(client: FlaskClient, settings: Settings, metadata: str) -> None:
    """Only what CloudEvents could hold is shown; the type of the original's rows is the class."""
    register(client)
    with closing(sqlite3.connect(settings.sqlite_path)) as database, database:
        change = "UPDATE events SET event_type = ?, metadata = ?"
        database.execute(change, ("App\\Domain\\CarrierRegistered", metadata))
    (event,) = page(client, "?type=CarrierRegistered")["events"]
    assert event["type"] == "CarrierRegistered"
    assert not event.keys() & {"actor", "correlationid", "causationid", "schemaversion"}


def test_a_position_beyond_the_integers_of_cloud_events(
    client: FlaskClient, services: Services
) -> None:
    """It is text, as their specification has it."""
    register(client)
    (found,) = services.feed.read(0, 1, Deadline.after(5))
    assert cloud_event(FeedEvent(2**31 - 1, found.event), FEED)["position"] == 2**31 - 1
    assert cloud_event(FeedEvent(2**31, found.event), FEED)["position"] == "2147483648"


def test_a_store_that_is_away(client: FlaskClient, settings: Settings) -> None:
    """503, as everywhere."""
    with closing(sqlite3.connect(settings.sqlite_path)) as database:
        database.execute("ALTER TABLE events RENAME TO elsewhere")
    failure(client.get("/events"), 503)
