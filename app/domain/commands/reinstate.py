"""`reinstate`: a carrier's suspension ends."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.inputs import OptionalReason
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierReinstated(CarrierEvent):
    """The carrier's suspension has ended."""

    reason: str | None

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, state=ACTIVE, reason=None, category=None)


@dataclass(frozen=True, slots=True)
class ReinstateCarrier(ChangeCarrier):
    """Why a carrier is reinstated, if that needs saying."""

    reason: OptionalReason = None

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        if state.state != ACTIVE:
            yield CarrierReinstated(reason=self.reason.text if self.reason else None)


DECLARATION = Declaration(
    "reinstate",
    ReinstateCarrier,
    (CarrierReinstated,),
    (SUSPENDED,),
    leads_to=ACTIVE,
    group=OVERSIGHT,
)
