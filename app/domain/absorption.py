"""What two carriers keep of a merge: the merged one where it went, the surviving one what it took.
Imports only the domain.

E-mail addresses stay with the streams that have them. A merged carrier keeps its own, which nobody
else can have, and its survivor may use it, as it may use what that one had from carriers merged
before; so a merge takes and frees no address, and none can be lost between the two streams.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.values import comparable_email

ABSORBED, REFUSED, SEPARATED = "absorbed", "refused", "separated"


@dataclass(frozen=True, slots=True)
class Merge:
    """That a carrier is merged `into` another one, by its merge of this number; and the state that
    it was in. `is_released`: its address is free, as the survivor has left the registry."""

    number: int
    into: str
    state: str
    reason: str | None
    category: str | None
    is_released: bool = False


@dataclass(frozen=True, slots=True)
class Absorption:
    """What a survivor decided on a merge. `addresses` maps the addresses that it may use since, as
    they are compared, to the carriers that keep them; `before` are its own fields, as JSON, in
    whose place it took the other's. Both are empty unless it absorbed that carrier."""

    standing: str
    addresses: Mapping[str, str]
    before: Mapping[str, Any]


Absorptions = Mapping[tuple[str, int], Absorption]
"""By the merged carrier and the number of its merge. None is ever taken away."""


def inherited(absorptions: Absorptions) -> dict[str, str]:
    """The addresses that carriers keep for their survivor, with those carriers."""
    found: dict[str, str] = {}
    for each in _standing(absorptions):
        found.update(each.addresses)
    return found


def kept(absorptions: Absorptions) -> frozenset[str]:
    """The addresses that a survivor had before it took another carrier's. It keeps them, so that
    the merge can be taken back."""
    return frozenset(
        comparable_email(each.before["email"])
        for each in _standing(absorptions)
        if "email" in each.before
    )


def ended(absorptions: Absorptions, carrier: str, number: int, standing: str) -> Absorptions:
    """After a merge came to nothing or was taken back."""
    return {**absorptions, (carrier, number): Absorption(standing, {}, {})}


def released(merge: Merge | None) -> Merge | None:
    """After its address was freed."""
    return merge and replace(merge, is_released=True)


def _standing(absorptions: Absorptions) -> Iterator[Absorption]:
    return (each for each in absorptions.values() if each.standing == ABSORBED)
