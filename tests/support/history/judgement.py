"""All promises, checked on one history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.support.history.feed import check_feed
from tests.support.history.freshness import check_freshness
from tests.support.history.once import check_acknowledged, check_refused
from tests.support.history.ownership import check_ownership
from tests.support.history.records import DONE, REFUSED, UNKNOWN, History
from tests.support.history.versions import check_versions
from tests.support.history.views import check_views

PROMISES: Mapping[str, Callable[[History], Iterator[str]]] = {
    "every acknowledged command is there once": check_acknowledged,
    "nothing that was refused was done": check_refused,
    "versions are linear for each carrier": check_versions,
    "no read is older than what was acknowledged before": check_freshness,
    "an address has one owner at a time": check_ownership,
    "the feed is dense, in order, complete and the same for all": check_feed,
    "views are what the events say": check_views,
}
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """A promise, and the sentences of where it was broken."""

    promise: str
    findings: list[str]

    def __str__(self) -> str:
        if not self.findings:
            return f"kept    {self.promise}"
        more = len(self.findings) - _SHOWN
        shown = [*self.findings[:_SHOWN], *([f"… and {more} more"] if more > 0 else [])]
        return "\n        ".join([f"BROKEN  {self.promise}", *shown])


def judged(history: History) -> list[Verdict]:
    """A verdict for each promise."""
    return [Verdict(promise, list(check(history))) for promise, check in PROMISES.items()]


def broken(history: History) -> list[Verdict]:
    """The verdicts of the promises that were not kept."""
    return [verdict for verdict in judged(history) if verdict.findings]


def described(*histories: History) -> str:
    """How much there was to judge, in all of them."""
    commands = [command for history in histories for command in history.commands]
    outcomes = [command.outcome for command in commands]
    again = sum(len(command.attempts) - 1 for command in commands)
    looks = sum(len(each.shown) + len(each.told) + len(each.listed) for each in histories)
    pages = sum(len(history.pages) for history in histories)
    return (
        f"{len(outcomes)} commands ({outcomes.count(DONE)} done, {outcomes.count(REFUSED)} refused,"
        f" {outcomes.count(UNKNOWN)} unknown in the end; {again} sent again), {looks} reads,"
        f" {pages} pages of the feed"
    )
