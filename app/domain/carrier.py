"""The carrier: a company that carries goods, as an aggregate. Imports only the domain.

register → active ⇄ suspended
              ├──────┼──→ retired, which is final
              └──────┴──⇄ merged into another one, which speaks for it
"""

from datetime import datetime

from app.domain.aggregate import AggregateRoot
from app.domain.command import CarrierEvent, Command
from app.domain.declarations import BY_COMMAND, POSSIBLE
from app.domain.errors import AlreadyRegistered, ForbiddenByState
from app.domain.state import ACTIVE, BLANK, MERGED, RETIRED, STATES, SUSPENDED, CarrierState
from app.domain.taking_effect import taking_effect

__all__ = [
    "ACTIVE",
    "MERGED",
    "POSSIBLE",
    "RETIRED",
    "STATES",
    "SUSPENDED",
    "Carrier",
    "CarrierState",
]


class Carrier(AggregateRoot[CarrierState, CarrierEvent]):
    """A command decides (`app/domain/commands`), its declaration says in which states."""

    noun = "carrier"

    @staticmethod
    def evolve(state: CarrierState | None, event: CarrierEvent) -> CarrierState:
        """See `AggregateRoot.evolve`. No program of ours begins a stream with anything but a
        registration; what happened is shown all the same."""
        return event.apply(BLANK if state is None else state)

    def carry_out(self, command: Command, now: datetime) -> None:
        """See `AggregateRoot.carry_out`. Raises AlreadyRegistered, ForbiddenByState, and what the
        command's decision raises."""
        declared = BY_COMMAND[type(command)]
        if declared.registers and self.state is not None:
            raise AlreadyRegistered(self.id)
        state = BLANK if self.state is None else self.state
        # What has come into effect by now is recorded first, if anything is recorded at all.
        begun = tuple(taking_effect(state, state.today(now))) if state.scheduled else ()
        for event in begun:
            state = event.apply(state)
        events = tuple(command.decide(state, now))
        done_already = not events and state.state == declared.leads_to
        if not (declared.registers or done_already or state.state in declared.states):
            raise ForbiddenByState(state.state, POSSIBLE[state.state], state.merged_into)
        for event in (*begun, *events) if events else ():
            self.record(event)
