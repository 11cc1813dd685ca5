"""A stream's history for readers: each event with the fields that it changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

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
