"""What a second person decides: whether what a carrier says of itself is right, and whether a
change that waits is to happen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from tests.support.model import pools
from tests.support.model.carrier import (
    ANY,
    FORBIDDEN,
    INVALID,
    SUBJECT,
    THERE,
    Carrier,
    Choice,
    Decision,
    Model,
    Proposal,
    Refused,
    Sent,
    Step,
    after,
    needs,
)
from tests.support.model.themes.identity import confirmed


def approve(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """By nobody who registered the carrier or gave a field of what is approved its value."""
    needs(carrier, THERE)
    authors = {carrier.registrant}.union(*(carrier.authors[name] for name in SUBJECT))
    if sent.who in authors:
        raise Refused(FORBIDDEN)
    yield from _decided(carrier, sent, "CarrierApproved", granted=True)


def reject(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """By anybody."""
    needs(carrier, THERE)
    yield from _decided(carrier, sent, "CarrierRejected", granted=False)


def confirm(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """By nobody who proposed it, not even again. First the change happens, then its end."""
    proposal = _named(carrier, sent)
    if sent.who == proposal.author:
        raise Refused(FORBIDDEN)
    waits = _waits(proposal, sent, "confirmed")
    needs(carrier, THERE)
    if not waits:
        return
    for step in confirmed(carrier, sent, proposal):
        carrier = after(step)
        yield step
    yield _ended(carrier, sent, "confirmed", "CarrierChangeConfirmed")


def discard(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """By anybody, in every state."""
    waits = _waits(_named(carrier, sent), sent, "discarded")
    needs(carrier, ANY)
    if waits:
        yield _ended(carrier, sent, "discarded", "CarrierChangeDiscarded")


def _decided(carrier: Carrier, sent: Sent, kind: str, *, granted: bool) -> Iterator[Step]:
    """The same decision on the same things changes nothing."""
    decision = Decision(granted, sent.reason, carrier.subject)
    if decision != carrier.decision:
        yield Step(kind, sent.body, replace(carrier, decision=decision), ("approval",))


def _named(carrier: Carrier, sent: Sent) -> Proposal:
    number: int = sent.body["proposal_id"]
    if number > len(carrier.proposals):
        raise Refused(INVALID)
    return carrier.proposals[number - 1]


def _waits(proposal: Proposal, sent: Sent, end: str) -> bool:
    """False if it ended so, for that reason, already: that changes nothing."""
    if proposal.ended not in (None, (end, sent.reason)):
        raise Refused(INVALID)
    return proposal.ended is None


def _ended(carrier: Carrier, sent: Sent, end: str, kind: str) -> Step:
    number, proposals = sent.body["proposal_id"], list(carrier.proposals)
    proposals[number - 1] = replace(proposals[number - 1], ended=(end, sent.reason))
    return Step(kind, sent.body, replace(carrier, proposals=tuple(proposals)), ("proposals",))


def _reason(choice: Choice) -> dict[str, Any]:
    return {"reason": pools.reason(choice)}


def _which(choice: Choice) -> dict[str, Any]:
    """One that waits, mostly."""
    waiting = list(choice.carrier.pending)
    if waiting and choice.random.random() < 0.8:
        return {"proposal_id": choice.random.choice(waiting), **_reason(choice)}
    number = pools.number(choice, len(choice.carrier.proposals))
    return {"proposal_id": number, **_reason(choice)}


def _has_any(carrier: Carrier) -> bool:
    return bool(carrier.proposals)


COMMANDS: Final = {
    "approve": Model(approve, _reason, ("reason",), 8),
    "reject": Model(reject, _reason, ("reason",), 3),
    "confirm-change": Model(confirm, _which, ("proposal_id", "reason"), 12, _has_any),
    "discard-change": Model(discard, _which, ("proposal_id", "reason"), 6, _has_any),
}
