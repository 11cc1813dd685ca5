"""`approve`: what a carrier says of itself was looked at by a second person, and is right."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.approval import Approval, subject_of
from app.domain.command import OVERSIGHT, CarrierEvent, Declaration, Events
from app.domain.second_person import Review, authors_of_subject, refuse_author
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierApproved(CarrierEvent):
    """Somebody found right what the carrier says of itself: see `approval.SUBJECT`."""

    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        approval = Approval(True, self.reason, subject_of(state.as_json()))
        return replace(state, approval=approval)


@dataclass(frozen=True, slots=True)
class ApproveCarrier(Review):
    """Why a carrier is approved. Whoever registered it, or last changed what is approved, cannot
    approve it."""

    reason: inputs.Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. Another reason than that of the approval would be a change."""
        authors = authors_of_subject(self.reviewer.past, state.today(now))
        refuse_author(self.reviewer, authors, "who approves it")
        decided = CarrierApproved(self.reason.text)
        if decided.apply(state) != state:
            yield decided


DECLARATION = Declaration(
    "approve", ApproveCarrier, (CarrierApproved,), (ACTIVE, SUSPENDED), group=OVERSIGHT
)
