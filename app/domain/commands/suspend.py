"""`suspend`: a carrier gets no work until it is reinstated."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events, Input
from app.domain.inputs import Reason
from app.domain.state import ACTIVE, SUSPENDED, CarrierState
from app.domain.values import CATEGORIES, Category


@dataclass(frozen=True, slots=True)
class CarrierSuspended(CarrierEvent):
    """The carrier gets no work until it is reinstated."""

    reason: str
    category: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, state=SUSPENDED, reason=self.reason, category=self.category)


@dataclass(frozen=True, slots=True)
class SuspendCarrier(ChangeCarrier):
    """Why a carrier is suspended."""

    reason: Reason
    category: Annotated[
        Category,
        Input(
            Category,
            "What it is about.",
            "insurance",
            "What it is about, such as insurance.",
            keywords={"enum": list(CATEGORIES), "default": "other"},
        ),
    ] = Category()  # noqa: RUF009 - a frozen value

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. Another reason than that of the suspension would be a change."""
        suspended = CarrierSuspended(reason=self.reason.text, category=self.category.text)
        if suspended.apply(state) != state:
            yield suspended


DECLARATION = Declaration(
    "suspend", SuspendCarrier, (CarrierSuspended,), (ACTIVE,), leads_to=SUSPENDED, group=OVERSIGHT
)
