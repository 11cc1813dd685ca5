"""Changes that wait for a second person. Imports only the domain.

A proposal changes nothing: the old values hold, and an e-mail address that is proposed is not taken
before the change is confirmed. Whoever could reserve addresses by proposing them could keep
others from theirs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.profile import compared

PENDING_MAX = 20
"""So many proposals of a carrier at most are pending."""

PENDING, CONFIRMED, DISCARDED = "pending", "confirmed", "discarded"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that was asked for: `changes` maps the carrier's fields to what they are to be, as
    JSON. `reason` is why it was confirmed or discarded."""

    number: int
    changes: Mapping[str, Any]
    standing: str = PENDING
    reason: str | None = None


Proposals = Mapping[int, Proposal]
"""A carrier's proposals by their numbers. None is ever taken away, so no number is given twice."""


def pending(proposals: Proposals) -> Iterator[Proposal]:
    """Those that wait."""
    return (each for each in proposals.values() if each.standing == PENDING)


def settled(proposals: Proposals, number: int, standing: str, reason: str) -> Proposals:
    """After this one was confirmed or discarded. A view may have left out how it was made."""
    if number not in proposals:
        return proposals
    settled = replace(proposals[number], standing=standing, reason=reason)
    return {**proposals, number: settled}


def is_new(proposals: Proposals, changes: Mapping[str, Any]) -> bool:
    """Whether no pending one says the same. Raises InvalidInput for one too many."""
    waiting = list(pending(proposals))
    if any(compared(dict(each.changes)) == compared(dict(changes)) for each in waiting):
        return False
    if len(waiting) >= PENDING_MAX:
        raise InvalidInput(
            next(iter(changes)),
            f"The carrier has {PENDING_MAX} changes that wait for a second person, which is the"
            " most; confirm or discard one",
        )
    return True


def is_pending(proposals: Proposals, number: int, standing: str, reason: str) -> bool:
    """Whether this one can be given that standing; not if it has it, for this very reason. Raises
    InvalidInput for a number that there is not, and for one that was settled otherwise."""
    field = "proposal_id"
    if number not in proposals:
        raise InvalidInput(field, "The proposal_id must be one of this carrier's proposals")
    found = proposals[number]
    if found.standing != PENDING and (found.standing, found.reason) != (standing, reason):
        raise InvalidInput(
            field, f"The proposal_id must be of one that is pending: it was {found.standing}"
        )
    return found.standing == PENDING
