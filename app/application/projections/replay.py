"""Replays a stream to the carrier's state at a version. Used by the projector.

That state is a function of the stream and of its discarded events, never of a view. So every
process, and every repetition, gets the same state.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from app.application.deadline import Deadline
from app.application.ports.codec import Codec
from app.application.ports.event_store import EventStore, RecordedEvent
from app.domain.carrier import Carrier, CarrierState
from app.domain.command import CarrierEvent
from app.domain.eligibility import day_of, sets_the_profile

MAX_KEPT = 10_000
"""How many streams' last states are kept; the least recently written is dropped first."""

NOTHING: frozenset[int] = frozenset()


class IncompleteStream(Exception):
    """The store lacks events of a stream that the feed has."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A carrier after event `version` of its stream.

    A discarded event counts in `version` and changes nothing else. `registered_at` is the moment of
    the first event that is not discarded, `updated_at` that of the last, `profile_of` the day of
    the last that set the profile; all are UTC.
    """

    carrier_id: str
    version: int
    state: CarrierState
    registered_at: datetime
    updated_at: datetime
    profile_of: date | None = None


class _Kept(NamedTuple):
    """A stream's state at a version; `folded` is None if all its events are discarded."""

    version: int
    discarded: frozenset[int]
    folded: Folded | None


class Replayer:
    """Replays streams, and keeps the last state of some. Shared by the threads of a process.

    `discarded` holds the versions of a stream's discarded events. A kept state is used only for
    its own or a later version, and only if exactly the same events were discarded from it.
    """

    def __init__(self, events: EventStore, codec: Codec, maximum: int = MAX_KEPT) -> None:
        self._events = events
        self._codec = codec
        self._maximum = maximum
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._mutex = threading.Lock()

    def at(
        self, stream: str, version: int, discarded: frozenset[int], deadline: Deadline
    ) -> Folded | None:
        """The carrier after event `version` of the stream; None if no event up to it counts.

        Raises UnreadableEvent, IncompleteStream, StoreUnavailable, and the errors of `evolve`.
        """
        if not version:
            return None
        kept = self._trusted(stream, version, discarded)
        if kept.version == version:
            return kept.folded
        folded = kept.folded
        for recorded in self.recorded(stream, kept.version, version, deadline):
            folded = self._evolved(folded, recorded, discarded)
        self._keep(stream, version, discarded, folded)
        return folded

    def after(
        self, before: Folded | None, recorded: RecordedEvent, discarded: frozenset[int]
    ) -> Folded | None:
        """The carrier after `recorded`, the event that follows the state `before`. Raises
        UnreadableEvent, and the errors of `evolve`."""
        folded = self._evolved(before, recorded, discarded)
        self._keep(recorded.stream, recorded.version, discarded, folded)
        return folded

    def recorded(
        self, stream: str, after: int, through_version: int, deadline: Deadline
    ) -> Sequence[RecordedEvent]:
        """The stream's events after version `after` up to `through_version`. Raises
        IncompleteStream, StoreUnavailable."""
        recorded = self._events.read(stream, deadline, after=after, through_version=through_version)
        if [event.version for event in recorded] != list(range(after + 1, through_version + 1)):
            raise IncompleteStream(
                f"the store has {len(recorded)} of the {through_version - after} events after"
                f" {after} up to {through_version}"
            )
        return recorded

    def _evolved(
        self, before: Folded | None, recorded: RecordedEvent, discarded: frozenset[int]
    ) -> Folded | None:
        if recorded.version in discarded:
            return before and replace(before, version=recorded.version)
        event = self._codec.decode(recorded)
        moment = recorded.data.created_at
        return Folded(
            recorded.stream,
            recorded.version,
            Carrier.evolve(before.state if before else None, event),
            before.registered_at if before else moment,
            moment,
            _profile_of(before, event, moment),
        )

    def _trusted(self, stream: str, version: int, discarded: frozenset[int]) -> _Kept:
        """The kept state to continue from; an empty one if none can be used."""
        with self._mutex:
            kept = self._kept.get(stream)
        if kept and kept.version <= version and kept.discarded == _first(discarded, kept.version):
            return kept
        return _Kept(0, NOTHING, None)

    def _keep(
        self, stream: str, version: int, discarded: frozenset[int], folded: Folded | None
    ) -> None:
        kept = _Kept(version, _first(discarded, version), folded)
        with self._mutex:
            self._kept[stream] = kept
            self._kept.move_to_end(stream)
            if len(self._kept) > self._maximum:
                self._kept.popitem(last=False)


def _profile_of(before: Folded | None, event: CarrierEvent, moment: datetime) -> date | None:
    if sets_the_profile(event):
        return day_of(event, moment)
    return before.profile_of if before else None


def _first(discarded: frozenset[int], version: int) -> frozenset[int]:
    """The discarded versions up to `version`."""
    return frozenset(each for each in discarded if each <= version) if discarded else NOTHING
