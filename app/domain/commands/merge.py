"""`merge`: a carrier turns out to be another one that is registered as well."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any

from app.domain import inputs
from app.domain.absorption import Merge
from app.domain.command import OVERSIGHT, CarrierEvent, Declaration, Events
from app.domain.errors import InvalidInput, OtherForbids, SecondPersonNeeded
from app.domain.profile import compared
from app.domain.second_person import GuardedChange
from app.domain.state import ACTIVE, FIELDS, MERGED, RETIRED, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierMerged(CarrierEvent):
    """The carrier is one with the carrier `into`, its survivor, which speaks for it from now on and
    is to take the fields in `taken`, as they are here. `merge_id` counts the carrier's merges."""

    merge_id: int
    into: str
    taken: Mapping[str, Any]
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        merge = Merge(self.merge_id, self.into, state.state, state.reason, state.category)
        return replace(
            state,
            state=MERGED,
            reason=self.reason,
            category=None,
            merge=merge,
            merges=self.merge_id,
        )


@dataclass(frozen=True, slots=True)
class MergeCarrier(GuardedChange):
    """Which carrier a carrier is one with, and which of its fields that one takes. `into` stays in
    the registry; the other one is found under its own id still, and takes no commands."""

    into: Annotated[str, inputs.carrier_id("into", "The id of the carrier that stays.")]
    reason: inputs.Reason
    take: Annotated[
        tuple[str, ...],
        inputs.choices("take", FIELDS, "Fields in whose place it takes the other's."),
    ] = ()
    survivor: CarrierState | None = field(default=None, kw_only=True)

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. `survivor` is what the handler found under `into`."""
        if state.merge and state.merge.into == self.into:
            return
        fields = state.as_json()
        taken = {name: fields[name] for name in self.take}
        if not state.merge:
            self._check(taken, now)
        yield CarrierMerged(state.merges + 1, self.into, taken, self.reason.text)

    def _check(self, taken: Mapping[str, Any], now: datetime) -> None:
        if self.into == self.carrier_id:
            raise InvalidInput("into", "The into must not be the carrier itself")
        if self.survivor is None:
            raise InvalidInput("into", "There is no carrier with this id")
        if self.survivor.merge:
            raise OtherForbids(
                f"The carrier to merge into was merged itself, into {self.survivor.merge.into}:"
                " merge into that one"
            )
        if self.survivor.state == RETIRED:
            raise OtherForbids("The carrier to merge into is retired: merge into one that is not")
        # `unmerge` could not tell what took effect on a day after the merge from what was taken.
        if self.survivor.to_come(self.survivor.today(now)):
            raise OtherForbids(
                "The carrier to merge into has a change scheduled: cancel it, or merge after its"
                " day"
            )
        fields = self.survivor.as_json()
        changed = {name for name in taken if compared(taken[name]) != compared(fields[name])}
        if waiting := sorted(changed & self.guarded):
            raise SecondPersonNeeded(
                f"A change of {', '.join(waiting)} waits for a second person: merge without taking"
                " it, and change it after that"
            )


DECLARATION = Declaration(
    "merge",
    MergeCarrier,
    (CarrierMerged,),
    (ACTIVE, SUSPENDED),
    leads_to=MERGED,
    summary="Merge a carrier into another one that it turned out to be; that one can use its e-mail"
    " address, and nobody else can.",
    details="The other one stays. It can use the e-mail address of the merged one, and nobody else"
    " can.",
    group=OVERSIGHT,
)
