"""Gives a command what it has to know of people before it is decided on: who asks, who did what
before, and which changes wait for a second person. Sits between the handlers and the repositories.
"""

from dataclasses import replace
from typing import Any

from app.application.access.keys import ANONYMOUS
from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.repository import CarrierRepository, PolicyRepository
from app.domain.command import Change
from app.domain.policy.adopt import POLICY_ID
from app.domain.second_person import GuardedChange, Review, Reviewer


class SecondPerson:
    """What a decision on carriers rests on, beside the carrier itself. A command that rests on
    nothing of it costs nothing."""

    def __init__(self, carriers: CarrierRepository, policies: PolicyRepository) -> None:
        self._carriers = carriers
        self._policies = policies

    def prepared(self, command: Any, version: int, context: CommandContext) -> Change:  # noqa: ANN401
        """The command, to be decided on a carrier at this version. Raises StoreUnavailable."""
        match command:
            case Review():
                known = self._carriers.with_origins(command.carrier_id, context.deadline, version)
                past = [(event, _person(origin.actor)) for event, origin in known]
                return replace(command, reviewer=Reviewer(_person(context.actor), past))
            case GuardedChange():
                return replace(command, guarded=self._guarded(context.deadline))
        changes: Change = command
        return changes

    def _guarded(self, deadline: Deadline) -> frozenset[str]:
        """The fields whose change waits for a second person, by the policy that holds."""
        policy = self._policies.load(POLICY_ID, deadline).state
        return frozenset(policy.second_person_for if policy else ())


def _person(actor: str | None) -> str | None:
    """Nobody in particular where no key was needed: all who need none share one name."""
    return None if actor == ANONYMOUS.name else actor
