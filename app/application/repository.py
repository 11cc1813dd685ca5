"""Loads carriers from their streams and appends what they recorded, under a version check."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.history import HistoryEntry, HistoryPage
from app.application.history_pages import HistoryPages
from app.application.ports.clock import Clock
from app.application.ports.codec import Codec
from app.application.ports.event_store import (
    NO_STREAM,
    AlreadyClaimed,
    Appended,
    Claim,
    Claims,
    EventStore,
    NoOp,
    RecordedEvent,
)
from app.application.snapshots import FROM_VERSION, Snapshot, Snapshots
from app.domain.carrier import Carrier, CarrierState
from app.domain.command import CarrierEvent
from app.domain.documents import today


class CarrierNotFound(Exception):
    """There is no such carrier, or not as it was asked for; `sentence` says which."""

    def __init__(self, carrier_id: str, sentence: str = "There is no carrier with this id") -> None:
        super().__init__(f"{sentence}: {carrier_id}")
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class CarrierView:
    """A carrier as its stream tells it at `version`. `registered_at` is UTC."""

    carrier_id: str
    version: int
    state: CarrierState
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class DatedEvent:
    """An event of a carrier with where and when it was recorded. `at` is UTC."""

    version: int
    event_id: UUID
    event_type: str
    at: datetime
    event: CarrierEvent


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that was carried out: the version and state that it left the carrier in."""

    version: int
    state: CarrierState
    fingerprint: str | None


class CarrierRepository:
    """The carriers, over any event store. One stream a carrier, named by the carrier's id."""

    def __init__(
        self, store: EventStore, codec: Codec, clock: Clock, snapshots: Snapshots | None = None
    ) -> None:
        self._store = store
        self._codec = codec
        self._clock = clock
        self._snapshots = snapshots or Snapshots()
        self._pages = HistoryPages(store, codec)

    def now(self) -> datetime:
        """The moment by the clock that dates the events, UTC."""
        return self._clock()

    def today(self, state: CarrierState) -> str:
        """The day that it is where the carrier is, YYYY-MM-DD."""
        return today(self._clock(), state.profile.time_zone)

    def load(self, carrier_id: str, deadline: Deadline) -> Carrier:
        """The carrier as it is now. Raises CarrierNotFound, UnreadableEvent, StoreUnavailable."""
        carrier = self._from_snapshot(carrier_id, deadline) or self._from_all(carrier_id, deadline)
        if carrier.state is None:
            raise CarrierNotFound(carrier_id)
        return carrier

    def save(self, carrier: Carrier, context: CommandContext) -> Appended:
        """Append what the carrier recorded. Raises what `EventStore.append` raises."""
        now = self._clock()
        events = [
            self._codec.encode(event, index, context, now)
            for index, event in enumerate(carrier.recorded)
        ]
        return self._store.append(
            carrier.id,
            carrier.version or NO_STREAM,
            events,
            context.commit_id,
            context.deadline,
            _claims(carrier),
        )

    def record_noop(self, carrier: Carrier, context: CommandContext) -> None:
        """Record that the context's commit left the carrier as it was, if it may come again.
        Raises what `EventStore.record_noop` raises."""
        if context.fingerprint is not None:
            noop = NoOp(carrier.version, context.fingerprint)
            self._store.record_noop(carrier.id, context.commit_id, noop, context.deadline)

    def dry_run(self, carrier: Carrier, context: CommandContext) -> None:
        """What `save` would do, without doing it. Raises AlreadyClaimed."""
        for claim in _claims(carrier).taken:
            owner = self._store.owner(claim, context.deadline)
            if owner not in {None, carrier.id}:
                raise AlreadyClaimed(claim, str(owner))

    def committed(self, carrier_id: str, context: CommandContext) -> Committed | None:
        """What became of the context's commit, if it was carried out."""
        first = self._store.locate(carrier_id, context.event_id(0), context.deadline)
        if first is None:
            return self._noop(carrier_id, context)
        recorded = self._store.read(carrier_id, context.deadline)
        origin = self._codec.origin(recorded[first - 1])
        last = first
        while last < len(recorded) and self._codec.origin(recorded[last]).commit_id == (
            origin.commit_id
        ):
            last += 1
        carrier = self._replay(carrier_id, recorded[:last])
        assert carrier.state is not None, "it has events"  # noqa: S101
        return Committed(last, carrier.state, origin.fingerprint)

    def _noop(self, carrier_id: str, context: CommandContext) -> Committed | None:
        noop = self._store.recorded_noop(carrier_id, context.commit_id, context.deadline)
        if noop is None:
            return None
        recorded = self._store.read(carrier_id, context.deadline, through_version=noop.version)
        carrier = self._replay(carrier_id, recorded)
        assert carrier.state is not None, "it has events"  # noqa: S101
        return Committed(noop.version, carrier.state, noop.text)

    def show(
        self,
        carrier_id: str,
        deadline: Deadline,
        version: int | None = None,
        at: datetime | None = None,
    ) -> CarrierView:
        """The carrier as it is, or as it was at a version or a moment.

        Raises CarrierNotFound, also if it did not exist then or has no such version yet,
        UnreadableEvent and StoreUnavailable.
        """
        if version is not None and version > FROM_VERSION and at is None:
            return self._show_late(carrier_id, deadline, version)
        recorded = self._store.read(carrier_id, deadline, through_version=version)
        if at is not None and recorded:
            # Several machines' clocks: a later event may bear an earlier moment.
            recorded = list(takewhile(lambda event: event.data.created_at <= at, recorded))
            if not recorded:
                raise CarrierNotFound(carrier_id, "The carrier was not registered yet at that time")
        carrier = self._replay(carrier_id, recorded)
        if carrier.state is None:
            raise CarrierNotFound(carrier_id)
        if version is not None and carrier.version < version:
            raise _no_version(carrier_id, version, carrier.version)
        return CarrierView(carrier_id, carrier.version, carrier.state, recorded[0].data.created_at)

    def _show_late(self, carrier_id: str, deadline: Deadline, version: int) -> CarrierView:
        """As `show`, from the nearest state that a page of the history or another call has left
        behind. A moment is not looked up so: an earlier event may bear a later one."""
        found = self._pages.state_at(carrier_id, deadline, version)
        first = self._store.read(carrier_id, deadline, through_version=1)
        if not (found and first):
            raise CarrierNotFound(carrier_id)
        if found.version < version:
            raise _no_version(carrier_id, version, found.version)
        return CarrierView(carrier_id, version, found.state, first[0].data.created_at)

    def history(
        self, carrier_id: str, deadline: Deadline, after: int = 0, limit: int | None = None
    ) -> list[HistoryEntry]:
        """The entries of a page, see `history_page`."""
        return self.history_page(carrier_id, deadline, after, limit).entries

    def history_page(
        self, carrier_id: str, deadline: Deadline, after: int = 0, limit: int | None = None
    ) -> HistoryPage:
        """At most `limit` events after a version, oldest first, with what each changed.

        Raises CarrierNotFound, UnreadableEvent, StoreUnavailable.
        """
        page = self._pages.page(carrier_id, deadline, after, limit)
        if page is None:
            raise CarrierNotFound(carrier_id)
        return page

    def dated_events(self, carrier_id: str, deadline: Deadline) -> list[DatedEvent]:
        """Everything that happened to a carrier, oldest first.

        Raises CarrierNotFound, UnreadableEvent, StoreUnavailable.
        """
        recorded = self._store.read(carrier_id, deadline)
        if not recorded:
            raise CarrierNotFound(carrier_id)
        return [
            DatedEvent(
                version=each.version,
                event_id=each.data.event_id,
                event_type=each.data.event_type,
                at=each.data.created_at,
                event=self._codec.decode(each),
            )
            for each in recorded
        ]

    def authored(
        self, carrier_id: str, version: int, deadline: Deadline
    ) -> list[tuple[CarrierEvent, str | None]]:
        """Everything that happened to a carrier up to a version, oldest first, each with its actor;
        None for rows of the original registry. Raises UnreadableEvent, StoreUnavailable."""
        recorded = self._store.read(carrier_id, deadline, through_version=version)
        return [(self._codec.decode(each), self._codec.origin(each).actor) for each in recorded]

    def _from_snapshot(self, carrier_id: str, deadline: Deadline) -> Carrier | None:
        """From a snapshot and the events since; None without one that its stream agrees with."""
        snapshot = self._snapshots.get(carrier_id)
        if snapshot is None:
            return None
        recorded = self._store.read(carrier_id, deadline, after=snapshot.version - 1)
        if not recorded or recorded[0].data.event_id != snapshot.event_id:
            self._snapshots.disagrees(carrier_id, snapshot)
            return None
        carrier = Carrier.replay(
            carrier_id,
            map(self._codec.decode, recorded[1:]),
            version=snapshot.version,
            state=snapshot.state,
        )
        self._remember(carrier, recorded)
        return carrier

    def _from_all(self, carrier_id: str, deadline: Deadline) -> Carrier:
        recorded = self._store.read(carrier_id, deadline)
        carrier = self._replay(carrier_id, recorded)
        self._remember(carrier, recorded)
        return carrier

    def _remember(self, carrier: Carrier, recorded: Sequence[RecordedEvent]) -> None:
        if carrier.state is not None:
            event_id = recorded[-1].data.event_id
            self._snapshots.put(carrier.id, Snapshot(carrier.version, event_id, carrier.state))

    def _replay(self, carrier_id: str, recorded: Sequence[RecordedEvent]) -> Carrier:
        return Carrier.replay(carrier_id, map(self._codec.decode, recorded))


def _no_version(carrier_id: str, version: int, last: int) -> CarrierNotFound:
    sentence = f"The carrier has no version {version}; its last is {last}"
    return CarrierNotFound(carrier_id, sentence)


def _claims(carrier: Carrier) -> Claims:
    """What the recorded events take and free: the difference between two states."""
    before = carrier.stored_state.unique_values if carrier.stored_state else frozenset()
    after = carrier.state.unique_values if carrier.state else frozenset()
    return Claims(
        taken=tuple(Claim(*unique) for unique in after - before),
        freed=tuple(Claim(*unique) for unique in before - after),
    )
