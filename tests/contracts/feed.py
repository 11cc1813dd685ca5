"""What every feed has to do. A store's own tests subclass `FeedContract`.

The store may hold events of others: each test begins at the head that it finds.
"""

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from app.application.ports.event_store import (
    NO_STREAM,
    EventData,
    EventStore,
    ExpectedVersion,
    VersionConflict,
)
from app.application.ports.feed import Feed, FeedEvent, FeedStanding, Period
from tests.contracts.event_store import TEXTS
from tests.support.stores import MOMENT, commit, soon

PAGE = 7


def put(
    store: EventStore, stream: str, expected: ExpectedVersion = NO_STREAM, count: int = 1
) -> None:
    """Append a new commit of `count` events."""
    commit_id, events = commit(count)
    store.append(stream, expected, events, commit_id, soon())


def read_on(feed: Feed, after: int) -> list[FeedEvent]:
    """Everything behind that position, read in pages until one is empty."""
    found: list[FeedEvent] = []
    while page := feed.read(after + len(found), PAGE, soon()):
        found += page
    return found


def versions(events: list[FeedEvent]) -> dict[str, list[int]]:
    """The versions of each stream, in the order of the feed."""
    streams: dict[str, list[int]] = defaultdict(list)
    for each in events:
        streams[each.event.stream].append(each.event.version)
    return dict(streams)


class FeedContract:
    """Subclasses give three fixtures."""

    @pytest.fixture
    def store(self) -> EventStore:
        """Where events are appended."""
        raise NotImplementedError

    @pytest.fixture
    def feed(self) -> Feed:
        """The feed of that store."""
        raise NotImplementedError

    @pytest.fixture
    def sequenced(self) -> Callable[[], object]:
        """Returns once all that was acknowledged has its position."""
        raise NotImplementedError

    @pytest.fixture
    def start(self, store: EventStore, feed: Feed, sequenced: Callable[[], object]) -> int:
        """The head before the test."""
        sequenced()
        return feed.head(soon())

    def test_beyond_the_head_there_is_nothing(self, feed: Feed, start: int) -> None:
        """No error either, however far beyond."""
        for after in (start, start + 1, start + 1000, 2**40, 2**70):
            assert feed.read(after, 10, soon()) == []
        assert feed.head(soon()) == start

    def test_what_is_appended_comes_at_the_next_positions(
        self, store: EventStore, feed: Feed, start: int, sequenced: Callable[[], object]
    ) -> None:
        """As the store has recorded it; the head is the last of them."""
        stream = str(uuid4())
        for version in range(3):
            put(store, stream, version or NO_STREAM)
            sequenced()
            assert feed.head(soon()) == start + version + 1
        found = feed.read(start, 10, soon())
        assert [each.position for each in found] == [start + 1, start + 2, start + 3]
        assert [each.event for each in found] == store.read(stream, soon())

    def test_every_event_of_every_stream_comes_once(
        self, store: EventStore, feed: Feed, start: int, sequenced: Callable[[], object]
    ) -> None:
        """Without a hole, and in the order of versions within each stream."""
        streams = [str(uuid4()) for _ in range(4)]
        for version in (0, 2, 4):
            for stream in streams:
                put(store, stream, version or NO_STREAM, 2)
        sequenced()
        found = read_on(feed, start)
        assert [each.position for each in found] == list(range(start + 1, start + 25))
        assert versions(found) == {stream: [1, 2, 3, 4, 5, 6] for stream in streams}

    def test_all_events_of_a_commit_come(
        self, store: EventStore, feed: Feed, start: int, sequenced: Callable[[], object]
    ) -> None:
        """In their order, also when the pages part them."""
        stream = str(uuid4())
        put(store, stream, NO_STREAM, 3)
        put(store, stream, 3, 2 * PAGE)
        sequenced()
        found = read_on(feed, start)
        assert [each.event for each in found] == store.read(stream, soon())

    def test_positions_are_read_in_parts(
        self, store: EventStore, feed: Feed, start: int, sequenced: Callable[[], object]
    ) -> None:
        """Behind `after`, at most `limit`; the parts are what the whole is."""
        put(store, str(uuid4()), NO_STREAM, 5)
        sequenced()
        whole = feed.read(start, 1000, soon())
        assert len(whole) == 5
        assert feed.read(start, 2, soon()) == whole[:2]
        assert feed.read(start + 2, 2, soon()) == whole[2:4]
        assert feed.read(start + 4, 2, soon()) == whole[4:]
        assert feed.read(start + 3, 1, soon()) == whole[3:4]

    def test_what_was_read_stays(
        self, store: EventStore, feed: Feed, start: int, sequenced: Callable[[], object]
    ) -> None:
        """Later appends come behind it and change none of it."""
        streams = [str(uuid4()) for _ in range(2)]
        put(store, streams[0], NO_STREAM, 2)
        sequenced()
        before = read_on(feed, start)
        put(store, streams[1], NO_STREAM, 2)
        put(store, streams[0], 2, 2)
        sequenced()
        after = read_on(feed, start)
        assert after[:2] == before
        assert len(after) == 6

    def test_what_was_not_written_has_no_position(
        self, store: EventStore, feed: Feed, start: int, sequenced: Callable[[], object]
    ) -> None:
        """Neither a commit that was refused nor one that was sent again."""
        stream = str(uuid4())
        commit_id, events = commit(2)
        for _ in range(2):
            store.append(stream, NO_STREAM, events, commit_id, soon())
        with pytest.raises(VersionConflict):
            put(store, stream, NO_STREAM)
        put(store, stream, 2)
        sequenced()
        assert versions(read_on(feed, start)) == {stream: [1, 2, 3]}

    def test_every_kind_of_text_comes_back(
        self, store: EventStore, feed: Feed, start: int, sequenced: Callable[[], object]
    ) -> None:
        """Payload, metadata and type to the letter, id and time exactly."""
        events = [
            EventData(uuid4(), f"Type {text}", text, f"m{text}", MOMENT) for text in TEXTS.values()
        ]
        store.append(str(uuid4()), NO_STREAM, events, uuid4(), soon())
        sequenced()
        assert [each.event.data for each in read_on(feed, start)] == events

    def test_a_reader_beside_writers_misses_nothing(
        self, store: EventStore, feed: Feed, start: int, sequenced: Callable[[], object]
    ) -> None:
        """Two threads append while one reads on from where it is: it sees every event once."""
        streams = [str(uuid4()) for _ in range(2)]

        def write(stream: str) -> None:
            for version in range(0, 45, 3):
                put(store, stream, version or NO_STREAM, 3)

        seen: list[FeedEvent] = []
        deadline = soon(60)
        with ThreadPoolExecutor(2) as pool:
            writers = [pool.submit(write, stream) for stream in streams]
            while len(seen) < 90 and not deadline.expired:
                sequenced()
                seen += feed.read(start + len(seen), PAGE, soon())
            for writer in writers:
                writer.result()
        assert [each.position for each in seen] == list(range(start + 1, start + 91))
        assert versions(seen) == {stream: list(range(1, 46)) for stream in streams}
        assert seen == read_on(feed, start)

    def test_a_stretch_has_a_first_and_a_last_moment(
        self, store: EventStore, feed: Feed, start: int, sequenced: Callable[[], object]
    ) -> None:
        """Whatever their order in the feed: another clock, or an older stream, may be behind."""
        days = [MOMENT + timedelta(days=each) for each in (3, 1, 4, 2)]
        events = [EventData(uuid4(), "Type", "{}", "{}", moment) for moment in days]
        store.append(str(uuid4()), NO_STREAM, events, uuid4(), soon())
        sequenced()
        period = feed.period(start, start + 4, soon())
        assert period == Period(MOMENT + timedelta(days=1), MOMENT + timedelta(days=4))
        assert feed.period(start, start + 2, soon()) == Period(days[1], days[0])
        assert feed.period(start + 3, start + 9, soon()) == Period(days[3], days[3])
        for after, through in ((start + 4, start + 9), (start + 2, start + 2), (2**62, 2**63)):
            assert feed.period(after, through, soon()) is None

    def test_the_feed_has_an_id_that_stays(
        self, store: EventStore, feed: Feed, start: int, sequenced: Callable[[], object]
    ) -> None:
        """A UUID, which comes with the head, whatever is appended."""
        before = feed.standing(soon())
        assert before.head == start
        assert str(UUID(before.feed)) == before.feed == feed.identity(soon())
        put(store, str(uuid4()))
        sequenced()
        assert feed.standing(soon()) == FeedStanding(before.feed, start + 1)

    def test_a_renewal_gives_another_id_and_nothing_else(
        self, store: EventStore, feed: Feed, start: int, sequenced: Callable[[], object]
    ) -> None:
        """To this process at once; the events keep the positions that they have."""
        put(store, str(uuid4()))
        sequenced()
        before, events = feed.standing(soon()), feed.read(start, 10, soon())
        renewed = feed.renew(soon())
        assert renewed != before.feed
        assert feed.standing(soon()) == FeedStanding(renewed, before.head)
        assert feed.read(start, 10, soon()) == events
