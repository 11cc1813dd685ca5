"""Interleavings of two and three writers over a unique value, on a real Cassandra.

Each test holds up one writer before one request, lets others act, and lets it go on.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from app.application.ports.event_store import (
    NO_STREAM,
    AlreadyClaimed,
    Claim,
    Claims,
    EventStore,
    VersionConflict,
)
from app.infrastructure.cassandra.append.event_store import CassandraEventStore
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Contact
from tests.contracts.claims import new_claim, put
from tests.contracts.scheduled import ScheduledContract
from tests.support.interrupted import APPEND, Around, Stop, interrupted_store
from tests.support.stores import CountingTelemetry, commit, soon


@dataclass(frozen=True)
class Writers:
    """Stores over one session: plain ones and interrupted ones."""

    session: CassandraSession
    serial_consistency: int

    def interrupted(self, around: Around) -> EventStore:
        """A writer that `around` can hold up."""
        return interrupted_store(self.session, self.serial_consistency, around)


@pytest.fixture(scope="module")
def writers(session: CassandraSession, contact: Contact) -> Writers:
    """On the module's keyspace."""
    return Writers(session, contact.serial_consistency)


@pytest.fixture
def store(writers: Writers) -> EventStore:
    """A writer that nothing holds up."""
    return CassandraEventStore(
        Requests(writers.session, writers.serial_consistency), CountingTelemetry()
    )


@pytest.fixture
def claim() -> Claim:
    """The value that all want."""
    return new_claim()


class TestALostRaceOfOneStreamWithItself:
    """Two commits of one stream want the same value; what the later one put into the row must
    not be taken out again, because the earlier one rests on it."""

    @pytest.fixture
    def stream(self, store: EventStore) -> str:
        """A stream without a value."""
        stream = str(uuid4())
        put(store, stream, NO_STREAM)
        return stream

    def test_the_loser_leaves_the_winner_its_value(
        self,
        writers: Writers,
        store: EventStore,
        stream: str,
        claim: Claim,
        beside: Callable[..., Future[Any]],
    ) -> None:
        """The winner appends after both have taken; then nobody else gets the value."""
        stop = Stop(APPEND)
        winner = beside(put, writers.interrupted(stop), stream, 1, (claim,))
        stop.wait_reached()
        second = Stop(APPEND)
        loser = beside(put, writers.interrupted(second), stream, 1, (claim,))
        second.wait_reached()
        stop.go_on()
        assert winner.result().version == 2
        second.go_on()
        with pytest.raises(VersionConflict):
            loser.result()
        with pytest.raises(AlreadyClaimed):
            put(store, str(uuid4()), NO_STREAM, (claim,))

    def test_a_stale_commit_does_not_open_the_door_to_others(
        self,
        writers: Writers,
        store: EventStore,
        stream: str,
        claim: Claim,
        beside: Callable[..., Future[Any]],
    ) -> None:
        """A writer has taken the value and is slow; another commit of its stream, on an old
        version, takes it and conflicts; then another stream wants it. One owner in the end."""
        put(store, stream, 1)
        stop = Stop(APPEND)
        slow = beside(put, writers.interrupted(stop), stream, 2, (claim,))
        stop.wait_reached()
        with pytest.raises(VersionConflict):
            put(store, stream, 1, (claim,))
        rival = gets_it(store, str(uuid4()), claim)
        stop.go_on()
        assert [rival, succeeds(slow)] in ([True, False], [False, True])


def test_a_writer_that_is_slow_right_behind_its_claim_cannot_complete(
    writers: Writers, store: EventStore, claim: Claim, beside: Callable[..., Future[Any]]
) -> None:
    """It has claimed the value, and has asked for nothing since, when another takes the value over:
    what it compares in the end it has to have read before it claimed."""
    stream, taker = str(uuid4()), str(uuid4())
    put(store, stream, NO_STREAM)
    stop = Stop("claim", is_after=True)
    slow = beside(put, writers.interrupted(stop), stream, 1, (claim,))
    stop.wait_reached()
    put(store, taker, NO_STREAM, (claim,))
    stop.go_on()
    with pytest.raises(AlreadyClaimed):
        slow.result()


def test_a_late_twin_of_a_commit_frees_nothing_that_was_taken_since(
    writers: Writers, store: EventStore, claim: Claim, beside: Callable[..., Future[Any]]
) -> None:
    """A commit frees a value and is sent twice; the stream takes the value back in between. The
    second sending finds itself applied and leaves the value where it is."""
    stream = str(uuid4())
    put(store, stream, NO_STREAM, (claim,))
    commit_id, events = commit()
    freeing = (stream, 1, events, commit_id, soon(), Claims(freed=(claim,)))
    stop = Stop("read_claim")
    twin = beside(writers.interrupted(stop).append, *freeing)
    stop.wait_reached()
    store.append(*freeing)
    put(store, stream, 2, (claim,))
    stop.go_on()
    assert twin.result().already_applied
    with pytest.raises(AlreadyClaimed):
        put(store, str(uuid4()), NO_STREAM, (claim,))


def gets_it(store: EventStore, stream: str, claim: Claim) -> bool:
    """Whether a new stream can take the value."""
    try:
        put(store, stream, NO_STREAM, (claim,))
    except AlreadyClaimed:
        return False
    return True


def succeeds(writer: Future[Any]) -> bool:
    """Whether the writer's append was acknowledged."""
    try:
        writer.result()
    except AlreadyClaimed:
        return False
    return True


class TestScheduledAddresses(ScheduledContract):
    """All of the contract, on real claims."""
