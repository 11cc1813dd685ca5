"""The states that events find: kept while a feed is read on, and read from the stream where they
were not kept."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from app.application.deadline import Deadline
from app.application.ports.codec import Codec, UnreadableEvent
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import EventStore, RecordedEvent
from app.domain.aggregate import AggregateState
from app.domain.streams import aggregate_of

MAX_KEPT = 5_000
"""How many streams' last states a reader keeps, as a rule."""

STRIDE = 500
"""Events of one stream that are read at a time."""


class _Kept(NamedTuple):
    version: int
    state: AggregateState | None


class States:
    """For one reader that goes through events in the order of their streams. An event that cannot
    be read leaves the state as it was. `deadline` gives each request to the store its own. Of
    `maximum` states that are kept, the least recently used is dropped first."""

    def __init__(
        self,
        store: EventStore,
        codec: Codec,
        deadline: Callable[[], Deadline],
        maximum: int,
    ) -> None:
        self._store = store
        self._codec = codec
        self._deadline = deadline
        self._maximum = maximum
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def before(self, event: RecordedEvent) -> AggregateState | None:
        """The state that the event found; None if it is the first. Raises StoreUnavailable."""
        stream = event.stream
        kept = self._kept.get(stream)
        if kept is None or kept.version >= event.version:
            kept = _Kept(0, aggregate_of(stream).initial())
        state = kept.state
        for earlier in self._between(stream, kept.version, event.version):
            with suppress(UnreadableEvent):
                state = self._evolved(state, earlier, self._codec.decode(earlier))
        return state

    def after(
        self,
        state: AggregateState | None,
        event: RecordedEvent,
        said: Any,  # noqa: ANN401
    ) -> AggregateState:
        """The state that the event, which says `said`, left of the one that it found. It is kept
        for the stream's next event."""
        left = self._evolved(state, event, said)
        self._kept[event.stream] = _Kept(event.version, left)
        self._kept.move_to_end(event.stream)
        if len(self._kept) > self._maximum:
            self._kept.popitem(last=False)
        return left

    def _between(self, stream: str, after: int, until: int) -> Iterator[RecordedEvent]:
        """The stream's events behind one version and before another, in strides."""
        while after < until - 1:
            through = min(after + STRIDE, until - 1)
            recorded = self._store.read(stream, self._deadline(), after, through)
            if len(recorded) != through - after:
                raise StoreUnavailable(f"stream {stream} lacks events that come before {until}")
            yield from recorded
            after = through

    @staticmethod
    def _evolved(
        state: AggregateState | None,
        event: RecordedEvent,
        said: Any,  # noqa: ANN401
    ) -> AggregateState:
        evolved: AggregateState = aggregate_of(event.stream).evolve(state, said)
        return evolved
