"""Where two people have to agree: changes that wait for a second person, and who that can be.
Imports only the domain.

Who recorded an event is not in the event but beside it. A command that depends on it is given a
Reviewer before it is decided on, and one that the policy can make wait is given the names of the
fields that do; both by the handler, as neither is anything that a caller could say.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.approval import SUBJECT
from app.domain.command import CarrierEvent, ChangeCarrier
from app.domain.errors import SecondPersonNeeded
from app.domain.proposals import CONFIRMED, Proposal, is_new
from app.domain.state import BLANK, CarrierState
from app.domain.taking_effect import CarrierScheduledChangeTookEffect, taking_effect

Past = Sequence[tuple[CarrierEvent, str | None]]
"""All events of a carrier, oldest first, each with its actor, if that is known."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who asks, and what others did before. `actor` is None where nobody is asked for a key, so
    that people cannot be told apart."""

    actor: str | None = None
    past: Past = ()


@dataclass(frozen=True, slots=True)
class Review(ChangeCarrier):
    """A command of somebody who must not be the one whose work is looked at."""

    reviewer: Reviewer = field(default=Reviewer(), kw_only=True)


@dataclass(frozen=True, slots=True)
class GuardedChange(ChangeCarrier):
    """A command that changes fields. `guarded` are those that wait for a second person."""

    guarded: frozenset[str] = field(default=frozenset(), kw_only=True)


@dataclass(frozen=True, slots=True)
class CarrierChangeProposed(CarrierEvent):
    """Somebody asked for a change that waits for a second person; the carrier is as it was.
    `changes` maps fields to what they are to be, as JSON."""

    proposal_id: int
    changes: Mapping[str, Any]

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        proposal = Proposal(self.proposal_id, self.changes)
        return replace(state, proposals={**state.proposals, proposal.number: proposal})


def proposed(state: CarrierState, changes: Mapping[str, Any]) -> Iterator[CarrierChangeProposed]:
    """The event of a change that has to wait; none if the same one waits already."""
    if is_new(state.proposals, changes):
        yield CarrierChangeProposed(max(state.proposals, default=0) + 1, changes)


def refuse_author(reviewer: Reviewer, authors: Collection[str], what: str) -> None:
    """Raises SecondPersonNeeded if the reviewer is one of the authors of `what`, or nobody knows
    who the reviewer is."""
    if reviewer.actor is None:
        raise SecondPersonNeeded(
            f"Nobody can tell who asks, so nobody can be a second person {what}; create API keys,"
            " one for each person, and send one"
        )
    if reviewer.actor in authors:
        raise SecondPersonNeeded(f"You cannot be the second person {what}; somebody else has to be")


def authors_of_subject(past: Past, day: str) -> frozenset[str]:
    """Who registered the carrier, and who set each approved field as it is on that day: for a
    change that was confirmed, both who proposed and who confirmed it; for one that was scheduled,
    who scheduled it."""
    authors: dict[str, set[str | None]] = defaultdict(set)
    proposers: dict[int, str | None] = {}
    schedulers: dict[int, str | None] = {}
    state = BLANK
    for event, actor in _through(past, day):
        before, state = state, event.apply(state)
        author = actor
        if isinstance(event, CarrierScheduledChangeTookEffect):
            author = schedulers.get(event.change_id)
        was, became = before.as_json(), state.as_json()
        for name in SUBJECT:
            if was[name] != became[name]:
                authors[name] = {author}
        for number in state.scheduled:
            schedulers.setdefault(number, actor)
        for number, proposal in state.proposals.items():
            proposers.setdefault(number, actor)
            if proposal.standing == CONFIRMED and proposal != before.proposals.get(number):
                for name in proposal.changes:
                    authors[name].add(proposers[number])
    found = {actor for _, actor in past[:1]}.union(*(authors[name] for name in SUBJECT))
    return frozenset(actor for actor in found if actor is not None)


def _through(past: Past, day: str) -> Iterator[tuple[CarrierEvent, str | None]]:
    """What happened, and the scheduled changes that are in effect on that day beside."""
    state = BLANK
    for event, actor in past:
        state = event.apply(state)
        yield event, actor
    yield from ((event, None) for event in taking_effect(state, day))


def author_of_proposal(past: Past, number: int) -> frozenset[str]:
    """Who proposed the change, if that is known."""
    return frozenset(
        actor
        for event, actor in past
        if isinstance(event, CarrierChangeProposed)
        and event.proposal_id == number
        and actor is not None
    )
