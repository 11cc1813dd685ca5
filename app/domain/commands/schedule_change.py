"""`schedule-change`: fields of a carrier are to be others from a day on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.domain import inputs
from app.domain.command import PROFILE, CarrierEvent, Declaration, Events
from app.domain.errors import InvalidInput
from app.domain.scheduled import ScheduledChange, is_new
from app.domain.second_person import GuardedChange
from app.domain.state import ACTIVE, SUSPENDED, CarrierState
from app.domain.taking_effect import CarrierScheduledChangeTookEffect


@dataclass(frozen=True, slots=True)
class CarrierChangeScheduled(CarrierEvent):
    """Fields of the carrier are to be others from the day `effective_on` on: `changes` maps them to
    what they are to be, as JSON. An e-mail address among them is nobody else's from now on."""

    change_id: int
    effective_on: str
    changes: Mapping[str, Any]
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, scheduled={**state.scheduled, self.change_id: self.change()})

    def change(self) -> ScheduledChange:
        """The change that is scheduled now."""
        return ScheduledChange(self.change_id, self.changes, self.effective_on, self.reason)


@dataclass(frozen=True, slots=True)
class ScheduleChange(GuardedChange):
    """What is to change, and from which day on. At least one of name, email and the parts of the
    profile; null, [] or {} removes a part. On that day it counts, whatever is changed before."""

    effective_on: inputs.EffectiveDay
    reason: inputs.Reason
    name: inputs.NewName = None
    email: inputs.NewEmail = None
    profile: inputs.ProfileParts = field(default_factory=dict)

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. What waits for a second person cannot be scheduled: nobody would look at
        it. A change that is scheduled already, with the same words, is not scheduled again."""
        changes = self._changes()
        self._check(changes, state.today(now))
        new = CarrierChangeScheduled(
            change_id=max(state.scheduled, default=0) + 1,
            effective_on=self.effective_on,
            changes=changes,
            reason=self.reason.text,
        )
        if is_new(state.scheduled, new.change()):
            yield new

    def _changes(self) -> dict[str, Any]:
        named = {"name": self.name, "email": self.email}
        return {name: value.text for name, value in named.items() if value} | dict(self.profile)

    def _check(self, changes: Mapping[str, Any], today: str) -> None:
        if not changes:
            raise InvalidInput("name", "Give at least one field that is to change, such as name")
        if self.effective_on < today:
            raise InvalidInput(
                "effective_on", "The effective_on must be today or later where the carrier is"
            )
        for name in changes:
            if name in self.guarded:
                raise InvalidInput(
                    name,
                    f"The {name} cannot be scheduled, as the policy wants a second person for it:"
                    " change it on the day",
                )


DECLARATION = Declaration(
    "schedule-change",
    ScheduleChange,
    (CarrierChangeScheduled, CarrierScheduledChangeTookEffect),
    (ACTIVE, SUSPENDED),
    details="Whatever is asked for that day or a later one sees it: `carriers show --on`. An e-mail"
    " address is taken at once; the former one is free with the first command from that day on.",
    any_of=("name", "email"),
    group=PROFILE,
)
