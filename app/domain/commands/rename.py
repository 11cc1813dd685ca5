"""`rename`: a carrier goes by another name."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.command import PROFILE, CarrierEvent, Declaration, Events
from app.domain.inputs import CarrierName
from app.domain.second_person import CarrierChangeProposed, GuardedChange, proposed
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierRenamed(CarrierEvent):
    """The carrier goes by another name."""

    name: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, name=self.name)


@dataclass(frozen=True, slots=True)
class RenameCarrier(GuardedChange):
    """A carrier's new name."""

    name: CarrierName

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        if state.name == self.name.text:
            return
        if "name" in self.guarded:
            yield from proposed(state, {"name": self.name.text})
        else:
            yield CarrierRenamed(name=self.name.text)


DECLARATION = Declaration(
    "rename",
    RenameCarrier,
    (CarrierRenamed, CarrierChangeProposed),
    (ACTIVE, SUSPENDED),
    group=PROFILE,
)
