"""`unblock`: a block is lifted."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.blocks import ended, is_standing
from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.state import UNMERGED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierUnblocked(CarrierEvent):
    """A block was lifted: from now on it applies on no day."""

    block_id: int
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, blocks=ended(state.blocks, self.block_id, self.reason))


@dataclass(frozen=True, slots=True)
class UnblockCarrier(ChangeCarrier):
    """Which block is lifted, and why."""

    block_id: inputs.BlockId
    reason: inputs.Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        if is_standing(state.blocks, self.block_id, "block", self.reason.text):
            yield CarrierUnblocked(self.block_id, self.reason.text)


DECLARATION = Declaration("unblock", UnblockCarrier, (CarrierUnblocked,), UNMERGED, group=OVERSIGHT)
