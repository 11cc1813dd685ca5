"""`override-verdict`: a rule of eligibility holds because somebody says so, on some days."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.blocks import Instruction, added, is_new, next_number
from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierVerdictOverridden(CarrierEvent):
    """For work that matches, a rule holds from the first day to the last, whatever its verdict."""

    override_id: int
    rule: str
    country: str | None
    service: str | None
    customer: str | None
    valid_from: str
    valid_to: str
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, overrides=added(state.overrides, self.instruction()))

    def instruction(self) -> Instruction:
        """The override that stands now."""
        return Instruction(
            self.override_id,
            self.country,
            self.service,
            self.customer,
            self.valid_from,
            self.valid_to,
            self.reason,
            rule=self.rule,
        )


@dataclass(frozen=True, slots=True)
class OverrideVerdict(ChangeCarrier):
    """The rule whose verdict does not count, for which work, and on which days. Work has to match
    all of country, service and customer that are given; without any it is all work."""

    rule: inputs.OverridableRule
    valid_from: inputs.FromDay
    valid_to: inputs.LastDay
    reason: inputs.Reason
    country: inputs.WorkCountry = None
    service: inputs.WorkService = None
    customer: inputs.WorkCustomer = None

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. An override that stands already, with the same words, is not given
        again."""
        given = CarrierVerdictOverridden(
            override_id=next_number(state.overrides),
            rule=self.rule,
            country=self.country,
            service=self.service,
            customer=self.customer,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            reason=self.reason.text,
        )
        if is_new(state.overrides, given.instruction(), "override"):
            yield given


DECLARATION = Declaration(
    "override-verdict",
    OverrideVerdict,
    (CarrierVerdictOverridden,),
    (ACTIVE, SUSPENDED),
    details="Work has to match all of --country, --service and --customer that are given; without"
    " any it is all work. `carriers blocks` shows overrides with their ids.",
    group=OVERSIGHT,
)
