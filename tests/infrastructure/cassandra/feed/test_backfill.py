"""Streams from before there was a feed, on a real Cassandra."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from cassandra.cluster import Session

from app.application.deadline import Deadline
from app.application.ports.event_store import NO_STREAM
from app.application.ports.feed import StepResult
from app.infrastructure.cassandra.append.event_store import CassandraEventStore
from app.infrastructure.cassandra.feed.backfill import CassandraBackfill
from app.infrastructure.cassandra.feed.reader import CassandraFeed
from app.infrastructure.cassandra.feed.sequencer import CassandraSequencer
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Contact, Row
from tests.support.stores import KEYSPACE, CountingTelemetry, commit, soon


@pytest.fixture(scope="module")
def requests(contact: Contact) -> Iterator[Requests]:
    """Over a session there; what was in the keyspace before has been backfilled."""
    requests = Requests(CassandraSession(contact, KEYSPACE), contact.serial_consistency)
    backfill(requests)
    yield requests
    requests.close()


def old_stream(direct: Session, events: int) -> str:
    """A stream that the original registry wrote."""
    stream = str(uuid4())
    for version in range(1, events + 1):
        direct.execute(
            "INSERT INTO events (aggregate_id, version, event_type, payload, created_at)"
            " VALUES (%s, %s, 'CarrierRegistered', '{}', toTimestamp(now()))",
            (stream, version),
        )
    return stream


def backfill(requests: Requests) -> int:
    """How many streams were backfilled."""
    run = CassandraBackfill(requests)
    *_, (_, backfilled) = [(0, 0), *run.run()]
    run.close()
    return backfilled


def fed(requests: Requests, *streams: str) -> list[tuple[str, int]]:
    """Stream and version of all events that the feed holds of these streams. An append gets its
    position as soon as it was acknowledged, so this sequences until a few steps found nothing."""
    sequencer = CassandraSequencer(requests)
    idle = soon(0.3)
    while not idle.expired:
        if sequencer.step(soon()) is StepResult.WORKED:
            idle = soon(0.3)
    found = [each.event for each in CassandraFeed(requests).read(0, 10_000, soon())]
    return [(event.stream, event.version) for event in found if event.stream in streams]


def test_that_old_streams_come_into_the_feed_once(requests: Requests, direct: Session) -> None:
    """All events of all old streams, in order within each; a second backfill changes nothing."""
    streams = {old_stream(direct, events): events for events in (1, 2, 3)}
    assert backfill(requests) == 3
    assert backfill(requests) == 0
    seen = fed(requests, *streams)
    assert sorted(seen) == sorted(
        (stream, version) for stream, last in streams.items() for version in range(1, last + 1)
    )
    for stream in streams:
        versions = [version for name, version in seen if name == stream]
        assert versions == sorted(versions)


def test_that_other_streams_are_left_alone(requests: Requests, direct: Session) -> None:
    """A new stream is in the feed already, and so is an old one that has been changed since."""
    store = CassandraEventStore(requests, CountingTelemetry())
    old = old_stream(direct, 2)
    for stream, expected in ((old, 2), (str(uuid4()), NO_STREAM)):
        commit_id, events = commit()
        store.append(stream, expected, events, commit_id, soon())
    assert backfill(requests) == 0
    assert fed(requests, old) == [(old, 1), (old, 2), (old, 3)]


def test_that_what_was_broken_off_is_finished_by_the_next_run(
    requests: Requests, direct: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ends between preparing an event and marking it has changed nothing."""
    stream = old_stream(direct, 2)
    broken = CassandraBackfill(requests)
    write = broken._requests.write

    def interrupted(deadline: Deadline, name: str, *values: object) -> Row:
        if name == "mark":
            raise KeyboardInterrupt
        return write(deadline, name, *values)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(broken._requests, "write", interrupted)
        list(broken.run())
    assert backfill(requests) == 1
    assert fed(requests, stream) == [(stream, 1), (stream, 2)]


def test_that_an_append_in_between_is_not_taken_twice(
    requests: Requests, direct: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The append brings the old events along, so the backfill must not bring them once more."""
    stream = old_stream(direct, 2)
    store = CassandraEventStore(requests, CountingTelemetry())
    run = CassandraBackfill(requests)
    write = run._requests.write

    def after_an_append(deadline: Deadline, name: str, *values: object) -> Row:
        if name == "mark":
            commit_id, events = commit()
            store.append(stream, 2, events, commit_id, soon())
        return write(deadline, name, *values)

    monkeypatch.setattr(run._requests, "write", after_an_append)
    assert [backfilled for _, backfilled in run.run()] == [0]
    run.close()
    assert fed(requests, stream) == [(stream, 1), (stream, 2), (stream, 3)]


def test_that_a_mark_that_two_nodes_were_sent_recognises_itself(
    requests: Requests, direct: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node that answers may have been the second: then it refuses what is done already."""
    stream = old_stream(direct, 2)
    run = CassandraBackfill(requests)
    write = run._requests.write

    def twice(deadline: Deadline, name: str, *values: object) -> Row:
        if name == "mark":
            write(deadline, name, *values)
        return write(deadline, name, *values)

    monkeypatch.setattr(run._requests, "write", twice)
    assert [backfilled for _, backfilled in run.run()] == [1]
    run.close()
    assert fed(requests, stream) == [(stream, 1), (stream, 2)]
