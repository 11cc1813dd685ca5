"""What one can ask for. Imperative, built from valid values; dispatched by the CommandBus."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from app.application.deadline import Deadline
from app.domain.values import CarrierName, EmailAddress


@dataclass(frozen=True, slots=True)
class RegisterCarrier:
    """Enter a company in the registry."""

    name: CarrierName
    email: EmailAddress


Command = RegisterCarrier


@dataclass(frozen=True, slots=True)
class CommandContext:
    """Who asked, in which conversation, and how long they wait.

    `commit_id` names this one attempt to change something; all ids that come of it follow from
    it, so that the same attempt made twice is one.
    """

    commit_id: UUID
    correlation_id: str
    actor: str
    deadline: Deadline

    @property
    def new_carrier_id(self) -> str:
        """The id of the carrier that this commit registers."""
        return str(uuid5(self.commit_id, "carrier"))

    def event_id(self, index: int) -> UUID:
        """The id of the commit's event at `index`, counted from 0."""
        return uuid5(self.commit_id, str(index))
