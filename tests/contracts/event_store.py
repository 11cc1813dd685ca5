"""What every event store has to do. A store's own tests subclass `EventStoreContract`."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import StoreError, StoreUnavailable
from app.application.ports.event_store import (
    NO_STREAM,
    Appended,
    EventData,
    EventStore,
    ExpectedVersion,
    VersionConflict,
)
from tests.support.stores import MOMENT, commit, soon

TEXTS = {
    "empty": "",
    "latin": "Größe façade",
    "astral": "🚚 \U0001d4b3 \U0010ffff",
    "right to left": "שלום مرحبا",
    "nul": "a\x00b",
    "quotes": "'\"\\;--",
    "line breaks": "a\r\nb\u2028c\x85d",
    "combining": "e\u0301 n\u0303",
    "not normalised": "\ufb01 \u212b",
}


class EventStoreContract:
    """Subclasses give two fixtures: `store`, and `store_name` to open it from another process."""

    @pytest.fixture
    def store(self) -> EventStore:
        """The store that is tested."""
        raise NotImplementedError

    @pytest.fixture
    def store_name(self) -> str:
        """Its name for `tests.support.stores.open_store`."""
        raise NotImplementedError

    @pytest.fixture
    def stream(self) -> str:
        """The id of a stream that does not exist yet."""
        return str(uuid4())

    @staticmethod
    def put(
        store: EventStore, stream: str, expected: ExpectedVersion, count: int = 1
    ) -> tuple[Appended, list[EventData]]:
        """Append a new commit of `count` events."""
        commit_id, events = commit(count)
        return store.append(stream, expected, events, commit_id, soon()), list(events)

    def test_unknown_stream_is_empty(self, store: EventStore, stream: str) -> None:
        """Reading a stream that does not exist gives no events and no error."""
        assert store.read(stream, soon()) == []

    def test_first_event_creates_the_stream(self, store: EventStore, stream: str) -> None:
        """An append that expects no stream writes version 1."""
        appended, events = self.put(store, stream, NO_STREAM)
        assert appended == Appended(1)
        (recorded,) = store.read(stream, soon())
        assert (recorded.stream, recorded.version, recorded.data) == (stream, 1, events[0])

    def test_later_events_follow(self, store: EventStore, stream: str) -> None:
        """Each append continues at the version that it expected."""
        written = [self.put(store, stream, version or NO_STREAM)[1][0] for version in range(5)]
        recorded = store.read(stream, soon())
        assert [event.version for event in recorded] == [1, 2, 3, 4, 5]
        assert [event.data for event in recorded] == written

    def test_several_events_are_one_commit(self, store: EventStore, stream: str) -> None:
        """All events of a commit get successive versions."""
        self.put(store, stream, NO_STREAM, 3)
        appended, _ = self.put(store, stream, 3, 4)
        assert appended == Appended(7)
        assert [event.version for event in store.read(stream, soon())] == list(range(1, 8))

    def test_a_rejected_commit_writes_none_of_its_events(
        self, store: EventStore, stream: str
    ) -> None:
        """A commit of several events that conflicts leaves the stream as it was."""
        self.put(store, stream, NO_STREAM, 2)
        with pytest.raises(VersionConflict):
            self.put(store, stream, 1, 5)
        assert len(store.read(stream, soon())) == 2

    def test_stale_version_conflicts(self, store: EventStore, stream: str) -> None:
        """Who expects an older version is told the actual one."""
        self.put(store, stream, NO_STREAM)
        self.put(store, stream, 1)
        with pytest.raises(VersionConflict) as conflict:
            self.put(store, stream, 1)
        assert (conflict.value.stream, conflict.value.expected, conflict.value.actual) == (
            stream,
            1,
            2,
        )

    def test_too_high_version_conflicts(self, store: EventStore, stream: str) -> None:
        """Who expects a version that is not reached yet cannot leave a hole."""
        self.put(store, stream, NO_STREAM)
        with pytest.raises(VersionConflict) as conflict:
            self.put(store, stream, 9)
        assert conflict.value.actual == 1
        assert len(store.read(stream, soon())) == 1

    def test_twice_new_conflicts(self, store: EventStore, stream: str) -> None:
        """A stream can be created once only."""
        _, events = self.put(store, stream, NO_STREAM)
        with pytest.raises(VersionConflict) as conflict:
            self.put(store, stream, NO_STREAM)
        assert conflict.value.expected is NO_STREAM
        assert conflict.value.actual == 1
        assert [event.data for event in store.read(stream, soon())] == events

    def test_twice_new_with_more_events_conflicts(self, store: EventStore, stream: str) -> None:
        """Nor does a longer first commit get past a shorter one."""
        self.put(store, stream, NO_STREAM)
        with pytest.raises(VersionConflict):
            self.put(store, stream, NO_STREAM, 3)
        assert len(store.read(stream, soon())) == 1

    def test_a_version_of_an_unknown_stream_conflicts(self, store: EventStore, stream: str) -> None:
        """A stream that does not exist is at no version, and stays unknown."""
        with pytest.raises(VersionConflict) as conflict:
            self.put(store, stream, 3)
        assert conflict.value.actual is NO_STREAM
        assert store.read(stream, soon()) == []

    def test_after_a_conflict_the_actual_version_works(
        self, store: EventStore, stream: str
    ) -> None:
        """The version that a conflict names is the one to expect next."""
        self.put(store, stream, NO_STREAM, 2)
        with pytest.raises(VersionConflict) as conflict:
            self.put(store, stream, NO_STREAM)
        assert self.put(store, stream, conflict.value.actual)[0] == Appended(3)

    def test_a_resent_commit_is_already_applied(self, store: EventStore, stream: str) -> None:
        """The same commit sent again answers as the first time did and writes nothing."""
        commit_id, events = commit(2)
        store.append(stream, NO_STREAM, events, commit_id, soon())
        again = store.append(stream, NO_STREAM, events, commit_id, soon())
        assert again == Appended(2, already_applied=True)
        assert len(store.read(stream, soon())) == 2

    def test_a_resent_commit_is_already_applied_below_later_ones(
        self, store: EventStore, stream: str
    ) -> None:
        """Also when others have appended meanwhile."""
        self.put(store, stream, NO_STREAM)
        commit_id, events = commit(2)
        store.append(stream, 1, events, commit_id, soon())
        self.put(store, stream, 3, 2)
        again = store.append(stream, 1, events, commit_id, soon())
        assert again == Appended(3, already_applied=True)
        assert len(store.read(stream, soon())) == 5

    def test_a_commit_sent_by_several_at_once_is_written_once(
        self, store: EventStore, stream: str
    ) -> None:
        """However many send it, one writes it and the others find it applied."""
        commit_id, events = commit(2)
        barrier = threading.Barrier(8)

        def send(_: int) -> Appended:
            barrier.wait()
            return store.append(stream, NO_STREAM, events, commit_id, soon())

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(8)))
        assert {answer.version for answer in answers} == {2}
        assert sum(not answer.already_applied for answer in answers) == 1
        assert len(store.read(stream, soon())) == 2

    def test_another_commit_with_the_same_content_is_not_recognised(
        self, store: EventStore, stream: str
    ) -> None:
        """A commit is known by its ids, not by what it says."""
        self.put(store, stream, NO_STREAM)
        with pytest.raises(VersionConflict):
            self.put(store, stream, NO_STREAM)

    def test_streams_do_not_touch_each_other(self, store: EventStore, stream: str) -> None:
        """Versions are counted per stream."""
        other = str(uuid4())
        self.put(store, stream, NO_STREAM, 3)
        self.put(store, other, NO_STREAM, 1)
        assert len(store.read(stream, soon())) == 3
        assert len(store.read(other, soon())) == 1

    def test_reads_after_a_version(self, store: EventStore, stream: str) -> None:
        """`after` leaves out that version and all before."""
        self.put(store, stream, NO_STREAM, 5)
        assert [event.version for event in store.read(stream, soon(), after=3)] == [4, 5]

    def test_reads_up_to_a_version(self, store: EventStore, stream: str) -> None:
        """`through_version` includes that version and leaves out all later ones."""
        self.put(store, stream, NO_STREAM, 5)
        assert [event.version for event in store.read(stream, soon(), through_version=2)] == [1, 2]
        assert [event.version for event in store.read(stream, soon(), 1, 4)] == [2, 3, 4]

    def test_reads_nothing_beyond_the_end(self, store: EventStore, stream: str) -> None:
        """A version beyond the last one is no error, however high."""
        self.put(store, stream, NO_STREAM, 2)
        assert store.read(stream, soon(), after=2) == []
        assert store.read(stream, soon(), after=2**40) == []
        assert len(store.read(stream, soon(), through_version=2**40)) == 2

    def test_reads_streams_together(self, store: EventStore, stream: str) -> None:
        """Each is what a reading of it alone gives, in the order of what was asked for."""
        longer, unknown = str(uuid4()), str(uuid4())
        self.put(store, stream, NO_STREAM)
        self.put(store, longer, NO_STREAM, 3)
        streams = [longer, unknown, stream]
        found = store.read_together(streams, soon())
        assert found == [store.read(each, soon()) for each in streams]
        assert list(map(len, found)) == [3, 0, 1]

    def test_versions_of_many_streams_at_once(self, store: EventStore) -> None:
        """Each that has begun has the version of its last event; the others are left out."""
        streams = [str(uuid4()) for _ in range(102)]
        self.put(store, streams[0], NO_STREAM)
        self.put(store, streams[101], NO_STREAM, 3)
        assert store.versions(streams, soon()) == {streams[0]: 1, streams[101]: 3}
        assert store.versions([], soon()) == {}

    def test_long_streams_come_back_whole(self, store: EventStore, stream: str) -> None:
        """A stream of more events than a page holds is read completely and in order."""
        for version in range(0, 1200, 100):
            self.put(store, stream, version or NO_STREAM, 100)
        versions = [event.version for event in store.read(stream, soon())]
        assert versions == list(range(1, 1201))

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
    def test_every_kind_of_text_comes_back(self, store: EventStore, stream: str, text: str) -> None:
        """Payload, metadata and type come back to the letter."""
        commit_id = uuid4()
        event = EventData(uuid4(), f"Type {text}", text, f"m{text}", MOMENT)
        store.append(stream, NO_STREAM, [event], commit_id, soon())
        assert store.read(stream, soon())[0].data == event

    def test_payload_of_32_kib_comes_back(self, store: EventStore, stream: str) -> None:
        """The largest commit that is asked for fits."""
        payload = "ü" * (16 * 1024)
        commit_id, events = commit(1, payload=payload)
        store.append(stream, NO_STREAM, events, commit_id, soon())
        assert store.read(stream, soon())[0].data.payload == payload

    def test_moments_keep_their_milliseconds(self, store: EventStore, stream: str) -> None:
        """A time comes back exact to the millisecond, and in UTC."""
        moments = [
            datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC),
            datetime(2026, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
            datetime(2038, 1, 19, 3, 14, 8, 0, tzinfo=UTC),
        ]
        events = [EventData(uuid4(), "Then", "{}", "{}", moment) for moment in moments]
        store.append(stream, NO_STREAM, events, uuid4(), soon())
        assert [event.data.created_at for event in store.read(stream, soon())] == moments

    def test_two_writers_on_one_version(self, store: EventStore, stream: str) -> None:
        """Of two that append to the same version at once, exactly one succeeds."""
        self.put(store, stream, NO_STREAM)
        barrier = threading.Barrier(2)

        def race(_: int) -> bool:
            barrier.wait()
            try:
                self.put(store, stream, 1)
            except VersionConflict:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(race, range(2))) == [False, True]
        assert len(store.read(stream, soon())) == 2

    def test_sixteen_threads_on_one_stream(self, store: EventStore, stream: str) -> None:
        """Every acknowledged event is there once, no version is missing or given twice."""
        acknowledged: list[str] = []

        def work(_: int) -> None:
            for _ in range(3):
                commit_id, events = commit()
                while True:
                    version = len(store.read(stream, soon(60)))
                    try:
                        store.append(stream, version or NO_STREAM, events, commit_id, soon(60))
                    except VersionConflict:
                        continue
                    acknowledged.append(str(events[0].event_id))
                    break

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(work, range(16)))
        recorded = store.read(stream, soon())
        assert [event.version for event in recorded] == list(range(1, 49))
        assert sorted(str(event.data.event_id) for event in recorded) == sorted(acknowledged)

    def test_sixteen_threads_on_streams_of_their_own(self, store: EventStore) -> None:
        """Appends that share a transaction or a connection do not mix."""

        def work(number: int) -> None:
            mine = str(uuid4())
            for version in range(10):
                self.put(store, mine, version or NO_STREAM, number % 3 + 1)
                break
            assert len(store.read(mine, soon())) == number % 3 + 1

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(work, range(64)))

    def test_four_processes_on_one_stream(
        self, store: EventStore, store_name: str, stream: str
    ) -> None:
        """Processes that share the store keep the same promises as threads."""
        command = [sys.executable, "-m", "tests.contracts.appending_process", store_name, stream]
        processes = [
            subprocess.Popen([*command, "5"], stdout=subprocess.PIPE, text=True) for _ in range(4)
        ]
        outputs = [process.communicate(timeout=120)[0] for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0, 0]
        recorded = store.read(stream, soon())
        assert [event.version for event in recorded] == list(range(1, 21))
        assert sorted(str(event.data.event_id) for event in recorded) == sorted(
            "".join(outputs).split()
        )

    def test_a_deadline_that_is_over_ends_an_append(self, store: EventStore, stream: str) -> None:
        """It either was written, or raised; and then the same commit can be sent again."""
        commit_id, events = commit()
        try:
            store.append(stream, NO_STREAM, events, commit_id, Deadline.after(0))
        except StoreError as error:
            assert not isinstance(error, VersionConflict)
        assert store.append(stream, NO_STREAM, events, commit_id, soon()).version == 1
        assert len(store.read(stream, soon())) == 1

    def test_answers_a_ping(self, store: EventStore) -> None:
        """A store that works says so."""
        store.ping(soon())

    def test_errors_are_the_ports_own(self) -> None:
        """Whoever handles StoreError handles all that a store raises."""
        assert issubclass(VersionConflict, StoreError)
        assert issubclass(StoreUnavailable, StoreError)
