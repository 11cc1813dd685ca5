"""From rows of the table of events to recorded events. For the event store and the feed."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import repeat
from typing import Any, TypeVar
from uuid import UUID

from app.application.ports.event_store import EventData, RecordedEvent
from app.application.ports.feed import FeedEvent
from app.infrastructure.clock import from_milliseconds

EVENT_COLUMNS = "aggregate_id, version, event_type, payload, created_at, event_id, metadata"
"""What the rows have to begin with."""

Frozen = TypeVar("Frozen")
_Rows = Sequence[tuple[Any, ...]]


class StoredEventData(EventData):
    """What a row says. Its id and its moment are made when somebody asks: to make them of the row's
    text and number takes longer than SQLite for the row, and who folds events needs neither. In all
    else, copies included, it is the `EventData` of the same values."""

    __slots__ = ("_id", "_milliseconds")
    _id: str
    _milliseconds: int

    def __new__(cls, *values: Any, **named: Any) -> EventData:  # type: ignore[misc]  # noqa: ANN401
        return EventData(*values, **named)  # what `dataclasses.replace` makes

    @property
    def event_id(self) -> UUID:
        """See `EventData`."""
        return UUID(self._id)

    @property
    def created_at(self) -> datetime:
        """See `EventData`."""
        return from_milliseconds(self._milliseconds)

    def __eq__(self, other: object) -> bool:
        theirs = other._plain() if isinstance(other, StoredEventData) else other
        return self._plain() == theirs

    def __hash__(self) -> int:
        return hash(self._plain())

    def __repr__(self) -> str:
        return repr(self._plain())

    def __reduce__(self) -> tuple[type[EventData], tuple[Any, ...]]:
        return EventData, self._values()

    def _plain(self) -> EventData:
        return EventData(*self._values())

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)


_FIELDS = tuple(field.name for field in fields(EventData))


def recorded_events(rows: _Rows) -> list[RecordedEvent]:
    """The events of rows of EVENT_COLUMNS; further columns are left alone."""
    if not rows:
        return []
    streams, versions, kinds, payloads, moments, ids, metadata, *_ = zip(*rows, strict=True)
    data = _made(
        StoredEventData,
        event_type=kinds,
        payload=payloads,
        metadata=metadata,
        _id=ids,
        _milliseconds=moments,
    )
    return _made(RecordedEvent, stream=streams, version=versions, data=data)


def feed_events(rows: _Rows) -> list[FeedEvent]:
    """The events of rows of EVENT_COLUMNS and `position`."""
    positions = [row[-1] for row in rows]
    return _made(FeedEvent, position=positions, event=recorded_events(rows))


def _made(kind: type[Frozen], **columns: Iterable[Any]) -> list[Frozen]:
    """Instances of a frozen class with slots, as its constructor would make them.

    Constructors are what reading a feed costs. To fill each slot of all instances in turn takes two
    thirds of the time.
    """
    (first, values), *others = columns.items()
    values = list(values)
    made: list[Frozen] = list(map(object.__new__, repeat(kind, len(values))))
    for name, column in ((first, values), *others):
        deque(map(getattr(kind, name).__set__, made, column), maxlen=0)
    return made
