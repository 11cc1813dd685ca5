"""`discard-change`: a change that was proposed does not happen."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.proposals import DISCARDED, is_pending, settled
from app.domain.state import UNMERGED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierChangeDiscarded(CarrierEvent):
    """A change that waited for a second person does not happen."""

    proposal_id: int
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        proposals = settled(state.proposals, self.proposal_id, DISCARDED, self.reason)
        return replace(state, proposals=proposals)


@dataclass(frozen=True, slots=True)
class DiscardChange(ChangeCarrier):
    """Which change is not to happen, and why."""

    proposal_id: inputs.ProposalId
    reason: inputs.Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. Anybody may, also who proposed it: the old values hold."""
        if is_pending(state.proposals, self.proposal_id, DISCARDED, self.reason.text):
            yield CarrierChangeDiscarded(self.proposal_id, self.reason.text)


DECLARATION = Declaration(
    "discard-change", DiscardChange, (CarrierChangeDiscarded,), UNMERGED, group=OVERSIGHT
)
