"""From a stream to the state that its events make. Read by the projector, before any projection.

The state before an event is a function of the stream and of the events that were discarded, never
of a view. So whoever folds it, and however often, gets the same.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.application.deadline import Deadline
from app.application.ports import EventStore, RecordedEvent
from app.application.repository import Codec
from app.domain.carrier import Carrier, CarrierState

MOST_KEPT = 10_000
"""Streams whose last state is kept; the one that was not asked for longest goes first."""

NOTHING: frozenset[int] = frozenset()


class IncompleteStream(Exception):
    """The store does not have all the events of a stream that the feed told of."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A carrier after event `version` of its stream.

    An event that was discarded counts in `version` and changes nothing else. `registered_at` is
    the moment of the first event that was not discarded, `updated_at` that of the last; both UTC.
    """

    carrier_id: str
    version: int
    state: CarrierState
    registered_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a stream is at a version; None: all its events were left out."""

    version: int
    left_out: frozenset[int]
    folded: Folded | None


class Folder:
    """Folds streams, and keeps the last state of some. Shared by the threads of a process.

    `left_out` are the versions of the stream that were discarded. A kept state is trusted only for
    the version it was made for, and only if just the same events were left out of it.
    """

    def __init__(self, events: EventStore, codec: Codec, most: int = MOST_KEPT) -> None:
        self._events = events
        self._codec = codec
        self._most = most
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._mutex = threading.Lock()

    def upto(
        self, stream: str, version: int, left_out: frozenset[int], deadline: Deadline
    ) -> Folded | None:
        """The carrier after that event; None if there is nothing yet.

        Raises UnreadableEvent, IncompleteStream, StoreUnavailable, and what `evolve` raises.
        """
        if not version:
            return None
        kept = self._trusted(stream, version, left_out)
        if kept.version == version:
            return kept.folded
        folded = kept.folded
        for recorded in self.recorded(stream, kept.version, version, deadline):
            folded = self._evolved(folded, recorded, left_out)
        self._keep(stream, version, left_out, folded)
        return folded

    def after(
        self, before: Folded | None, recorded: RecordedEvent, left_out: frozenset[int]
    ) -> Folded | None:
        """The carrier after the event that follows `before`. Raises UnreadableEvent, and what
        `evolve` raises."""
        folded = self._evolved(before, recorded, left_out)
        self._keep(recorded.stream, recorded.version, left_out, folded)
        return folded

    def recorded(
        self, stream: str, after: int, upto: int, deadline: Deadline
    ) -> Sequence[RecordedEvent]:
        """Those events of the stream. Raises IncompleteStream, StoreUnavailable."""
        recorded = self._events.read(stream, deadline, after=after, upto=upto)
        if [event.version for event in recorded] != list(range(after + 1, upto + 1)):
            raise IncompleteStream(
                f"the store has {len(recorded)} of the {upto - after} events after {after}"
                f" up to {upto}"
            )
        return recorded

    def _evolved(
        self, before: Folded | None, recorded: RecordedEvent, left_out: frozenset[int]
    ) -> Folded | None:
        if recorded.version in left_out:
            return before and replace(before, version=recorded.version)
        event = self._codec.decode(recorded)
        moment = recorded.data.created_at
        return Folded(
            recorded.stream,
            recorded.version,
            Carrier.evolve(before.state if before else None, event),
            before.registered_at if before else moment,
            moment,
        )

    def _trusted(self, stream: str, version: int, left_out: frozenset[int]) -> _Kept:
        """The kept state to go on from; an empty one if there is none."""
        with self._mutex:
            kept = self._kept.get(stream)
        if kept and kept.version <= version and kept.left_out == _first(left_out, kept.version):
            return kept
        return _Kept(0, NOTHING, None)

    def _keep(
        self, stream: str, version: int, left_out: frozenset[int], folded: Folded | None
    ) -> None:
        kept = _Kept(version, _first(left_out, version), folded)
        with self._mutex:
            self._kept[stream] = kept
            self._kept.move_to_end(stream)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)


def _first(left_out: frozenset[int], version: int) -> frozenset[int]:
    """Those up to a version."""
    return frozenset(each for each in left_out if each <= version) if left_out else NOTHING
