"""Beside the way of the data: given(events).when(command).then(events | error), for carriers."""

from __future__ import annotations

from app.domain.carrier import Carrier
from app.domain.command import CarrierEvent, Command
from app.domain.errors import DomainError
from tests.support.commits import MOMENT

CARRIER_ID = "550e8400-e29b-41d4-a716-446655440000"


class Given:
    """A carrier to which some events have happened."""

    def __init__(self, events: tuple[CarrierEvent, ...]) -> None:
        self._events = events

    def when(self, command: Command) -> Outcome:
        """Let the carrier decide on a command."""
        carrier = Carrier.replay(CARRIER_ID, self._events)
        try:
            carrier.carry_out(command, MOMENT)
        except DomainError as error:
            return Outcome(carrier, error)
        return Outcome(carrier, None)


class Outcome:
    """What the carrier decided."""

    def __init__(self, carrier: Carrier, error: DomainError | None) -> None:
        self._carrier = carrier
        self._error = error

    def then(self, *expected: CarrierEvent | type[DomainError]) -> Carrier:
        """Check that exactly these events were recorded, or that the error was raised and none."""
        if self._error is not None:
            assert expected == (type(self._error),), f"raised {self._error!r}"
            assert self._carrier.recorded == ()
        else:
            assert self._carrier.recorded == expected
        return self._carrier


def given(*events: CarrierEvent) -> Given:
    """Begin a scenario with what has happened before, oldest first."""
    return Given(events)
