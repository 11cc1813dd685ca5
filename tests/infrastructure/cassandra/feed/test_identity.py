"""The id of the feed on a real Cassandra: which process makes it, which sees a new one, and what a
restore of the keyspace means to readers."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from uuid import uuid4

import pytest
from cassandra.cluster import Session
from flask.testing import FlaskClient

from app import create_app
from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.bootstrap import build_services
from app.infrastructure.cassandra.feed.reader import CassandraFeed
from app.infrastructure.cassandra.migrations import migrate, read_migrations
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Contact
from config.settings import Settings
from tests.support.answers import another, data, failure
from tests.support.cassandra_node import Node
from tests.support.processes import wait_until
from tests.support.project import MIGRATIONS
from tests.support.stores import (
    KEYSPACE,
    ONE_COPY,
    driver_session,
    make_keyspace,
    make_schema,
    soon,
)
from tests.support.threads import at_once

TABLES = ("events", "claims", "lanes", "records", "feed", "feed_identity")
VIEWS = ("view_generations", "view_state", "view_rows", "view_lists")


@pytest.fixture
def contact(cassandra_node: Node) -> Contact:
    """The node that all share."""
    return Contact((cassandra_node.host,), cassandra_node.port)


@pytest.fixture
def keyspace(cassandra_node: Node) -> str:
    """An empty one, with the schema."""
    make_keyspace(cassandra_node)
    return KEYSPACE


@contextmanager
def opened_feed(contact: Contact, keyspace: str) -> Iterator[CassandraFeed]:
    """The feed as a process has it."""
    with closing(CassandraSession(contact, keyspace)) as session:
        yield CassandraFeed(Requests(session, contact.serial_consistency))


@contextmanager
def service(contact: Contact, keyspace: str) -> Iterator[FlaskClient]:
    """A client of the application on the keyspace."""
    settings = Settings(
        app_env="testing",
        event_store="cassandra",
        cassandra_hosts=contact.hosts,
        cassandra_port=contact.port,
        cassandra_keyspace=keyspace,
    )
    services = build_services(settings)
    try:
        yield create_app(settings, services).test_client()
    finally:
        services.close()


def register(client: FlaskClient, count: int, head: int) -> None:
    """New carriers, until the feed has all of their events."""
    for _ in range(count):
        data(client.post("/register-carrier", json=another()), 201)
    wait_until(lambda: data(client.get("/events"))["head"] == head, 20, f"the feed is at {head}")


def test_processes_that_make_the_id_at_once_agree(contact: Contact, keyspace: str) -> None:
    """The id of the first one holds."""
    with ExitStack() as opened:
        feeds = [opened.enter_context(opened_feed(contact, keyspace)) for _ in range(3)]
        assert len(set(at_once(3, lambda number: feeds[number].identity(soon())))) == 1


def test_a_renewal_is_seen_by_processes_that_run(contact: Contact, keyspace: str) -> None:
    """Within two seconds."""
    with opened_feed(contact, keyspace) as one, opened_feed(contact, keyspace) as other:
        before = other.identity(soon())
        renewed = one.renew(soon())
        assert renewed != before
        wait_until(lambda: other.standing(soon()).feed == renewed, 2, "the other one has seen it")


def test_a_keyspace_without_the_migration_is_not_served(
    contact: Contact, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what is missing and what to do; once that is done the process goes on."""
    keyspace = f"identity_{uuid4().hex[:12]}"
    before = [each for each in read_migrations(MIGRATIONS) if each.name < "0008"]
    migrate(contact, keyspace, ONE_COPY, before, lambda _: None)
    with caplog.at_level(logging.WARNING), opened_feed(contact, keyspace) as feed:
        with pytest.raises(StoreUnavailable):
            feed.identity(soon())
        assert "feed_identity" in caplog.text
        assert "was the schema applied (make schema)?" in caplog.text
        make_schema(contact, keyspace)

        def is_there() -> bool:
            try:
                return bool(feed.identity(Deadline.after(1)))
            except StoreUnavailable:
                return False

        wait_until(is_there, 30, "the feed has its id")


def snapshot(session: Session) -> dict[str, list[str]]:
    """The rows of all tables but the views, as JSON."""
    return {
        table: [row["[json]"] for row in session.execute(f"SELECT JSON * FROM {table}")]
        for table in TABLES
    }


def restore(session: Session, rows: dict[str, list[str]]) -> None:
    """What `nodetool import` of a snapshot would bring back; the views come to be made anew."""
    for table in (*TABLES, *VIEWS):
        session.execute(f"TRUNCATE {table}")
    for table, found in rows.items():
        for row in found:
            session.execute(f"INSERT INTO {table} JSON %s", (row,))


def test_a_restore_misleads_no_reader(contact: Contact, keyspace: str) -> None:
    """A snapshot at 7, readers at 10; restored, renewed, and on to 12: with the id of the former
    feed a reader is told, where positions 8, 9 and 10 would be missing to it in silence."""
    with driver_session(contact, keyspace) as session:
        with service(contact, keyspace) as client:
            register(client, 7, head=7)
            rows = snapshot(session)
            register(client, 3, head=10)
            kept = data(client.get("/events"))
        restore(session, rows)
    with opened_feed(contact, keyspace) as feed:
        renewed = feed.renew(soon())
    with service(contact, keyspace) as client:
        former = f"feed={kept['feed']}&after=10"
        assert failure(client.get("/events?after=10"), 400)[1]["head"] == "7"
        register(client, 5, head=12)
        for address in ("/events", "/events/stream"):
            _, details = failure(client.get(f"{address}?{former}"), 410)
            assert details == {"feed": renewed, "head": "12"}
        again = data(client.get(f"/events?feed={renewed}"))["events"]
        assert [event["id"] for event in again[:7]] == [each["id"] for each in kept["events"][:7]]
        assert len(again) == 12


def test_a_feed_that_falls_back_is_read_from_its_new_end(contact: Contact, keyspace: str) -> None:
    """A process that has seen later partitions does not take them for granted."""
    with driver_session(contact, keyspace) as session, opened_feed(contact, keyspace) as feed:
        for bucket in range(3):
            row = f"({bucket}, 1, {(bucket + 1) * 10_000})"
            session.execute(f"INSERT INTO feed (bucket, revision, head) VALUES {row}")
        assert feed.head(soon()) == 30_000
        session.execute("TRUNCATE feed")
        assert feed.head(soon()) == 0
