"""`retire`: a carrier leaves the registry for good."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.inputs import Reason
from app.domain.state import ACTIVE, RETIRED, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierRetired(CarrierEvent):
    """The carrier has left the registry for good; its address is free again."""

    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, state=RETIRED, reason=self.reason, category=None)


@dataclass(frozen=True, slots=True)
class RetireCarrier(ChangeCarrier):
    """Why a carrier is retired."""

    reason: Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. Another reason than that of the retirement would be a change."""
        retired = CarrierRetired(reason=self.reason.text)
        if retired.apply(state) != state:
            yield retired


DECLARATION = Declaration(
    "retire",
    RetireCarrier,
    (CarrierRetired,),
    (ACTIVE, SUSPENDED),
    leads_to=RETIRED,
    summary="Take a carrier out of the registry for good; its e-mail address is free again.",
    details="Its e-mail address is free again.",
    group=OVERSIGHT,
)
