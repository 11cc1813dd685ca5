"""Gives a command what it has to know of people before it is decided on: who asks, who did what
before, and which changes wait for a second person. Sits between the handlers and the repositories.
"""

from collections.abc import Callable
from dataclasses import replace

from app.application.access.keys import ANONYMOUS
from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.repository import CarrierRepository
from app.domain.command import ChangeCarrier
from app.domain.second_person import GuardedChange, Review, Reviewer

GuardedFields = Callable[[Deadline], frozenset[str]]
"""The fields whose change waits for a second person, by the policy that holds."""


class SecondPerson:
    """What a decision on carriers rests on, beside the carrier itself. A command that rests on
    nothing of it costs nothing."""

    def __init__(self, carriers: CarrierRepository, guarded: GuardedFields) -> None:
        self._carriers = carriers
        self._guarded = guarded

    def prepared(
        self, command: ChangeCarrier, version: int, context: CommandContext
    ) -> ChangeCarrier:
        """The command, to be decided on a carrier at this version. Raises StoreUnavailable."""
        match command:
            case Review():
                authored = self._carriers.authored(command.carrier_id, version, context.deadline)
                past = [(event, _person(actor)) for event, actor in authored]
                return replace(command, reviewer=Reviewer(_person(context.actor), past))
            case GuardedChange():
                return replace(command, guarded=self._guarded(context.deadline))
        return command


def _person(actor: str | None) -> str | None:
    """Nobody in particular where no key was needed: all who need none share one name."""
    return None if actor == ANONYMOUS.name else actor
