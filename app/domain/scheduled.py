"""Changes that are scheduled: what fields of a carrier are to be from a day on. Imports only the
domain.

Nothing happens by a timer: which values hold follows from the day that is asked for
(`CarrierState.on`). So that later commands rest on the values of their own day, the first one that
changes anything from that day on also records that the change took effect (`taking_effect.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.profile import compared

SCHEDULED_MAX = 20
"""So many changes of a carrier at most are scheduled and have not taken effect."""


@dataclass(frozen=True, slots=True)
class ScheduledChange:
    """A change of a carrier's fields from the day `effective_on` (YYYY-MM-DD) on: `changes` maps
    them to what they are to be, as JSON.

    `cancelled` is why it was cancelled. `was` maps the fields to what they were before, once it is
    recorded that the change took effect.
    """

    number: int
    changes: Mapping[str, Any]
    effective_on: str
    reason: str
    cancelled: str | None = None
    was: Mapping[str, Any] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was neither cancelled nor recorded that it took effect."""
        return self.cancelled is None and self.was is None

    def says_the_same(self, other: "ScheduledChange") -> bool:
        """Whether the two ask for the same on the same day, for the same reason."""
        return (self.effective_on, self.reason) == (other.effective_on, other.reason) and (
            compared(dict(self.changes)) == compared(dict(other.changes))
        )


ScheduledChanges = Mapping[int, ScheduledChange]
"""A carrier's scheduled changes by their numbers. None is ever taken away, so no number is given
twice."""


def in_order(scheduled: ScheduledChanges) -> list[ScheduledChange]:
    """In the order in which they take effect: by their days, then by their numbers."""
    return sorted(scheduled.values(), key=lambda each: (each.effective_on, each.number))


def due(scheduled: ScheduledChanges, day: str) -> list[ScheduledChange]:
    """The open ones that take effect on that day or before, in order."""
    return [each for each in in_order(scheduled) if each.is_open and each.effective_on <= day]


def took_effect_after(scheduled: ScheduledChanges, day: str) -> list[ScheduledChange]:
    """Those that took effect after that day, as is recorded, the last one first."""
    return [
        each
        for each in reversed(in_order(scheduled))
        if each.was is not None and each.effective_on > day
    ]


def last_effect(scheduled: ScheduledChanges) -> str:
    """The last day on which one took effect, as is recorded; empty if there is none."""
    return max(
        (each.effective_on for each in scheduled.values() if each.was is not None), default=""
    )


def cancelled(scheduled: ScheduledChanges, number: int, reason: str) -> ScheduledChanges:
    """After this one was cancelled. A view may have left out how it was scheduled."""
    if number not in scheduled:
        return scheduled
    return {**scheduled, number: replace(scheduled[number], cancelled=reason)}


def is_new(scheduled: ScheduledChanges, new: ScheduledChange) -> bool:
    """Whether no open one says the same. Raises InvalidInput for one too many."""
    there = [each for each in scheduled.values() if each.is_open]
    if any(new.says_the_same(each) for each in there):
        return False
    if len(there) >= SCHEDULED_MAX:
        raise InvalidInput(
            "effective_on",
            f"The carrier has {SCHEDULED_MAX} changes scheduled, which is the most; cancel one",
        )
    return True


def is_cancellable(scheduled: ScheduledChanges, number: int, reason: str) -> bool:
    """Whether this one can be cancelled; not if it was, for this very reason. Raises InvalidInput
    for a number that there is not, for one that took effect, and for one that was cancelled for
    another reason."""
    field = "change_id"
    if number not in scheduled:
        raise InvalidInput(field, "The change_id must be one of this carrier's scheduled changes")
    found = scheduled[number]
    if found.was is not None:
        raise InvalidInput(
            field,
            "The change_id must be of one still to come: it took effect on"
            f" {found.effective_on}; change the carrier back instead",
        )
    if found.cancelled not in {None, reason}:
        raise InvalidInput(field, "The change_id must be of one still to come: it was cancelled")
    return found.is_open
