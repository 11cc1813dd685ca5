"""`withdraw-override`: a rule is judged by its own verdict again."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.blocks import ended, is_standing
from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.state import UNMERGED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierOverrideWithdrawn(CarrierEvent):
    """An override was taken back: from now on it applies on no day."""

    override_id: int
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, overrides=ended(state.overrides, self.override_id, self.reason))


@dataclass(frozen=True, slots=True)
class WithdrawOverride(ChangeCarrier):
    """Which override is taken back, and why."""

    override_id: inputs.OverrideId
    reason: inputs.Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        if is_standing(state.overrides, self.override_id, "override", self.reason.text):
            yield CarrierOverrideWithdrawn(self.override_id, self.reason.text)


DECLARATION = Declaration(
    "withdraw-override", WithdrawOverride, (CarrierOverrideWithdrawn,), UNMERGED, group=OVERSIGHT
)
