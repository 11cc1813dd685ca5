"""The audit of a registry, read while it is written out: a page of events at a time, whatever its
length.

feed or stream → events of the period and actor → the states around each → a line a changed field
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from app.application.audit.changes import audited_changes
from app.application.audit.spans import SPAN, Spans
from app.application.audit.states import MAX_KEPT, States
from app.application.deadline import Deadline
from app.application.feed import confirmed
from app.application.history import UNKNOWN, Change
from app.application.ports.codec import Codec, Origin, UnreadableEvent
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import EventStore, RecordedEvent
from app.application.ports.feed import Feed
from app.application.queries import AskAudit
from app.application.shown import AggregateNotFound
from app.domain.carrier import Carrier
from app.domain.streams import aggregate_of

AT_ONCE = 200
"""Events that are read at a time."""

UNREADABLE = "payload"
"""The field of an event that this release cannot read: the line has what is stored."""

MayTake = Callable[[], Deadline]
"""Gives each request to the store its own time."""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A field that an event changed. Where it changes none, what the event says, without an `old`;
    where it says nothing but a reason, no field. `old` and `new` are JSON; `at` is UTC."""

    at: datetime
    stream: str
    version: int
    event_type: str
    actor: str
    change: Change
    reason: str | None
    request_id: str | None


class Audit:
    """Over any feed and event store. `place` counts a request that takes long against the
    concurrency limit, or raises TooManyListeners. `kept` is how many states each reader keeps.
    Threads can share it."""

    def __init__(
        self,
        feed: Feed,
        store: EventStore,
        codec: Codec,
        place: Callable[[], AbstractContextManager[None]],
        kept: int = MAX_KEPT,
    ) -> None:
        self._feed = feed
        self._store = store
        self._codec = codec
        self._kept = kept
        self._spans = Spans(feed)
        self.place = place

    def pages(self, asked: AskAudit, deadline: MayTake) -> Iterator[list[AuditLine]]:
        """Every line that is asked for, in the order of the feed up to its present head, or of the
        one stream; a page may be empty.

        Raises AggregateNotFound, FeedRenewed if the feed becomes another one meanwhile, and
        StoreUnavailable: then the pages before are not the whole.
        """
        states = States(self._store, self._codec, deadline, self._kept)
        source = (
            self._all(asked, deadline)
            if asked.stream is None
            else self._one(asked.stream, deadline)
        )
        for events in source:
            yield [
                line
                for event in events
                if asked.includes(event.data.created_at)
                for line in self._lines(event, asked.actor, states)
            ]

    def _one(self, stream: str, deadline: MayTake) -> Iterator[Sequence[RecordedEvent]]:
        after = 0
        while events := self._store.read(stream, deadline(), after, after + AT_ONCE):
            yield events
            after += len(events)
        if not after and aggregate_of(stream) is Carrier:
            raise AggregateNotFound(Carrier.noun, stream)

    def _all(self, asked: AskAudit, deadline: MayTake) -> Iterator[Sequence[RecordedEvent]]:
        now = self._feed.standing(deadline())
        at = 0
        while True:
            if asked.has_period:
                at = self._spans.skipped(at, now, asked.overlaps, deadline)
            if at >= now.head:
                return
            limit = min(AT_ONCE, now.head - at, SPAN - at % SPAN)
            read = self._feed.read(at, limit, deadline())
            if not read:
                raise StoreUnavailable(f"the feed cannot be read on behind position {at}")
            at = read[-1].position
            confirmed(self._feed, now.feed, at, deadline())
            yield [each.event for each in read]

    def _lines(
        self, event: RecordedEvent, actor: str | None, states: States
    ) -> Iterator[AuditLine]:
        origin = self._origin(event)
        who = origin.actor or UNKNOWN
        if actor not in {None, who}:
            return
        changes, reason = self._said(event, states)
        for change in changes:
            yield AuditLine(
                event.data.created_at,
                event.stream,
                event.version,
                event.data.event_type,
                who,
                change,
                reason,
                origin.correlation_id,
            )

    def _said(self, event: RecordedEvent, states: States) -> tuple[Sequence[Change], str | None]:
        """What the event changed, or else what it says; and its reason, if it has one."""
        try:
            said = self._codec.decode(event)
        except UnreadableEvent:
            return [Change(UNREADABLE, None, event.data.payload)], None
        before = states.before(event)
        changes = audited_changes(before, states.after(before, event, said))
        return changes or _members(said), getattr(said, "reason", None)

    def _origin(self, event: RecordedEvent) -> Origin:
        try:
            return self._codec.origin(event)
        except UnreadableEvent:
            return Origin()


def _members(said: Any) -> Sequence[Change]:  # noqa: ANN401 - an event of any aggregate
    """What an event says but its reason; at least one, so that each event has a line."""
    members = [
        Change(each.name, None, getattr(said, each.name))
        for each in fields(said)
        if each.name != "reason"
    ]
    return members or [Change("", None, None)]
