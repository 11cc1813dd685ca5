"""`unprefer`: a preference is taken back."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.blocks import ended, is_standing
from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.state import UNMERGED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierUnpreferred(CarrierEvent):
    """A preference was taken back: from now on it applies on no day."""

    preference_id: int
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, preferences=ended(state.preferences, self.preference_id, self.reason))


@dataclass(frozen=True, slots=True)
class UnpreferCarrier(ChangeCarrier):
    """Which preference is taken back, and why."""

    preference_id: inputs.PreferenceId
    reason: inputs.Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        if is_standing(state.preferences, self.preference_id, "preference", self.reason.text):
            yield CarrierUnpreferred(self.preference_id, self.reason.text)


DECLARATION = Declaration(
    "unprefer", UnpreferCarrier, (CarrierUnpreferred,), UNMERGED, group=OVERSIGHT
)
