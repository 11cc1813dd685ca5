"""A stream's history for readers: each event with the fields that it changed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.application.ports.codec import Origin
from app.application.ports.event_store import RecordedEvent
from app.domain.aggregate import AggregateState
from app.domain.profile import compared

UNKNOWN = "unknown"
"""The actor of rows of the original registry, which name none."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after an event, as JSON. `was` is None for the first."""

    field: str
    was: Any
    became: Any


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An event of a stream, with what it says (`data`) and what it changed: an event that changes
    no field is one all the same. `who` is "unknown" for rows of the original registry."""

    version: int
    event_id: UUID
    event_type: str
    at: datetime
    who: str
    correlation_id: str | None
    causation_id: str | None
    data: Mapping[str, Any]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Events of a stream, oldest first. `next` is the version that the next page is to begin
    after; None if this page has the last event."""

    entries: list[HistoryEntry]
    next: int | None


def entry_of(
    recorded: RecordedEvent,
    said: Any,  # noqa: ANN401 - an event of any aggregate
    origin: Origin,
    before: AggregateState | None,
    after: AggregateState,
) -> HistoryEntry:
    """The entry of an event that says this and comes from there, between two states."""
    return HistoryEntry(
        version=recorded.version,
        event_id=recorded.data.event_id,
        event_type=recorded.data.event_type,
        at=recorded.data.created_at,
        who=origin.actor or UNKNOWN,
        correlation_id=origin.correlation_id,
        causation_id=origin.causation_id,
        data=asdict(said),
        changes=changes_between(before, after),
    )


def changes_between(before: AggregateState | None, after: AggregateState) -> tuple[Change, ...]:
    """The fields that differ between the two states; all set fields if `before` is None."""
    return differences(before.as_json() if before is not None else {}, after.as_json())


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """The fields of `new`, as JSON, that are another in `old`, or are set and not there."""
    return tuple(
        Change(field, old.get(field), value)
        for field, value in new.items()
        if (
            old[field] is not value and compared(old[field]) != compared(value)
            if field in old
            else value not in (None, [], {})
        )
    )
