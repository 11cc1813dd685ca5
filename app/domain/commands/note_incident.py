"""`note-incident`: something went wrong with a carrier's work."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from app.domain import inputs
from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.state import UNMERGED, CarrierState

KINDS = ("late", "damage", "loss", "safety", "other")


@dataclass(frozen=True, slots=True)
class CarrierIncidentNoted(CarrierEvent):
    """Something went wrong. The carrier is as it was before; the directory and the counts know."""

    kind: str
    happened_on: str
    note: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        incidents = {**state.incidents, self.kind: state.incidents.get(self.kind, 0) + 1}
        last = max(self.happened_on, state.last_incident_on or "")
        return replace(state, incidents=incidents, last_incident_on=last)


@dataclass(frozen=True, slots=True)
class NoteIncident(ChangeCarrier):
    """What went wrong with a carrier's work."""

    kind: Annotated[str, inputs.choice("kind", KINDS, "What went wrong.")]
    happened_on: Annotated[str, inputs.calendar_day("happened_on", "When; not in the future.")]
    note: Annotated[str, inputs.line("note", 500, "What happened; kept for ever.", "2 pallets wet")]

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        inputs.refuse_future("happened_on", self.happened_on, now)
        yield CarrierIncidentNoted(self.kind, self.happened_on, self.note)


DECLARATION = Declaration(
    "note-incident", NoteIncident, (CarrierIncidentNoted,), UNMERGED, group=OVERSIGHT
)
