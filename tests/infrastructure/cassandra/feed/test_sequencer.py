"""Every event on a real Cassandra gets its position in the feed, once, whatever becomes of its
writer and of the sequencers."""

import threading
from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import (
    NO_CLAIMS,
    NO_STREAM,
    Appended,
    Claims,
    EventData,
    ExpectedVersion,
    VersionConflict,
)
from app.application.ports.feed import Feed
from app.infrastructure.cassandra.append.event_store import CassandraEventStore
from app.infrastructure.cassandra.append.intent_log import IntentLog
from app.infrastructure.cassandra.session import Row
from tests.contracts.claims import new_claim
from tests.contracts.feed import FeedContract
from tests.support.interrupted import APPEND, Send, Stop
from tests.support.sequencing import Beside, Lost, Silent, Site, is_fenced, places, put, until
from tests.support.stores import CountingTelemetry, commit, soon

SHORT = 0.3
"""A grace that a test can wait for."""


class CountingStore(CassandraEventStore):
    """Knows how many events it has acknowledged."""

    acknowledged = 0

    def append(
        self,
        stream: str,
        expected: ExpectedVersion,
        events: Sequence[EventData],
        commit_id: UUID,
        deadline: Deadline,
        claims: Claims = NO_CLAIMS,
    ) -> Appended:
        """See `ports.event_store.EventStore`."""
        appended = super().append(stream, expected, events, commit_id, deadline, claims)
        if not appended.already_applied:
            with COUNTING:
                self.acknowledged += len(events)
        return appended


COUNTING = threading.Lock()


class OnASite:
    """The store and the feed of a contract, on a real Cassandra."""

    @pytest.fixture
    def store(self, site: Site) -> CountingStore:
        return CountingStore(site.requests(), CountingTelemetry())

    @pytest.fixture
    def feed(self, site: Site) -> Feed:
        return site.feed

    @pytest.fixture
    def sequenced(self, site: Site, store: CountingStore) -> Callable[[], object]:
        """Sequences until the head says that all is there."""
        sequencer, start = site.sequencer(), site.head()
        return lambda: until(sequencer, lambda: site.head() >= start + store.acknowledged)


class TestCassandraFeed(OnASite, FeedContract):
    """All of the contract."""


class TestWritersThatFail:
    """Whatever becomes of a writer, its events are in the feed once, and other writers go on."""

    def test_one_that_died_after_its_append(self, site: Site, start: int, stream: str) -> None:
        """It has acknowledged nothing: the stream says how the append ended."""
        put(site.writer(Silent("acknowledge")), stream)
        assert places(site.follow(site.sequencer(), start, 1)) == [(stream, 1)]
        assert not is_fenced(site, stream)

    def test_one_that_never_learns_how_its_append_ended(
        self, site: Site, start: int, stream: str
    ) -> None:
        """It was applied, and every answer was lost. So nothing is acknowledged, not even by a
        process that ends in order, and the stream says how it ended."""
        writer = site.writer(Lost(APPEND, sent=True, times=1_000))
        commit_id, events = commit()
        with pytest.raises(OutcomeUnknown):
            writer.append(stream, NO_STREAM, events, commit_id, Deadline.after(SHORT))
        writer.close()
        assert places(site.follow(site.sequencer(), start, 1)) == [(stream, 1)]

    def test_one_that_died_before_its_append(self, site: Site, start: int, stream: str) -> None:
        """No other append waits for it, not even the rest of its log; after the grace its stream is
        fenced, and has no event that is not in the feed."""
        log = IntentLog(site.requests())
        log.prepare(stream, 1, commit()[1], soon())
        another = str(uuid4())
        put(site.writer(), another)
        sequencer = site.sequencer(grace=SHORT)
        assert places(site.follow(sequencer, start, 1)) == [(another, 1)]
        until(sequencer, lambda: is_fenced(site, stream))
        put(site.writer(), stream)
        assert places(site.follow(sequencer, start, 2))[1:] == [(stream, 1)]

    @pytest.mark.parametrize("first", [True, False], ids=["new stream", "later version"])
    @pytest.mark.parametrize("claims", [True, False], ids=["with claims", "without"])
    def test_one_that_was_held_up(
        self, site: Site, start: int, stream: str, beside: Beside, first: bool, claims: bool
    ) -> None:
        """Beyond the grace: when it goes on it prepares its append again, and succeeds."""
        before = 0 if first else 1
        if not first:
            put(site.writer(), stream)
        stop = Stop(APPEND)
        taken = Claims(taken=(new_claim(),) if claims else ())
        expected = NO_STREAM if first else 1
        writer = beside(put, site.writer(stop), stream, expected, claims=taken)
        stop.wait_reached()
        sequencer = site.sequencer(grace=SHORT)
        until(sequencer, lambda: is_fenced(site, stream))
        stop.go_on()
        assert writer.result().version == before + 1
        found = places(site.follow(sequencer, start, before + 1))
        assert found == [(stream, version) for version in range(1, before + 2)]

    @pytest.mark.parametrize("sent", [True, False], ids=["answer lost", "request lost"])
    def test_one_that_sends_its_append_again(
        self, site: Site, start: int, stream: str, sent: bool
    ) -> None:
        """The append is in the feed once, whether or not it is found to be already applied."""
        assert put(site.writer(Lost(APPEND, sent)), stream).already_applied is sent
        assert places(site.follow(site.sequencer(), start, 1)) == [(stream, 1)]

    @pytest.mark.parametrize("sent", [True, False], ids=["answer lost", "request lost"])
    def test_one_that_is_interrupted_in_its_append(
        self, site: Site, start: int, stream: str, sent: bool
    ) -> None:
        """By a signal, say: it does not know how the append ended, and does not acknowledge it."""

        def interrupted(name: str, send: Send) -> list[Row]:
            if name != APPEND:
                return send()
            if sent:
                send()
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            put(site.writer(interrupted), stream)
        put(site.writer(), stream, 1 if sent else NO_STREAM)
        versions = [1, 2] if sent else [1]
        found = places(site.follow(site.sequencer(), start, len(versions)))
        assert found == [(stream, version) for version in versions]

    def test_two_that_send_the_same_commit(
        self, site: Site, start: int, stream: str, beside: Beside
    ) -> None:
        """Both prepare it; its events belong to the intent that was first."""
        commit_id, events = commit(2)
        stop = Stop(APPEND)
        twin = beside(site.writer(stop).append, stream, NO_STREAM, events, commit_id, soon())
        stop.wait_reached()
        site.writer().append(stream, NO_STREAM, events, commit_id, soon())
        stop.go_on()
        assert twin.result().already_applied
        put(site.writer(), stream, 2)
        found = places(site.follow(site.sequencer(grace=SHORT), start, 3))
        assert found == [(stream, 1), (stream, 2), (stream, 3)]

    def test_one_that_loses_its_race(
        self, site: Site, start: int, stream: str, beside: Beside
    ) -> None:
        """What it prepared, did not append and never acknowledged, is not in the feed."""
        stop = Stop(APPEND)

        def around(name: str, send: Send) -> list[Row]:
            return Silent("acknowledge")(name, lambda: stop(name, send))

        loser = beside(put, site.writer(around), stream)
        stop.wait_reached()
        put(site.writer(), stream)
        stop.go_on()
        with pytest.raises(VersionConflict):
            loser.result()
        put(site.writer(), stream, 1)
        assert places(site.follow(site.sequencer(), start, 2)) == [(stream, 1), (stream, 2)]


class TestOrder:
    """Versions ascend within a stream."""

    def test_intent_logs_wait_for_each_other(self, site: Site, start: int, stream: str) -> None:
        """The second version's outcome is known before the first one's."""
        put(site.writer(Silent("acknowledge")), stream)
        put(site.writer(), stream, 1)
        put(site.writer(Silent("acknowledge")), stream, 2)
        put(site.writer(), stream, 3)
        found = places(site.follow(site.sequencer(), start, 4))
        assert found == [(stream, version) for version in (1, 2, 3, 4)]

    def test_a_sequencer_that_knew_a_log_that_is_gone(
        self, site: Site, start: int, stream: str, beside: Beside
    ) -> None:
        """It was held up while another one struck off the log that it had read: it forgets it, and
        does not wait for it for ever."""
        old = site.writer()
        put(old, stream)
        stop = Stop(APPEND)
        late = site.sequencer(stop)
        step = beside(until, late, lambda: site.head() > start)
        stop.wait_reached()
        other = site.sequencer()
        site.follow(other, start, 1)
        logs = site.logs()
        old.close()
        until(other, lambda: site.logs() < logs)
        put(site.writer(), str(uuid4()))
        site.follow(other, start, 2)  # without the cursor of the log
        stop.go_on()
        step.result()
        put(site.writer(), stream, 1)
        assert places(site.follow(late, start, 3))[2:] == [(stream, 2)]


class TestStreamsFromBeforeTheFeed:
    """Their events belong to no intent: they come with the next event that does."""

    @pytest.mark.parametrize("head", [None, 2], ids=["of the original", "with a head"])
    def test_they_come_along(self, site: Site, start: int, stream: str, head: int | None) -> None:
        """In their order, before it."""
        old_event(site, stream, 1)
        old_event(site, stream, 2, head)
        put(site.writer(), stream, 2)
        found = places(site.follow(site.sequencer(), start, 3))
        assert found == [(stream, version) for version in (1, 2, 3)]

    def test_they_may_be_mixed(self, site: Site, start: int, stream: str) -> None:
        """As while an older release still runs beside this one."""
        put(site.writer(), stream)
        old_event(site, stream, 2, 2)
        put(site.writer(Silent("acknowledge")), stream, 2)
        old_event(site, stream, 4, 4)
        put(site.writer(), stream, 4)
        found = places(site.follow(site.sequencer(), start, 5))
        assert found == [(stream, version) for version in (1, 2, 3, 4, 5)]

    def test_one_that_lost_all_but_its_version_stops_no_other(
        self, site: Site, start: int, stream: str
    ) -> None:
        """A damaged row has its position, and readers see what is left of it."""
        site.ask("INSERT INTO events (aggregate_id, version) VALUES (%s, 1)", stream)
        put(site.writer(), stream, 1)
        other = str(uuid4())
        put(site.writer(), other)
        found = site.follow(site.sequencer(), start, 3)
        assert sorted(places(found)) == sorted([(stream, 1), (stream, 2), (other, 1)])
        (damaged,) = (each for each in found if each.event.data.event_type == "")
        assert (damaged.event.stream, damaged.event.data.payload) == (stream, "")

    def test_a_long_one_is_parted(self, site: Site, start: int, stream: str) -> None:
        """And goes on where it was when another sequencer takes over in the middle of it."""
        for version in range(1, 121):
            old_event(site, stream, version)
        put(site.writer(), stream, 120)
        first = site.sequencer(Lost(APPEND, sent=True))
        with pytest.raises(StoreUnavailable):
            until(first, lambda: site.head() > start + 100)
        assert 0 < site.head() - start < 121
        found = places(site.follow(site.sequencer(), start, 121))
        assert found == [(stream, version) for version in range(1, 122)]


def old_event(site: Site, stream: str, version: int, head: int | None = None) -> None:
    """As the original registry wrote it, or with a head as the releases before the feed did."""
    site.ask(
        "INSERT INTO events (aggregate_id, version, event_type, payload, created_at)"
        " VALUES (%s, %s, 'CarrierRegistered', '{}', '2020-01-01T00:00:00.123Z')",
        stream,
        version,
    )
    if head is not None:
        site.ask("UPDATE events SET head = %s WHERE aggregate_id = %s IF head != -1", head, stream)
