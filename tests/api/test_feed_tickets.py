"""POST /events/ticket: how a browser reads the feed, whose EventSource cannot show a key."""

import logging
import time
from contextlib import closing
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.application.access.failures import FAILURES
from app.application.access.ring import Access, KeyRing
from app.application.access.tickets import TICKET_SECONDS
from app.application.ports.keys import Scope
from app.application.services import Services
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.support.answers import another, data, failure
from tests.support.event_streams import Received
from tests.support.keys import add_key, bearer
from tests.support.stores import MOMENT, soon

HEARTBEAT = 0.1


class Registry:
    """A service that needs a key, and clocks that a test can move."""

    def __init__(self, settings: Settings, services: Services) -> None:
        self.keys = SqliteKeyStore(settings.sqlite_path)
        self.text = add_key(self.keys, "page", Scope.READ)
        self.now = 1000.0
        ring = KeyRing(self.keys, lambda: self.now)
        access = Access(ring, settings.keyless, settings.keyless_hosts)
        app = create_app(replace(settings, heartbeat=HEARTBEAT), replace(services, access=access))
        self.client = app.test_client()

    def ticket(self) -> str:
        """A new one."""
        answer = self.client.post("/events/ticket", headers=bearer(self.text))
        given = data(answer)
        assert given.keys() == {"ticket", "expires_in"}
        assert given["expires_in"] == TICKET_SECONDS
        assert answer.headers["Cache-Control"] == "no-store"
        return str(given["ticket"])

    def stream(self, ticket: str) -> TestResponse:
        """A stream that is begun with it."""
        return self.client.get(f"/events/stream?ticket={ticket}")

    def revoke(self) -> None:
        """Let nobody in with the key any more, and wait until that is known."""
        self.keys.revoke(self.text.partition(".")[0], MOMENT, soon())
        self.now += 60


@pytest.fixture
def registry(settings: Settings, services: Services) -> Registry:
    """With a key that may read."""
    return Registry(settings, services)


def test_a_ticket_reads_the_feed(registry: Registry) -> None:
    """By page and as a stream, as often as wanted."""
    ticket = registry.ticket()
    for _ in range(2):
        assert data(registry.client.get(f"/events?ticket={ticket}"))["events"] == []
        with closing(registry.stream(ticket)) as answer:
            assert next(Received(answer.iter_encoded()).blocks).keys() == {"retry"}


def test_a_ticket_opens_nothing_else(registry: Registry) -> None:
    """Neither other addresses nor commands, nor does it make further tickets."""
    query = f"?ticket={registry.ticket()}"
    for address in ("/carriers", "/statistics", "/carriers.csv"):
        failure(registry.client.get(f"{address}{query}"), 401)
    failure(registry.client.post(f"/register-carrier{query}", json=another()), 401)
    failure(registry.client.post(f"/events/ticket{query}"), 401)


def test_who_shows_no_key_gets_no_ticket(registry: Registry) -> None:
    """Nor with one that is not valid."""
    failure(registry.client.post("/events/ticket"), 401)
    failure(registry.client.post("/events/ticket", headers=bearer(registry.text + "x")), 401)


@pytest.mark.parametrize("form", ["garbage", "another prefix", "a wrong signature"])
def test_tickets_that_nobody_was_given_are_limited(registry: Registry, form: str) -> None:
    """As wrong keys are: 429 beyond the limit. A ticket that is good is taken all the while, and
    one that has only expired does not count."""
    good = registry.ticket()
    bad = {
        "garbage": "garbage",
        "another prefix": "a" * 12 + good[12:],
        "a wrong signature": good[:-4] + ("aaaa" if good[-4:] != "aaaa" else "bbbb"),
    }[form]
    for _ in range(FAILURES):
        failure(registry.client.get(f"/events?ticket={bad}"), 401)
    answer = registry.client.get(f"/events?ticket={bad}")
    failure(answer, 429)
    assert int(answer.headers["Retry-After"]) > 0
    assert registry.client.get(f"/events?ticket={good}").status_code == 200


def test_a_ticket_that_has_only_expired_is_never_limited(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Browsers come back with it."""
    ticket = registry.ticket()
    later = time.time() + TICKET_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    for _ in range(2 * FAILURES):
        failure(registry.client.get(f"/events?ticket={ticket}"), 401)


def test_the_access_line_names_the_key_of_a_ticket(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """And never the ticket."""
    ticket = registry.ticket()
    caplog.set_level(logging.INFO, "app.access")
    caplog.clear()
    registry.client.get(f"/events?ticket={ticket}")
    (line,) = caplog.records
    assert line.__dict__["key"] == registry.text.partition(".")[0]
    assert ticket not in str(line.__dict__)


def test_a_ticket_expires(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """401 says how to get another one; that is also what a browser meets that comes back late."""
    ticket, now = registry.ticket(), time.time()
    monkeypatch.setattr(time, "time", lambda: now + TICKET_SECONDS - 2)
    assert data(registry.client.get(f"/events?ticket={ticket}"))
    monkeypatch.setattr(time, "time", lambda: now + TICKET_SECONDS + 1)
    for answer in (registry.stream(ticket), registry.client.get(f"/events?ticket={ticket}")):
        message, _ = failure(answer, 401)
        assert "POST /events/ticket" in message
        assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_a_stream_outlives_its_ticket(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """But not the key."""
    now = time.time()
    with closing(registry.stream(registry.ticket())) as answer:
        blocks = Received(answer.iter_encoded()).blocks
        assert next(blocks).keys() == {"retry"}
        monkeypatch.setattr(time, "time", lambda: now + 10 * TICKET_SECONDS)
        assert [next(blocks), next(blocks)] == [{"": ""}] * 2
        registry.revoke()
        assert list(blocks) == []


def test_a_ticket_ends_with_its_key(registry: Registry) -> None:
    """As soon as that is known."""
    ticket = registry.ticket()
    registry.revoke()
    failure(registry.stream(ticket), 401)


@pytest.mark.parametrize(
    "change", ["{}x", "x{}", "{}.", "anonymous", "", "x", "%00", "{0}&ticket={0}"]
)
def test_what_is_not_a_ticket_is_refused(registry: Registry, change: str) -> None:
    """In one of the ways in which a key would be, or as a query is."""
    query = change.format(registry.ticket())
    failure(registry.stream(query), 400 if "&" in query else 401)


def test_a_ticket_of_a_changed_key_is_refused(registry: Registry) -> None:
    """Prefix and expiry are signed."""
    prefix, expiry, signature = registry.ticket().split(".")
    other = add_key(registry.keys, "other").partition(".")[0]
    failure(registry.stream(f"{prefix}.{int(expiry) + 60}.{signature}"), 401)
    failure(registry.stream(f"{other}.{expiry}.{signature}"), 401)


def test_a_ticket_of_another_worker_is_good(
    registry: Registry, settings: Settings, services: Services
) -> None:
    """Although that has never seen the key."""
    access = Access(KeyRing(registry.keys), settings.keyless, settings.keyless_hosts)
    other = create_app(settings, replace(services, access=access)).test_client()
    assert data(other.get(f"/events?ticket={registry.ticket()}"))["events"] == []


def test_without_keys_a_page_does_the_same(
    client: FlaskClient, settings: Settings, services: Services
) -> None:
    """It gets a ticket that is good for as long as no key is needed."""
    ticket = data(client.post("/events/ticket"))["ticket"]
    assert data(client.get(f"/events?ticket={ticket}"))["events"] == []
    add_key(SqliteKeyStore(settings.sqlite_path))
    access = replace(services.access, ring=KeyRing(SqliteKeyStore(settings.sqlite_path)))
    changed = create_app(settings, replace(services, access=access)).test_client()
    failure(changed.get(f"/events?ticket={ticket}"), 401)


def test_a_ticket_is_never_logged(registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a good one nor one that is refused."""
    ticket = registry.ticket()
    with caplog.at_level(logging.DEBUG):
        registry.client.get(f"/events?ticket={ticket}")
        registry.client.get(f"/events?ticket={ticket}x")
        registry.client.get(f"/carriers?ticket={ticket}")
    assert "request" in caplog.text
    logged = [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
    assert not any(ticket in line for line in logged)
