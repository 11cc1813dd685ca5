"""`unmerge`: a merge was a mistake, and both carriers are again what they were."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.inputs import Reason
from app.domain.state import ACTIVE, MERGED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierUnmerged(CarrierEvent):
    """The carrier is what it was before its merge of this number, and speaks for itself."""

    merge_id: int
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        was = state.merge
        if was is None:
            return state
        return replace(state, state=was.state, reason=was.reason, category=was.category, merge=None)


@dataclass(frozen=True, slots=True)
class UnmergeCarrier(ChangeCarrier):
    """Why a merge is taken back."""

    reason: Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. The survivor has given back by now what it took."""
        if state.merge:
            yield CarrierUnmerged(state.merge.number, self.reason.text)


DECLARATION = Declaration(
    "unmerge",
    UnmergeCarrier,
    (CarrierUnmerged,),
    (MERGED,),
    leads_to=ACTIVE,
    summary="Take a merge back, while neither carrier has changed since: both are what they were.",
    details="Only while neither of the two has changed since; both are then what they were.",
    group=OVERSIGHT,
)
