"""`prefer`: a carrier is asked first for work of some kind, on some days."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.blocks import Instruction, added, check_work, is_new, next_number
from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierPreferred(CarrierEvent):
    """The carrier is asked first for work that matches, from the first day to the last."""

    preference_id: int
    country: str | None
    service: str | None
    customer: str | None
    valid_from: str
    valid_to: str | None
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, preferences=added(state.preferences, self.instruction()))

    def instruction(self) -> Instruction:
        """The preference that stands now."""
        return Instruction(
            self.preference_id,
            self.country,
            self.service,
            self.customer,
            self.valid_from,
            self.valid_to,
            self.reason,
        )


@dataclass(frozen=True, slots=True)
class PreferCarrier(ChangeCarrier):
    """The work that a carrier is to be asked for first, and on which days. At least one of
    service, country and customer; work has to match all that are given."""

    valid_from: inputs.FromDay
    reason: inputs.Reason
    country: inputs.WorkCountry = None
    service: inputs.WorkService = None
    customer: inputs.WorkCustomer = None
    valid_to: inputs.ToDay = None

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. A preference that stands already, with the same words, is not given
        again."""
        given = CarrierPreferred(
            preference_id=next_number(state.preferences),
            country=self.country,
            service=self.service,
            customer=self.customer,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            reason=self.reason.text,
        )
        check_work(given.instruction(), "preference")
        if is_new(state.preferences, given.instruction(), "preference"):
            yield given


DECLARATION = Declaration(
    "prefer",
    PreferCarrier,
    (CarrierPreferred,),
    (ACTIVE, SUSPENDED),
    details="Work has to match all of --country, --service and --customer that are given; at least"
    " one is needed. `carriers blocks` shows preferences with their ids.",
    any_of=("service", "country", "customer"),
    group=OVERSIGHT,
)
