"""`rename`: a carrier goes by another name."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.command import PROFILE, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.inputs import CarrierName
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierRenamed(CarrierEvent):
    """The carrier goes by another name."""

    name: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, name=self.name)


@dataclass(frozen=True, slots=True)
class RenameCarrier(ChangeCarrier):
    """A carrier's new name."""

    name: CarrierName

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        if state.name != self.name.text:
            yield CarrierRenamed(name=self.name.text)


DECLARATION = Declaration(
    "rename", RenameCarrier, (CarrierRenamed,), (ACTIVE, SUSPENDED), group=PROFILE
)
