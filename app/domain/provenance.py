"""Which of a carrier's events made it what it is on a day. Imports only the domain.

A scheduled change holds from its day on, and hides on the days before what was made of its fields
since its effect was recorded: `CarrierState.on` says what the values are, here is whose they are.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.command import CarrierEvent
from app.domain.commands.change_email import CarrierEmailChanged
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.rename import CarrierRenamed
from app.domain.commands.schedule_change import CarrierChangeScheduled
from app.domain.commands.update_profile import CarrierProfileUpdated
from app.domain.merging import CarrierAbsorbed, CarrierSeparated
from app.domain.state import FIELDS, CarrierState
from app.domain.taking_effect import CarrierScheduledChangeTookEffect, taking_effect

Counting = Sequence[tuple[int, CarrierEvent]]
"""Events with their indexes (from 0) among all events, in the order in which they count."""

Last = Callable[[Callable[[CarrierEvent], bool]], int | None]
"""See `Provenance.last`."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The events that count on a day; none, where only the carrier's state is known. `hidden_from`
    maps a field to the index from which on no event's value of it holds on that day."""

    counting: Counting = ()
    hidden_from: Mapping[str, int] = field(default_factory=dict)

    def last(self, decides: Callable[[CarrierEvent], bool]) -> int | None:
        """The index of the last event that a question says yes to; None if there is none."""
        return next((index for index, event in reversed(self.counting) if decides(event)), None)

    def registration(self) -> int | None:
        """The index of the carrier's registration, if its events are at hand."""
        return self.last(lambda event: isinstance(event, CarrierRegistered))

    def last_to_set(self, fields: Iterable[str]) -> int | None:
        """The index of the last event of which any of these fields (`state.FIELDS`) has the value
        that it has on that day; None if there is none."""
        asked = frozenset(fields)
        for index, event in reversed(self.counting):
            if any(self._holds(index, name) for name in asked.intersection(fields_set_by(event))):
                return index
        return None

    def _holds(self, index: int, name: str) -> bool:
        return name not in self.hidden_from or index < self.hidden_from[name]


UNKNOWN = Provenance()
"""Of a carrier whose events are not at hand."""


def provenance_of(events: Sequence[CarrierEvent], state: CarrierState, on: str) -> Provenance:
    """On that day (YYYY-MM-DD); `state` is the one after all these events of the carrier."""
    if not state.scheduled:
        return Provenance(list(enumerate(events)))
    return Provenance(list(_counting(events, state, on)), _hidden_from(events, on))


def fields_set_by(event: CarrierEvent) -> Collection[str]:
    """The fields (`state.FIELDS`) that the event gives a value. A registration does so to all, as
    it begins with an empty profile; a survivor's are those that it took or got back."""
    match event:
        case CarrierRegistered():
            return FIELDS
        case CarrierRenamed():
            return ("name",)
        case CarrierEmailChanged():
            return ("email",)
        case (
            CarrierProfileUpdated(changes=fields)
            | CarrierScheduledChangeTookEffect(changes=fields)
            | CarrierAbsorbed(taken=fields)
            | CarrierSeparated(restored=fields)
        ):
            return fields.keys()
    return ()


def _counting(
    events: Sequence[CarrierEvent], state: CarrierState, on: str
) -> Iterator[tuple[int, CarrierEvent]]:
    """A scheduled change that is in effect by then is decided by the event that scheduled it,
    whether its effect is recorded or not; one that is not, by none."""
    scheduled_by = {
        event.change_id: index
        for index, event in enumerate(events)
        if isinstance(event, CarrierChangeScheduled)
    }
    for index, event in enumerate(events):
        if not isinstance(event, CarrierScheduledChangeTookEffect):
            yield index, event
        elif event.effective_on <= on:
            yield scheduled_by.get(event.change_id, index), event
    for event in taking_effect(state, on):
        yield scheduled_by[event.change_id], event


def _hidden_from(events: Sequence[CarrierEvent], on: str) -> dict[str, int]:
    """By field where the first change of it that took effect after that day is recorded."""
    found: dict[str, int] = {}
    for index, event in enumerate(events):
        if isinstance(event, CarrierScheduledChangeTookEffect) and event.effective_on > on:
            found = dict.fromkeys(event.changes, index) | found
    return found
