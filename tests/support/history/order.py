"""How far the order of the feed is from the order in which clients acted. No promise is broken by
that: between carriers the feed's order is not that of time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tests.support.history.carrier import NOBODY, Carrier, after
from tests.support.history.records import Event, History


@dataclass(frozen=True, slots=True)
class FeedOrder:
    """Of `commands` that were acknowledged, `behind` stand in the feed behind one that was sent
    only after they were acknowledged, at most `seconds` after. Of `takings` of an e-mail address
    `early` stand before the event by which another carrier gave it up."""

    commands: int
    behind: int
    seconds: float
    takings: int
    early: int

    def __add__(self, other: FeedOrder) -> FeedOrder:
        return FeedOrder(
            self.commands + other.commands,
            self.behind + other.behind,
            max(self.seconds, other.seconds),
            self.takings + other.takings,
            self.early + other.early,
        )

    def __str__(self) -> str:
        return (
            f"{self.behind / max(1, self.commands):.1%} of {self.commands} commands stand behind"
            f" one that was sent only after they were acknowledged, {self.seconds:.2f} s at most;"
            f" {self.early} of {self.takings} addresses are taken before they are given up"
        )


NO_ORDER = FeedOrder(0, 0, 0.0, 0, 0)


def feed_order(*histories: History) -> FeedOrder:
    """The measure of some runs."""
    return sum(map(_of_run, histories), NO_ORDER)


def _of_run(history: History) -> FeedOrder:
    feed = {event.position: event for page in history.pages for event in page.events}
    positions: dict[str, int] = {}
    for position in sorted(feed):
        positions.setdefault(feed[position].command, position)
    in_feed = [command for command in history.commands if command.id in positions]
    sent = sorted((command.first.begin, positions[command.id]) for command in in_feed)
    acknowledged = [
        (command.done.end, positions[command.id]) for command in in_feed if command.done is not None
    ]
    distances = list(_distances(sent, acknowledged))
    takings = list(_takings([feed[position] for position in sorted(feed)]))
    worst = max(distances, default=0.0)
    return FeedOrder(len(acknowledged), len(distances), worst, len(takings), sum(takings))


def _takings(feed: Sequence[Event]) -> Iterator[bool]:
    """Of each event that takes an address, whether by the feed so far another carrier has it."""
    carriers: dict[str, Carrier] = {}
    owners: dict[str, str] = {}
    for event in feed:
        before = carriers.get(event.carrier, NOBODY)
        now = carriers[event.carrier] = after(before, event)
        if before.address == now.address:
            continue
        if owners.get(before.address) == event.carrier:
            del owners[before.address]
        if now.address:
            yield now.address in owners
            owners[now.address] = event.carrier


def _distances(
    sent: list[tuple[float, int]], acknowledged: list[tuple[float, int]]
) -> Iterator[float]:
    """Of each command that was overtaken, the seconds between its acknowledgement and the last of
    those that were sent later and stand before it."""
    moments = [begin for begin, _ in sent]
    # Of all that were sent from a moment on, the first position.
    firsts = list(accumulate((position for _, position in reversed(sent)), min))[::-1]
    for end, position in acknowledged:
        later = bisect_right(moments, end)
        if later < len(sent) and firsts[later] < position:
            yield max(begin for begin, other in sent[later:] if other < position) - end
