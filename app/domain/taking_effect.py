"""The event by which a scheduled change becomes part of what a carrier is. Imports only the domain.

It is recorded by the first command that changes anything on the change's day or later, in the same
commit and before the command's own events: the command decides on the values of its day.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.command import CarrierEvent
from app.domain.scheduled import due
from app.domain.state import GONE, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierScheduledChangeTookEffect(CarrierEvent):
    """A scheduled change has been in effect since the day `effective_on`. `changes` maps fields to
    what they have been since, as JSON; an e-mail address that it replaces is free from now on."""

    change_id: int
    effective_on: str
    changes: Mapping[str, Any]

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`. A view may have left out how the change was scheduled."""
        changed, scheduled = state.changed(self.changes), state.scheduled
        if self.change_id not in scheduled:
            return changed
        recorded = replace(scheduled[self.change_id], was=state.only(self.changes))
        return replace(changed, scheduled={**scheduled, self.change_id: recorded})


def taking_effect(state: CarrierState, day: str) -> Iterator[CarrierScheduledChangeTookEffect]:
    """The events of the scheduled changes that are in effect on that day, as far as none is
    recorded, in order. On a carrier that is GONE nothing takes effect."""
    if state.scheduled and state.state not in GONE:
        for each in due(state.scheduled, day):
            yield CarrierScheduledChangeTookEffect(each.number, each.effective_on, each.changes)
