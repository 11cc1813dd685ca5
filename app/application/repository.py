"""Loads aggregates from their streams and appends what they recorded, under a version check.

One repository for each kind of aggregate (`CarrierRepository`), over any event store.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, ClassVar, Generic, TypeVar, cast
from uuid import UUID

from app.application.command_context import Basis, CommandContext
from app.application.deadline import Deadline
from app.application.history import HistoryEntry, HistoryPage, entry_of
from app.application.history_pages import HistoryPages
from app.application.ports.clock import Clock
from app.application.ports.codec import Codec, Origin
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
from app.application.queries import ShowOnDay
from app.application.shown import AggregateNotFound, Committed, DatedEvent, Shown
from app.application.snapshots import FROM_VERSION, Snapshot, Snapshots
from app.domain.aggregate import AggregateRoot, AggregateState, Recorded, State
from app.domain.carrier import Carrier, CarrierState
from app.domain.column_mappings import (
    ColumnMappingEvent,
    ColumnMappings,
    ColumnMappingsState,
)
from app.domain.command import CarrierEvent
from app.domain.policy.adopt import PolicyEvent
from app.domain.policy.policy import Policy
from app.domain.policy.state import PolicyState
from app.domain.streams import aggregate_of

Other = TypeVar("Other", bound=AggregateState)


class Repository(Generic[State, Recorded]):
    """All aggregates of one kind, `root`. One stream each, named by the aggregate's id."""

    root: ClassVar[type[AggregateRoot[Any, Any]]]

    def __init__(
        self, store: EventStore, codec: Codec, clock: Clock, snapshots: Snapshots | None = None
    ) -> None:
        self._store = store
        self._codec = codec
        self._clock = clock
        self._snapshots = snapshots or Snapshots()
        self._pages = HistoryPages(self.root, store, codec)

    def now(self) -> datetime:
        """The moment by the clock that dates the events, UTC."""
        return self._clock()

    def begin(self, stream: str) -> AggregateRoot[State, Recorded]:
        """The aggregate before its first event."""
        return self.root(stream)

    def load(self, stream: str, deadline: Deadline) -> AggregateRoot[State, Recorded]:
        """The aggregate as it is now. Raises AggregateNotFound, UnreadableEvent or
        StoreUnavailable."""
        self._refuse_others(stream)
        loaded = self._from_snapshot(stream, deadline) or self._from_all(stream, deadline)
        if loaded.state is None:
            raise AggregateNotFound(self.root.noun, stream)
        return loaded

    def at(self, basis: Basis) -> AggregateRoot[State, Recorded]:
        """The aggregate as whoever sends a command has read it."""
        state = cast("State", basis.state)
        return self.root.replay(basis.stream, (), version=basis.version, state=state)

    def save(self, changed: AggregateRoot[State, Recorded], context: CommandContext) -> Appended:
        """Append what the aggregate recorded. Raises what `EventStore.append` raises."""
        now = self._clock()
        events = [
            self._codec.encode(event, index, context, now)
            for index, event in enumerate(changed.recorded)
        ]
        return self._store.append(
            changed.id,
            changed.version or NO_STREAM,
            events,
            context.commit_id,
            context.deadline,
            _claims(changed),
        )

    def record_noop(
        self, unchanged: AggregateRoot[State, Recorded], context: CommandContext
    ) -> None:
        """Record that the context's commit left the aggregate as it was, if it may come again.
        Raises what `EventStore.record_noop` raises."""
        if context.fingerprint is not None:
            noop = NoOp(unchanged.version, context.fingerprint)
            self._store.record_noop(unchanged.id, context.commit_id, noop, context.deadline)

    def dry_run(self, changed: AggregateRoot[State, Recorded], context: CommandContext) -> None:
        """What `save` would do, without doing it. Raises AlreadyClaimed."""
        for claim in _claims(changed).taken:
            owner = self._store.owner(claim, context.deadline)
            if owner not in {None, changed.id, context.given_up_by}:
                raise AlreadyClaimed(claim, str(owner))

    def committed(self, stream: str, context: CommandContext) -> Committed[State] | None:
        """What became of the context's commit, if it was carried out."""
        first = self._store.locate(stream, context.event_id(0), context.deadline)
        if first is None:
            return self._noop(stream, context)
        recorded = self._store.read(stream, context.deadline)
        origin = self._codec.origin(recorded[first - 1])
        last = first
        while last < len(recorded) and self._codec.origin(recorded[last]).commit_id == (
            origin.commit_id
        ):
            last += 1
        return Committed(last, self._state_after(stream, recorded[:last]), origin.fingerprint)

    def _noop(self, stream: str, context: CommandContext) -> Committed[State] | None:
        noop = self._store.recorded_noop(stream, context.commit_id, context.deadline)
        if noop is None:
            return None
        recorded = self._store.read(stream, context.deadline, through_version=noop.version)
        return Committed(noop.version, self._state_after(stream, recorded), noop.text)

    def show(
        self,
        stream: str,
        deadline: Deadline,
        version: int | None = None,
        at: datetime | None = None,
    ) -> Shown[State]:
        """The aggregate as it is, or as it was at a version or a moment.

        Raises AggregateNotFound, also if it did not exist then or has no such version yet,
        UnreadableEvent and StoreUnavailable.
        """
        self._refuse_others(stream)
        if version is not None and version > FROM_VERSION and at is None:
            return self._show_late(stream, deadline, version)
        recorded = self._store.read(stream, deadline, through_version=version)
        found = self.shown_of(stream, recorded, at)
        if version is not None and found.version < version:
            raise self._no_version(stream, version, found.version)
        return found

    def shown_of(
        self, stream: str, recorded: Sequence[RecordedEvent], at: datetime | None = None
    ) -> Shown[State]:
        """As `show`, of events that were read already, all from the first one on. Raises
        AggregateNotFound, UnreadableEvent."""
        known = self._until(stream, recorded, at)
        found = self._replay(stream, known)
        if found.state is None:
            raise AggregateNotFound(self.root.noun, stream)
        return _shown(stream, found.version, found.state, (*known[:1], *known[-1:]))

    def _until(
        self, stream: str, recorded: Sequence[RecordedEvent], at: datetime | None
    ) -> Sequence[RecordedEvent]:
        """The events up to a moment, all without one. Raises AggregateNotFound if there were some,
        but none by then."""
        if at is None or not recorded:
            return recorded
        # Several machines' clocks: a later event may bear an earlier moment.
        known = list(takewhile(lambda event: event.data.created_at <= at, recorded))
        if not known and self.root.initial() is None:
            noun = self.root.noun
            raise AggregateNotFound(noun, stream, f"The {noun} was not registered yet at that time")
        return known

    def _show_late(self, stream: str, deadline: Deadline, version: int) -> Shown[State]:
        """As `show`, from the nearest state that a page of the history or another call has left
        behind. A moment is not looked up so: an earlier event may bear a later one."""
        found = self._pages.state_at(stream, deadline, version)
        if found is None:
            raise AggregateNotFound(self.root.noun, stream)
        if found.version < version:
            raise self._no_version(stream, version, found.version)
        first = self._store.read(stream, deadline, through_version=1)
        last = self._store.read(stream, deadline, after=version - 1, through_version=version)
        state = cast("State", found.state)
        return _shown(stream, version, state, (*first, *last))

    def _no_version(self, stream: str, version: int, last: int) -> AggregateNotFound:
        noun = self.root.noun
        sentence = f"The {noun} has no version {version}; its last is {last}"
        return AggregateNotFound(noun, stream, sentence)

    def history(
        self, stream: str, deadline: Deadline, after: int = 0, limit: int | None = None
    ) -> list[HistoryEntry]:
        """The entries of a page, see `history_page`."""
        return self.history_page(stream, deadline, after, limit).entries

    def history_page(
        self, stream: str, deadline: Deadline, after: int = 0, limit: int | None = None
    ) -> HistoryPage:
        """At most `limit` events after a version, oldest first, with what each changed.

        Raises AggregateNotFound, UnreadableEvent, StoreUnavailable.
        """
        self._refuse_others(stream)
        page = self._pages.page(stream, deadline, after, limit)
        if page is None and self.root.initial() is None:
            raise AggregateNotFound(self.root.noun, stream)
        return page or HistoryPage([], None)

    def with_commits(
        self, stream: str, correlation_id: str, deadline: Deadline
    ) -> tuple[AggregateRoot[State, Recorded], Sequence[UUID | None]]:
        """The aggregate, and for each of its events the commit, or None if the event does not name
        this as what it is correlated with. Raises UnreadableEvent, StoreUnavailable."""
        recorded = self._store.read(stream, deadline)
        commits = [
            # Most do not name it: that spares reading the metadata as JSON.
            self._codec.origin(each).commit_id if correlation_id in each.data.metadata else None
            for each in recorded
        ]
        return self._replay(stream, recorded), commits

    def dated_events(
        self, stream: str, deadline: Deadline, at: datetime | None = None
    ) -> list[DatedEvent[Recorded]]:
        """Everything that happened to an aggregate, oldest first; by the moment `at`, if given.

        Raises AggregateNotFound, UnreadableEvent, StoreUnavailable.
        """
        self._refuse_others(stream)
        return self._dated(self._there(stream, self._store.read(stream, deadline), at))

    def dated_beside(
        self,
        stream: str,
        others: "Repository[Other, Any]",
        other: str,
        deadline: Deadline,
        at: datetime | None = None,
    ) -> tuple[list[DatedEvent[Recorded]], Shown[Other]]:
        """The same, and how one of another kind in the same store is, or was at that moment: of one
        reading.

        Raises AggregateNotFound for either, UnreadableEvent, StoreUnavailable.
        """
        self._refuse_others(stream)
        mine, theirs = self._store.read_together((stream, other), deadline)
        return self._dated(self._there(stream, mine, at)), others.shown_of(other, theirs, at)

    def dated_with_latest(
        self, stream: str, deadline: Deadline, latest: int
    ) -> tuple[list[DatedEvent[Recorded]], list[HistoryEntry]]:
        """The same until now, and the entries of the last so many of them: of one reading.

        Raises AggregateNotFound, UnreadableEvent, StoreUnavailable.
        """
        self._refuse_others(stream)
        recorded = self._there(stream, self._store.read(stream, deadline))
        events = self._dated(recorded)
        state, entries = self.root.initial(), []
        for each, dated in zip(recorded, events, strict=True):
            before, state = state, self.root.evolve(state, dated.event)
            if dated.version > len(events) - latest:
                origin = self._codec.origin(each)
                entries.append(entry_of(each, dated.event, origin, before, state))
        return events, entries

    def _there(
        self, stream: str, recorded: Sequence[RecordedEvent], at: datetime | None = None
    ) -> Sequence[RecordedEvent]:
        """The events of an aggregate that there is, up to a moment. Raises AggregateNotFound."""
        known = self._until(stream, recorded, at)
        if not known and self.root.initial() is None:
            raise AggregateNotFound(self.root.noun, stream)
        return known

    def _dated(self, recorded: Sequence[RecordedEvent]) -> list[DatedEvent[Recorded]]:
        return [DatedEvent(each, self._codec.decode(each)) for each in recorded]

    def with_origins(
        self, stream: str, deadline: Deadline, version: int | None = None
    ) -> list[tuple[Recorded, Origin]]:
        """Everything that happened to an aggregate, up to a version if one is given, oldest first,
        each with who and what it is from. Raises UnreadableEvent, StoreUnavailable."""
        recorded = self._store.read(stream, deadline, through_version=version)
        return [(self._codec.decode(each), self._codec.origin(each)) for each in recorded]

    def _refuse_others(self, stream: str) -> None:
        """Raises AggregateNotFound for a stream that is of another kind of aggregate."""
        if aggregate_of(stream) is not self.root:
            raise AggregateNotFound(self.root.noun, stream)

    def _from_snapshot(
        self, stream: str, deadline: Deadline
    ) -> AggregateRoot[State, Recorded] | None:
        """From a snapshot and the events since; None without one that its stream agrees with."""
        snapshot = self._snapshots.get(stream)
        if snapshot is None:
            return None
        recorded = self._store.read(stream, deadline, after=snapshot.version - 1)
        if not recorded or recorded[0].data.event_id != snapshot.event_id:
            self._snapshots.disagrees(stream, snapshot)
            return None
        loaded = self.root.replay(
            stream,
            map(self._codec.decode, recorded[1:]),
            version=snapshot.version,
            state=snapshot.state,
        )
        self._remember(loaded, recorded)
        return loaded

    def _from_all(self, stream: str, deadline: Deadline) -> AggregateRoot[State, Recorded]:
        recorded = self._store.read(stream, deadline)
        loaded = self._replay(stream, recorded)
        self._remember(loaded, recorded)
        return loaded

    def _remember(
        self, loaded: AggregateRoot[State, Recorded], recorded: Sequence[RecordedEvent]
    ) -> None:
        if recorded and loaded.state is not None:
            event_id = recorded[-1].data.event_id
            self._snapshots.put(loaded.id, Snapshot(loaded.version, event_id, loaded.state))

    def _replay(
        self, stream: str, recorded: Sequence[RecordedEvent]
    ) -> AggregateRoot[State, Recorded]:
        return self.root.replay(stream, map(self._codec.decode, recorded))

    def _state_after(self, stream: str, recorded: Sequence[RecordedEvent]) -> State:
        state = self._replay(stream, recorded).state
        assert state is not None, "it has events"  # noqa: S101
        return state


LoadedCarrier = AggregateRoot[CarrierState, CarrierEvent]
"""A carrier as its repository gives it."""


class CarrierRepository(Repository[CarrierState, CarrierEvent]):
    """The carriers."""

    root = Carrier

    def today(self, state: CarrierState) -> str:
        """The day that it is where the carrier is, YYYY-MM-DD."""
        return state.today(self._clock())

    def current(self, state: CarrierState) -> CarrierState:
        """The carrier with the values that hold today, by what is scheduled."""
        return state.on(self.today(state))

    def day(self, view: Shown[CarrierState], asked: ShowOnDay) -> str:
        """For which day a carrier is shown. If no day is asked for, it is that of the moment or the
        version that is: whoever asked then was told the same."""
        if asked.on is not None:
            return asked.on
        if asked.at is not None:
            return view.state.today(asked.at)
        if asked.version is not None and view.changed_at is not None:
            return view.state.today(view.changed_at)
        return self.today(view.state)


class PolicyRepository(Repository[PolicyState, PolicyEvent]):
    """The policy: one, in a stream that each registry has or will have."""

    root = Policy


class ColumnMappingsRepository(Repository[ColumnMappingsState, ColumnMappingEvent]):
    """The column mappings: all in one stream that each registry has or will have."""

    root = ColumnMappings


def _shown(stream: str, version: int, state: State, ends: Sequence[RecordedEvent]) -> Shown[State]:
    """`ends` are the first and the last event, if there is one."""
    began_at, changed_at = [event.data.created_at for event in ends] or (None, None)
    return Shown(stream, version, state, began_at, changed_at)


def _claims(changed: AggregateRoot[Any, Any]) -> Claims:
    """What the recorded events take and free: the difference between two states."""
    before = changed.stored_state.unique_values if changed.stored_state else frozenset()
    after = changed.state.unique_values if changed.state else frozenset()
    return Claims(
        taken=tuple(Claim(*unique) for unique in after - before),
        freed=tuple(Claim(*unique) for unique in before - after),
    )
