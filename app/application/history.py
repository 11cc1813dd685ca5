"""What happened to a carrier, as people ask for it: each event with what it changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.carrier import CarrierState
from app.domain.profile import compared


@dataclass(frozen=True, slots=True)
class Change:
    """One field of the carrier, as JSON, before and after; `was` is None for a new carrier."""

    field: str
    was: Any
    became: Any


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An event of a carrier. `who` is "unknown" for rows of the seed's original."""

    version: int
    event_id: UUID
    event_type: str
    at: datetime
    who: str
    correlation_id: str | None
    causation_id: str | None
    changes: tuple[Change, ...]


def changes_between(before: CarrierState | None, after: CarrierState) -> tuple[Change, ...]:
    """The fields that differ; of a new carrier those that are set."""
    old = before.as_json() if before is not None else {}
    return tuple(
        Change(field, old.get(field), value)
        for field, value in after.as_json().items()
        if (
            value not in (None, [], {})
            if before is None
            else compared(old[field]) != compared(value)
        )
    )
