"""`vet`: whether a carrier can be given a piece of work is asked, and the answer is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from app.domain import blocks, inputs
from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events, Input
from app.domain.profile.coverage import SERVICES, country
from app.domain.state import UNMERGED, CarrierState

_COUNTRY = Input(
    country, "Where, as ISO 3166 alpha-2.", "DE", "Where, such as DE.", "CODE", inputs.ALPHA_2
)
_DAY = inputs.calendar_day(
    "on",
    "The day of the work; today in the carrier's time zone (UTC without one), if not given.",
    "2026-12-01",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what it follows from. `on` is the day that was judged, YYYY-MM-DD;
    `rules` and `preferences` are the JSON that the API shows of a judgement; `position` is the last
    one that the feed `feed` had given by then."""

    on: str = ""
    eligible: bool = False
    rules: Sequence[Mapping[str, Any]] = ()
    preferences: Sequence[Mapping[str, Any]] = ()
    judged_version: int = 0
    policy_version: int = 0
    feed: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class CarrierVetted(CarrierEvent):
    """Somebody asked whether the carrier could be given the work, and this was the answer: see
    Finding. It is in the history alone: the carrier is as it was."""

    country: str
    service: str
    customer: str | None
    on: str
    eligible: bool
    rules: Sequence[Mapping[str, Any]]
    preferences: Sequence[Mapping[str, Any]]
    judged_version: int
    policy_version: int
    feed: str
    position: int

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return state


@dataclass(frozen=True, slots=True)
class VetCarrier(ChangeCarrier):
    """The work that a carrier may be given. The answer is the record of every rule's verdict, which
    is kept for ever."""

    country: Annotated[str, _COUNTRY]
    service: Annotated[str, inputs.choice("service", SERVICES, "What.", "Service")]
    customer: Annotated[
        str | None,
        inputs.line("customer", blocks.CUSTOMER_MAX_CHARACTERS, "For whom.", "ACME"),
    ] = None
    on: Annotated[str | None, _DAY] = None
    finding: Finding = field(default=Finding(), kw_only=True)
    """By the handler, as it follows from more than the carrier's state, and is no caller's to
    say."""

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. Each time it is asked is one of its own."""
        found = self.finding
        yield CarrierVetted(
            country=self.country,
            service=self.service,
            customer=self.customer,
            on=found.on,
            eligible=found.eligible,
            rules=found.rules,
            preferences=found.preferences,
            judged_version=found.judged_version,
            policy_version=found.policy_version,
            feed=found.feed,
            position=found.position,
        )


DECLARATION = Declaration(
    "vet",
    VetCarrier,
    (CarrierVetted,),
    UNMERGED,
    details="Each rule with its verdict, as `carriers eligibility` shows them; `carriers vetting`"
    " shows the record again.",
    records=True,
    group=OVERSIGHT,
)
