"""`register`: a company is entered in the registry."""

from dataclasses import dataclass, field
from datetime import datetime

from app.domain.command import REGISTER, CarrierEvent, Command, Declaration, Events
from app.domain.commands.update_profile import CarrierProfileUpdated
from app.domain.inputs import CarrierName, EmailAddress, ProfileParts
from app.domain.state import CarrierState


@dataclass(frozen=True, slots=True)
class CarrierRegistered(CarrierEvent):
    """A company was entered in the registry. Always the first event of its stream."""

    name: str
    email: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`. Nothing was known before."""
        return CarrierState(name=self.name, email=self.email)


@dataclass(frozen=True, slots=True)
class RegisterCarrier(Command):
    """The carrier to be registered; beside name and e-mail everything is optional."""

    name: CarrierName
    email: EmailAddress
    profile: ProfileParts = field(default_factory=dict)

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        yield CarrierRegistered(name=self.name.text, email=self.email.text)
        if different := state.profile.differences(self.profile):
            yield CarrierProfileUpdated(changes=different)


DECLARATION = Declaration(
    "register", RegisterCarrier, (CarrierRegistered, CarrierProfileUpdated), group=REGISTER
)
