"""`annotate`: somebody leaves a note for people in a carrier's history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from app.domain import inputs
from app.domain.command import PROFILE, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.state import UNMERGED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierAnnotated(CarrierEvent):
    """Somebody left a note. It is in the history alone: the carrier is as it was."""

    note: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return state


@dataclass(frozen=True, slots=True)
class AnnotateCarrier(ChangeCarrier):
    """A note for people about a carrier."""

    note: Annotated[
        str, inputs.line("note", 1000, "What people should know; kept for ever.", "Ask for Ms Ito")
    ]

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        yield CarrierAnnotated(self.note)


DECLARATION = Declaration("annotate", AnnotateCarrier, (CarrierAnnotated,), UNMERGED, group=PROFILE)
