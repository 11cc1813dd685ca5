"""From rows of the table of events to recorded events. For the event store and the feed."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, TypeVar
from uuid import UUID, SafeUUID

from app.application.ports.event_store import EventData, RecordedEvent
from app.application.ports.feed import FeedEvent
from app.infrastructure.clock import from_milliseconds

EVENT_COLUMNS = "aggregate_id, version, event_type, payload, created_at, event_id, metadata"
"""What the rows have to begin with."""

FEW = 8
"""Up to so many rows are made one by one: a stream of a carrier mostly has no more."""

Frozen = TypeVar("Frozen")
_Rows = Sequence[tuple[Any, ...]]


def recorded_events(rows: _Rows) -> list[RecordedEvent]:
    """The events of rows of EVENT_COLUMNS; further columns are left alone."""
    return _one_by_one(rows) if len(rows) <= FEW else _column_by_column(rows)


def feed_events(rows: _Rows) -> list[FeedEvent]:
    """The events of rows of EVENT_COLUMNS and `position`."""
    positions = [row[-1] for row in rows]
    return _made(FeedEvent, position=positions, event=recorded_events(rows))


def _one_by_one(rows: _Rows) -> list[RecordedEvent]:
    return [
        RecordedEvent(
            stream,
            version,
            EventData(UUID(event_id), kind, payload, metadata, from_milliseconds(created_at)),
        )
        for stream, version, kind, payload, created_at, event_id, metadata, *_ in rows
    ]


def _column_by_column(rows: _Rows) -> list[RecordedEvent]:
    streams, versions, kinds, payloads, moments, ids, metadata, *_ = zip(*rows, strict=True)
    data = _made(
        EventData,
        event_id=_made(UUID, int=_integers(ids), is_safe=repeat(SafeUUID.unknown)),
        event_type=kinds,
        payload=payloads,
        metadata=metadata,
        created_at=map(from_milliseconds, moments),
    )
    return _made(RecordedEvent, stream=streams, version=versions, data=data)


def _integers(ids: Iterable[str]) -> list[int]:
    return [int(digits, 16) for digits in "\n".join(ids).replace("-", "").split("\n")]


def _made(kind: type[Frozen], **columns: Iterable[Any]) -> list[Frozen]:
    """Instances of a frozen class with slots, as its constructor would make them.

    Constructors are what reading a feed costs: a UUID's alone takes longer than SQLite for the
    whole row. To fill each slot of all instances in turn takes two thirds of the time.
    """
    (first, values), *others = columns.items()
    values = list(values)
    made: list[Frozen] = list(map(object.__new__, repeat(kind, len(values))))
    for name, column in ((first, values), *others):
        deque(map(getattr(kind, name).__set__, made, column), maxlen=0)
    return made
