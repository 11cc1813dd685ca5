"""The policy as an aggregate: there is always one, and each command replaces it as a whole. Imports
only the domain."""

from datetime import datetime

from app.domain.aggregate import AggregateRoot
from app.domain.policy.adopt import AdoptPolicy, PolicyEvent
from app.domain.policy.state import DEFAULT, PolicyState


class Policy(AggregateRoot[PolicyState, PolicyEvent]):
    """One in each registry, in the stream POLICY_ID. Without an event it is the default."""

    noun = "policy"

    @classmethod
    def initial(cls) -> PolicyState:
        """See `AggregateRoot`."""
        return DEFAULT

    @staticmethod
    def evolve(state: PolicyState | None, event: PolicyEvent) -> PolicyState:
        """See `AggregateRoot.evolve`."""
        return event.apply(DEFAULT if state is None else state)

    def carry_out(self, command: AdoptPolicy, now: datetime) -> None:
        """See `AggregateRoot.carry_out`."""
        assert self.state is not None, "there is always a policy"  # noqa: S101
        for event in command.decide(self.state, now):
            self.record(event)
