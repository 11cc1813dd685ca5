"""The steps of a merge that follow from a decision already made: no caller can send them. Imports
only the domain.

The survivor decides once on each merge: it absorbs the merged carrier, or refuses to. Each step
asks the state whether it was taken before, and then does nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.domain.absorption import (
    ABSORBED,
    REFUSED,
    SEPARATED,
    Absorption,
    ended,
    released,
)
from app.domain.command import OVERSIGHT, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.commands.unmerge import CarrierUnmerged
from app.domain.state import ACTIVE, GONE, MERGED, STATES, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierAbsorbed(CarrierEvent):
    """The carrier speaks for the `merged` one from now on, and has its fields in `taken`.
    `addresses` maps the e-mail addresses that it may use since to the carriers that keep them."""

    merged: str
    merge_id: int
    taken: Mapping[str, Any]
    addresses: Mapping[str, str]

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        fields = state.as_json()
        before = {name: fields[name] for name in self.taken if name in fields}
        absorption = Absorption(ABSORBED, self.addresses, before)
        absorptions = {**state.absorptions, (self.merged, self.merge_id): absorption}
        return replace(state.changed(self.taken), absorptions=absorptions)


@dataclass(frozen=True, slots=True)
class CarrierMergeRefused(CarrierEvent):
    """The carrier had left the registry, was merged itself, or had a change scheduled, before it
    could absorb the `merged` one: nothing comes of that merge."""

    merged: str
    merge_id: int

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        absorptions = ended(state.absorptions, self.merged, self.merge_id, REFUSED)
        return replace(state, absorptions=absorptions)


@dataclass(frozen=True, slots=True)
class CarrierSeparated(CarrierEvent):
    """A merge is taken back: the carrier does not speak for the `merged` one any longer, and has
    its own fields in `restored` back."""

    merged: str
    merge_id: int
    restored: Mapping[str, Any]
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        absorptions = ended(state.absorptions, self.merged, self.merge_id, SEPARATED)
        return replace(state.changed(self.restored), absorptions=absorptions)


@dataclass(frozen=True, slots=True)
class CarrierAddressReleased(CarrierEvent):
    """The survivor has left the registry: the e-mail address of the merged carrier is free."""

    survivor: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, merge=released(state.merge))


@dataclass(frozen=True, slots=True)
class OneMerge(ChangeCarrier):
    """A step of the merge of this number of the carrier `merged`."""

    merged: str
    merge_id: int


@dataclass(frozen=True, slots=True)
class AbsorbCarrier(OneMerge):
    """The survivor's decision on a merge."""

    taken: Mapping[str, Any]
    addresses: Mapping[str, str]

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. Decided once."""
        if (self.merged, self.merge_id) in state.absorptions:
            return
        if state.state not in GONE and not state.to_come(state.today(now)):
            yield CarrierAbsorbed(self.merged, self.merge_id, self.taken, self.addresses)
        else:
            yield CarrierMergeRefused(self.merged, self.merge_id)


@dataclass(frozen=True, slots=True)
class SeparateCarrier(OneMerge):
    """The survivor gives back what it took."""

    reason: str

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. That nothing else has happened to the survivor is the handler's to say, by
        the version that it expects."""
        found = state.absorptions.get((self.merged, self.merge_id))
        if found and found.standing == ABSORBED:
            yield CarrierSeparated(self.merged, self.merge_id, found.before, self.reason)


@dataclass(frozen=True, slots=True)
class RestoreCarrier(ChangeCarrier):
    """A carrier whose merge came to nothing is what it was."""

    merge_id: int
    reason: str

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        if state.merge and state.merge.number == self.merge_id:
            yield CarrierUnmerged(self.merge_id, self.reason)


@dataclass(frozen=True, slots=True)
class ReleaseAddress(ChangeCarrier):
    """A carrier whose survivor has left the registry gives its address back."""

    merge_id: int
    survivor: str

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`."""
        merge = state.merge
        if merge and merge.number == self.merge_id and not merge.is_released:
            yield CarrierAddressReleased(self.survivor)


def _step(
    name: str,
    command: type[ChangeCarrier],
    *events: type[CarrierEvent],
    states: tuple[str, ...] = STATES,
) -> Declaration:
    return Declaration(name, command, events, states, group=OVERSIGHT)


DECLARATIONS: tuple[Declaration, ...] = (
    _step("absorb", AbsorbCarrier, CarrierAbsorbed, CarrierMergeRefused),
    _step("separate", SeparateCarrier, CarrierSeparated, states=(ACTIVE, SUSPENDED)),
    _step("restore", RestoreCarrier, CarrierUnmerged),
    _step("release-address", ReleaseAddress, CarrierAddressReleased, states=(MERGED,)),
)
"""They have no address, no option and no form: the handlers of `merge` send them."""
