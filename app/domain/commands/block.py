"""`block`: a carrier gets no work of some kind, on some days."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.blocks import Instruction, added, check_work, is_new, next_number
from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierBlocked(CarrierEvent):
    """The carrier gets no work that matches, from the first day to the last."""

    block_id: int
    country: str | None
    service: str | None
    customer: str | None
    valid_from: str
    valid_to: str | None
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, blocks=added(state.blocks, self.instruction()))

    def instruction(self) -> Instruction:
        """The block that stands now."""
        return Instruction(
            self.block_id,
            self.country,
            self.service,
            self.customer,
            self.valid_from,
            self.valid_to,
            self.reason,
        )


@dataclass(frozen=True, slots=True)
class BlockCarrier(ChangeCarrier):
    """The work that a carrier is not to be given, and on which days. At least one of
    service, country and customer; work has to match all that are given."""

    valid_from: inputs.FromDay
    reason: inputs.Reason
    country: inputs.WorkCountry = None
    service: inputs.WorkService = None
    customer: inputs.WorkCustomer = None
    valid_to: inputs.ToDay = None

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. A block that stands already, with the same words, is not given
        again."""
        given = CarrierBlocked(
            block_id=next_number(state.blocks),
            country=self.country,
            service=self.service,
            customer=self.customer,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            reason=self.reason.text,
        )
        check_work(given.instruction(), "block")
        if is_new(state.blocks, given.instruction(), "block"):
            yield given


DECLARATION = Declaration(
    "block",
    BlockCarrier,
    (CarrierBlocked,),
    (ACTIVE, SUSPENDED),
    details="Work has to match all of --country, --service and --customer that are given; at least"
    " one is needed. `carriers blocks` shows blocks with their ids.",
    any_of=("service", "country", "customer"),
    group=OVERSIGHT,
)
