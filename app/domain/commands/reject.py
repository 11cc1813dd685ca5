"""`reject`: what a carrier says of itself is not approved."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.approval import Approval, subject_of
from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierRejected(CarrierEvent):
    """Somebody did not approve what the carrier says of itself: see `approval.SUBJECT`."""

    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        approval = Approval(False, self.reason, subject_of(state.as_json()))
        return replace(state, approval=approval)


@dataclass(frozen=True, slots=True)
class RejectCarrier(ChangeCarrier):
    """Why a carrier is not approved."""

    reason: inputs.Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. Anybody may reject: that needs no second person."""
        decided = CarrierRejected(self.reason.text)
        if decided.apply(state) != state:
            yield decided


DECLARATION = Declaration(
    "reject", RejectCarrier, (CarrierRejected,), (ACTIVE, SUSPENDED), group=OVERSIGHT
)
