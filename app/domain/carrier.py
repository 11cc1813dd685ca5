"""The carrier: a company that carries goods, as an aggregate. Imports only the domain."""

from dataclasses import dataclass

from app.domain.aggregate import AggregateRoot
from app.domain.errors import AlreadyRegistered
from app.domain.events import CarrierEvent, CarrierRegistered
from app.domain.values import CarrierName, EmailAddress


@dataclass(frozen=True, slots=True)
class CarrierState:
    """What is known of a carrier after its events. Plain text: values that once were valid
    stay readable when a rule becomes stricter."""

    name: str
    email: str


class Carrier(AggregateRoot[CarrierState, CarrierEvent]):
    """Commands are methods: each looks at the state, then records events or raises."""

    @staticmethod
    def evolve(state: CarrierState | None, event: CarrierEvent) -> CarrierState:
        """See `AggregateRoot.evolve`."""
        return CarrierState(name=event.name, email=event.email)

    def register(self, name: CarrierName, email: EmailAddress) -> None:
        """Enter the carrier in the registry. Raises `AlreadyRegistered` the second time."""
        if self.state is not None:
            raise AlreadyRegistered(self.id)
        self.record(CarrierRegistered(name=name.text, email=email.text))
