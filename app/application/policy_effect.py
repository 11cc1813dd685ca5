"""What another policy would do: how many carriers would become or cease to be eligible, and why.

Read from the directory's view, page by page, so that any number of carriers needs the memory of one
page; judged by the rules that judge one carrier. Only active carriers are looked at: another one is
eligible for nothing, whatever the policy. Rows know nothing of blocks, overrides and changes that
wait: unless a policy looks at what only the stream says, carriers are judged as if there were none.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from app.application.deadline import Deadline
from app.application.directory.pages import Directory
from app.application.directory.query import CARRIERS, Query
from app.application.ports.codec import UnreadableEvent
from app.application.repository import CarrierRepository
from app.application.shown import AggregateNotFound
from app.domain.carrier import ACTIVE
from app.domain.eligibility import Facts, Work, facts_of, judge
from app.domain.policy.state import PolicyState
from app.domain.profile import PROFILE_PARTS, Profile
from app.domain.profile.coverage import WORLDWIDE
from app.domain.state import CarrierState

AT_ONCE = 200
"""How many carriers are read at a time."""

ANSWER_SECONDS = 1.0
"""Of the time that there is, so much is left when the looking ends: for the answer."""

Body = Mapping[str, Any]


@dataclass(slots=True)
class Group:
    """So many carriers, and of each rule for how many of them it is a reason: a carrier may have
    several."""

    carriers: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)

    def add(self, reasons: frozenset[str]) -> None:
        """Count a carrier, unless there is no reason."""
        if reasons:
            self.carriers += 1
            self.by_reason.update(reasons)


@dataclass(slots=True)
class Effect:
    """`become` and `cease` are the carriers that would be eligible for some work that they offer
    and are not now, or the other way round. `looked_at` carriers were judged as of the feed's
    `position` or later; unless it is `complete`, the time was over before all were."""

    position: int
    looked_at: int = 0
    complete: bool = False
    become: Group = field(default_factory=Group)
    cease: Group = field(default_factory=Group)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two policies, on a day."""

    before: PolicyState
    after: PolicyState
    on: date

    @property
    def needs_the_stream(self) -> bool:
        """Whether one of them looks at what no row says: which documents a carrier has, when its
        profile was changed, or whether it is approved."""
        return any(
            policy.requirements or policy.recent_within_days is not None or policy.approval_required
            for policy in (self.before, self.after)
        )

    @property
    def day(self) -> str:
        """The day, YYYY-MM-DD."""
        return self.on.isoformat()

    def countries(self) -> frozenset[str]:
        """Those that a requirement names: of all others one stands for the rest."""
        asked = (*self.before.requirements, *self.after.requirements)
        return frozenset(filter(None, (each.get("country") for each in asked)))

    def reasons(self, facts: Facts) -> tuple[frozenset[str], frozenset[str]]:
        """The rules because of which the carrier would become eligible for some work that it
        offers, and those because of which it would cease to be."""
        become: set[str] = set()
        cease: set[str] = set()
        for work in self._offered(facts.state):
            was, would_be = (
                {each.rule for each in judge(facts, work, policy) if not each.holds}
                for policy in (self.before, self.after)
            )
            if was and not would_be:
                become |= was
            elif would_be and not was:
                cease |= would_be
        return frozenset(become), frozenset(cease)

    def _offered(self, state: CarrierState) -> Iterator[Work]:
        decided = (*state.blocks.values(), *state.overrides.values())
        named = self.countries() | {each.country for each in decided if each.country}
        for coverage in state.profile.coverage:
            places = set(coverage["countries"])
            asked = named if WORLDWIDE in places else named & places
            rest = sorted(places - named)[:1]
            for country in (*sorted(asked), *rest):
                yield Work(country, coverage["service"], self.on)


def effect_of(
    comparison: Comparison, directory: Directory, carriers: CarrierRepository, deadline: Deadline
) -> Effect:
    """Compare the policies on all carriers. Raises ViewNotMade, TooManyListeners and
    StoreUnavailable."""
    standing = directory.standing(CARRIERS, deadline)
    found = Effect(standing.progress.checkpoint)
    give_up = Deadline(deadline.at - ANSWER_SECONDS)
    with directory.place():
        for body in _active(directory, comparison.day, deadline):
            if give_up.expired:
                return found
            with suppress(UnreadableEvent, AggregateNotFound):
                become, cease = comparison.reasons(_facts(comparison, body, carriers, deadline))
                found.become.add(become)
                found.cease.add(cease)
                found.looked_at += 1
    found.complete = True
    return found


def _active(directory: Directory, day: str, deadline: Deadline) -> Iterator[Body]:
    query: Query | None = Query(states=frozenset({ACTIVE}), on=day, limit=AT_ONCE)
    while query is not None:
        page = directory.page(query, deadline)
        yield from page.rows
        query = replace(query, cursor=page.next_cursor) if page.next_cursor else None


def _facts(
    comparison: Comparison, body: Body, carriers: CarrierRepository, deadline: Deadline
) -> Facts:
    """From the carrier's row, or where a row does not say enough, from its stream."""
    if comparison.needs_the_stream:
        events = carriers.dated_events(body["carrier_id"], deadline)
        moments = [each.at for each in events]
        return facts_of([each.event for each in events], moments, comparison.day)
    profile = Profile(**{part: body[part] for part in PROFILE_PARTS})
    return Facts(CarrierState(body["name"], body["email"], body["state"], profile=profile))
