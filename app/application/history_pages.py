"""Reads histories page by page, and states at versions: a page costs what is on it, however many
events come before it.

What an event changed is told by the state before it. So a page begins with a state, which the page
before has left behind; where there is none, the events up to the page are read once, in strides.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from app.application.deadline import Deadline
from app.application.history import HistoryEntry, HistoryPage, entry_of
from app.application.page_starts import PageStarts
from app.application.ports.codec import Codec
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import EventStore, RecordedEvent
from app.application.snapshots import Snapshot
from app.domain.aggregate import AggregateRoot, AggregateState

T = TypeVar("T")

STRIDE = 500
"""Events that are read at a time, and remembered the state behind, on the way to a page."""


class _Disagreement(Exception):
    """The stream does not have the event that a snapshot was made by."""

    def __init__(self, start: Snapshot) -> None:
        super().__init__(start.version)
        self.start = start


class HistoryPages:
    """The pages of all streams of one kind of aggregate. Threads can share it."""

    def __init__(
        self, root: type[AggregateRoot[Any, Any]], store: EventStore, codec: Codec
    ) -> None:
        self._root = root
        self._store = store
        self._codec = codec
        self._starts = PageStarts()

    def page(
        self, stream: str, deadline: Deadline, after: int, limit: int | None
    ) -> HistoryPage | None:
        """At most `limit` events after a version, oldest first; None of a stream without events.

        Raises UnreadableEvent, also for an event before the page, and StoreUnavailable.
        """
        return self._from_a_start(
            stream, after, lambda start: self._page(stream, deadline, start, after, limit)
        )

    def state_at(self, stream: str, deadline: Deadline, version: int) -> Snapshot | None:
        """The state after event `version`, or after the stream's last event if that comes before;
        None of a stream without events. Raises UnreadableEvent, StoreUnavailable."""
        return self._from_a_start(
            stream, version, lambda start: self._at(stream, deadline, start, version)
        )

    def _from_a_start(self, stream: str, version: int, read: Callable[[Snapshot | None], T]) -> T:
        """What `read` gives from the nearest start before a version; from the stream's beginning,
        if the stream has become another since. Raises StoreUnavailable if it does so meanwhile."""
        for start in (self._starts.before(stream, version), None):
            try:
                return read(start)
            except _Disagreement as error:
                self._starts.disagree(stream, error.start)
        raise StoreUnavailable(f"stream {stream} became another while it was read")

    def _at(
        self, stream: str, deadline: Deadline, start: Snapshot | None, version: int
    ) -> Snapshot | None:
        """Reads the event that `start` was left by, too, and so checks it. Raises _Disagreement."""
        while True:
            through = min(_version(start) + STRIDE, version)
            start = self._replayed(stream, start, self._read(stream, deadline, start, through))
            if through == version or _version(start) < through:
                return start

    def _page(
        self,
        stream: str,
        deadline: Deadline,
        start: Snapshot | None,
        after: int,
        limit: int | None,
    ) -> HistoryPage | None:
        while after - _version(start) > STRIDE:
            through = _version(start) + STRIDE
            recorded = self._read(stream, deadline, start, through)
            start = self._replayed(stream, start, recorded)
            if _version(start) < through:
                return HistoryPage([], None) if start else None
        # One event more than is shown tells whether there is another page.
        last = None if limit is None else after + limit
        recorded = self._read(stream, deadline, start, None if last is None else last + 1)
        if not (start or recorded):
            return None
        before = after - _version(start)
        start = self._replayed(stream, start, recorded[:before])
        shown = recorded[before:] if limit is None else recorded[before : before + limit]
        entries = list(self._entries(stream, start, shown))
        return HistoryPage(entries, last if len(recorded) > before + len(shown) else None)

    def _read(
        self, stream: str, deadline: Deadline, start: Snapshot | None, through: int | None
    ) -> Sequence[RecordedEvent]:
        """The events behind `start`. Raises _Disagreement, StoreUnavailable."""
        if start is None:
            return self._store.read(stream, deadline, through_version=through)
        recorded = self._store.read(stream, deadline, start.version - 1, through)
        if not recorded or recorded[0].data.event_id != start.event_id:
            raise _Disagreement(start)
        return recorded[1:]

    def _replayed(
        self, stream: str, start: Snapshot | None, recorded: Sequence[RecordedEvent]
    ) -> Snapshot | None:
        """The snapshot behind these events, which is kept; `start` if there are none."""
        state = self._state(start)
        for event in recorded:
            state = self._root.evolve(state, self._codec.decode(event))
        return self._kept(stream, recorded[-1], state) if recorded else start

    def _entries(
        self, stream: str, start: Snapshot | None, recorded: Sequence[RecordedEvent]
    ) -> Iterator[HistoryEntry]:
        before = self._state(start)
        for event in recorded:
            said = self._codec.decode(event)
            after = self._root.evolve(before, said)
            yield entry_of(event, said, self._codec.origin(event), before, after)
            before = after
        if recorded:
            self._kept(stream, recorded[-1], before)

    def _state(self, start: Snapshot | None) -> AggregateState | None:
        return start.state if start else self._root.initial()

    def _kept(self, stream: str, last: RecordedEvent, state: AggregateState | None) -> Snapshot:
        assert state is not None, "an event leaves a state"  # noqa: S101
        snapshot = Snapshot(last.version, last.data.event_id, state)
        self._starts.put(stream, snapshot)
        return snapshot


def _version(start: Snapshot | None) -> int:
    return start.version if start else 0
