"""Streams from before there was a feed, on a real Cassandra."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from cassandra.cluster import Session

from app.application.feed import Round
from app.application.ports import NO_STREAM
from app.infrastructure import (
    cassandra_adoption,
    cassandra_sequencer,
    cassandra_store,
)
from app.infrastructure.cassandra_adoption import CassandraAdoption
from app.infrastructure.cassandra_feed import CassandraFeed
from app.infrastructure.cassandra_sequencer import CassandraSequencer
from app.infrastructure.cassandra_session import CassandraSession, Contact, make_cluster
from app.infrastructure.cassandra_store import CassandraEventStore
from tests.support.cassandra_node import Node
from tests.support.stores import CountingTelemetry, commit, make_schema, soon

STATEMENTS = (
    cassandra_store.STATEMENTS | cassandra_sequencer.STATEMENTS | cassandra_adoption.STATEMENTS
)


KEYSPACE = "adopting"


@pytest.fixture(scope="module")
def contact(cassandra_node: Node) -> Contact:
    """Where the node is; the schema has been applied."""
    contact = Contact((cassandra_node.host,), cassandra_node.port)
    make_schema(contact, KEYSPACE)
    return contact


@pytest.fixture(scope="module")
def session(contact: Contact) -> Iterator[CassandraSession]:
    """A session there; whatever was there before has been adopted."""
    session = CassandraSession(contact, KEYSPACE, STATEMENTS)
    adopt(session, contact)
    yield session
    session.close()


@pytest.fixture(scope="module")
def direct(contact: Contact) -> Iterator[Session]:
    """A session past the store."""
    cluster = make_cluster(contact)
    yield cluster.connect(KEYSPACE)
    cluster.shutdown()


def old_stream(direct: Session, events: int) -> str:
    """A stream that the seed's original wrote."""
    stream = str(uuid4())
    for version in range(1, events + 1):
        direct.execute(
            "INSERT INTO events (aggregate_id, version, event_type, payload, created_at)"
            " VALUES (%s, %s, 'CarrierRegistered', '{}', toTimestamp(now()))",
            (stream, version),
        )
    return stream


def adopt(session: CassandraSession, contact: Contact) -> int:
    """How many streams were adopted."""
    adoption = CassandraAdoption(session, contact.serial_consistency)
    *_, (_, adopted) = [(0, 0), *adoption.run()]
    adoption.close()
    return adopted


def fed(session: CassandraSession, contact: Contact, *streams: str) -> list[tuple[str, int]]:
    """Stream and version of all that the feed holds of these. An append is in it as soon as its
    outcome was told, so it is looked for until a few rounds have found nothing."""
    sequencer = CassandraSequencer(session, contact.serial_consistency)
    idle = soon(0.3)
    while not idle.expired:
        if sequencer.step(soon()) is Round.WORKED:
            idle = soon(0.3)
    found = [each.event for each in CassandraFeed(session).read(0, 10_000, soon())]
    return [(event.stream, event.version) for event in found if event.stream in streams]


def test_that_old_streams_come_into_the_feed_once(
    session: CassandraSession, contact: Contact, direct: Session
) -> None:
    """All events of all old streams, in order within each; adopting again changes nothing."""
    streams = {old_stream(direct, events): events for events in (1, 2, 3)}
    assert adopt(session, contact) == 3
    assert adopt(session, contact) == 0
    seen = fed(session, contact, *streams)
    assert sorted(seen) == sorted(
        (stream, version) for stream, last in streams.items() for version in range(1, last + 1)
    )
    for stream in streams:
        versions = [version for name, version in seen if name == stream]
        assert versions == sorted(versions)


def test_that_other_streams_are_left_alone(
    session: CassandraSession, contact: Contact, direct: Session
) -> None:
    """A new stream is in the feed already, and so is an old one that has been changed since."""
    store = CassandraEventStore(session, CountingTelemetry(), contact.serial_consistency)
    old = old_stream(direct, 2)
    for stream, expected in ((old, 2), (str(uuid4()), NO_STREAM)):
        commit_id, events = commit()
        store.append(stream, expected, events, commit_id, soon())
    assert adopt(session, contact) == 0
    assert fed(session, contact, old) == [(old, 1), (old, 2), (old, 3)]


def test_that_what_was_broken_off_is_finished_by_the_next_run(
    session: CassandraSession, contact: Contact, direct: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ends between announcing an event and marking it has changed nothing."""
    stream = old_stream(direct, 2)
    broken = CassandraAdoption(session, contact.serial_consistency)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(broken._requests, "write", interrupt)
        list(broken.run())
    assert adopt(session, contact) == 1
    assert fed(session, contact, stream) == [(stream, 1), (stream, 2)]


def test_that_an_append_in_between_is_not_taken_twice(
    session: CassandraSession, contact: Contact, direct: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It brings the old events along, so the adoption must not bring them once more."""
    stream = old_stream(direct, 2)
    store = CassandraEventStore(session, CountingTelemetry(), contact.serial_consistency)
    adoption = CassandraAdoption(session, contact.serial_consistency)
    mark = adoption._requests.write

    def after_an_append(*call: Any) -> Any:  # noqa: ANN401
        commit_id, events = commit()
        store.append(stream, 2, events, commit_id, soon())
        return mark(*call)

    monkeypatch.setattr(adoption._requests, "write", after_an_append)
    assert [adopted for _, adopted in adoption.run()] == [0]
    adoption.close()
    assert fed(session, contact, stream) == [(stream, 1), (stream, 2), (stream, 3)]


def interrupt(*_: object) -> None:
    """Ctrl-C."""
    raise KeyboardInterrupt
