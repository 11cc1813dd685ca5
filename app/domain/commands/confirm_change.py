"""`confirm-change`: a second person lets a change happen that was proposed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.domain import inputs
from app.domain.command import OVERSIGHT, CarrierEvent, Declaration, Events
from app.domain.commands.change_email import CarrierEmailChanged
from app.domain.commands.rename import CarrierRenamed
from app.domain.commands.update_profile import CarrierProfileUpdated
from app.domain.proposals import CONFIRMED, is_pending, settled
from app.domain.second_person import Review, author_of_proposal, refuse_author
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierChangeConfirmed(CarrierEvent):
    """A second person confirmed a change; the events of the change come before this one."""

    proposal_id: int
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        proposals = settled(state.proposals, self.proposal_id, CONFIRMED, self.reason)
        return replace(state, proposals=proposals)


@dataclass(frozen=True, slots=True)
class ConfirmChange(Review):
    """Which change is confirmed, and why. Whoever proposed it cannot."""

    proposal_id: inputs.ProposalId
    reason: inputs.Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. What is the case already by now is not changed again."""
        authors = author_of_proposal(self.reviewer.past, self.proposal_id)
        refuse_author(self.reviewer, authors, "who confirms it")
        if is_pending(state.proposals, self.proposal_id, CONFIRMED, self.reason.text):
            yield from _changed(state, state.proposals[self.proposal_id].changes)
            yield CarrierChangeConfirmed(self.proposal_id, self.reason.text)


def _changed(state: CarrierState, changes: Mapping[str, Any]) -> Events:
    parts = {name: value for name, value in changes.items() if name not in {"name", "email"}}
    if "name" in changes and changes["name"] != state.name:
        yield CarrierRenamed(changes["name"])
    if "email" in changes and changes["email"] != state.email:
        yield CarrierEmailChanged(changes["email"])
    if different := state.profile.differences(parts):
        yield CarrierProfileUpdated(different)


DECLARATION = Declaration(
    "confirm-change",
    ConfirmChange,
    (CarrierChangeConfirmed, CarrierRenamed, CarrierEmailChanged, CarrierProfileUpdated),
    (ACTIVE, SUSPENDED),
    summary="Confirm a change that waits for a second person. An e-mail address is taken now, and"
    " not before.",
    details="Whoever proposed it cannot. An e-mail address is taken now, and not before.",
    group=OVERSIGHT,
)
