"""`change-email`: a carrier is reached at another address, which no other carrier may have."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.command import PROFILE, CarrierEvent, Declaration, Events
from app.domain.inputs import EmailAddress
from app.domain.second_person import CarrierChangeProposed, GuardedChange, proposed
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierEmailChanged(CarrierEvent):
    """The carrier is reached at another address; the former one is free again."""

    email: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, email=self.email)


@dataclass(frozen=True, slots=True)
class ChangeEmail(GuardedChange):
    """A carrier's new e-mail address."""

    email: EmailAddress

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        if state.email == self.email.text:
            return
        if "email" in self.guarded:
            yield from proposed(state, {"email": self.email.text})
        else:
            yield CarrierEmailChanged(email=self.email.text)


DECLARATION = Declaration(
    "change-email",
    ChangeEmail,
    (CarrierEmailChanged, CarrierChangeProposed),
    (ACTIVE, SUSPENDED),
    summary="Give a carrier another e-mail address, which no other carrier may have.",
    group=PROFILE,
)
