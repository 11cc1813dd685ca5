"""`cancel-scheduled-change`: a change that is scheduled does not happen."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.command import PROFILE, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.scheduled import cancelled, is_cancellable
from app.domain.state import UNMERGED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierScheduledChangeCancelled(CarrierEvent):
    """A scheduled change counts on no day."""

    change_id: int
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, scheduled=cancelled(state.scheduled, self.change_id, self.reason))


@dataclass(frozen=True, slots=True)
class CancelScheduledChange(ChangeCarrier):
    """Which scheduled change is not to happen, and why."""

    change_id: inputs.ChangeId
    reason: inputs.Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. What has taken effect is changed back, not cancelled."""
        if is_cancellable(state.scheduled, self.change_id, self.reason.text):
            yield CarrierScheduledChangeCancelled(self.change_id, self.reason.text)


DECLARATION = Declaration(
    "cancel-scheduled-change",
    CancelScheduledChange,
    (CarrierScheduledChangeCancelled,),
    UNMERGED,
    group=PROFILE,
)
