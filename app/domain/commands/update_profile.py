"""`update-profile`: parts of a carrier's profile are replaced."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.domain.command import PROFILE, CarrierEvent, Declaration, Events
from app.domain.inputs import ProfileParts
from app.domain.second_person import CarrierChangeProposed, GuardedChange, proposed
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierProfileUpdated(CarrierEvent):
    """`changes` maps each part of the profile that changed to what it is now, as JSON."""

    changes: Mapping[str, Any]

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, profile=state.profile.changed_by(self.changes))


@dataclass(frozen=True, slots=True)
class UpdateProfile(GuardedChange):
    """The parts of the profile that change; null, [] or {} removes one."""

    profile: ProfileParts

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. Parts that wait for a second person do not hold up the others."""
        different = state.profile.differences(self.profile)
        waiting = {part: value for part, value in different.items() if part in self.guarded}
        if others := {part: different[part] for part in different if part not in waiting}:
            yield CarrierProfileUpdated(changes=others)
        if waiting:
            yield from proposed(state, waiting)


DECLARATION = Declaration(
    "update-profile",
    UpdateProfile,
    (CarrierProfileUpdated, CarrierChangeProposed),
    (ACTIVE, SUSPENDED),
    details="A part that is not named stays as it is; a repeatable one is replaced as a whole.",
    group=PROFILE,
)
