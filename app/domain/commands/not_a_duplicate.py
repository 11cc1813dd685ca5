"""`not-a-duplicate`: two carriers that look alike are two."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from app.domain import inputs
from app.domain.command import PROFILE, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.errors import InvalidInput
from app.domain.inputs import Reason
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierDistinguished(CarrierEvent):
    """Somebody has looked, and the carrier is not the same company as the `other` one. The list of
    duplicates leaves the pair out from then on, whichever of the two it begins with."""

    other: str
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, distinct_from=state.distinct_from | {self.other})


@dataclass(frozen=True, slots=True)
class DistinguishCarrier(ChangeCarrier):
    """Which other carrier is another company, and how one can tell."""

    other: Annotated[str, inputs.carrier_id("other", "The id of the carrier that looks alike.")]
    reason: Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        if self.other == self.carrier_id:
            raise InvalidInput("other", "The other must not be the carrier itself")
        if self.other not in state.distinct_from:
            yield CarrierDistinguished(self.other, self.reason.text)


DECLARATION = Declaration(
    "not-a-duplicate",
    DistinguishCarrier,
    (CarrierDistinguished,),
    (ACTIVE, SUSPENDED),
    group=PROFILE,
)
