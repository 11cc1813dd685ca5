"""Where in the feed the events of a period are: by the first and the last moment of each ten
thousand positions, which stay what they are once all of these are given."""

from collections.abc import Callable
from datetime import datetime

from app.application.deadline import Deadline
from app.application.ports.feed import Feed, FeedStanding, Period

SPAN = 10_000
"""How many positions a span has."""


class Spans:
    """The periods of a feed's spans, each read once by a process: some hundred bytes for ten
    thousand events. Threads can share it."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._known: tuple[str, dict[int, Period | None]] = ("", {})

    def skipped(
        self,
        after: int,
        now: FeedStanding,
        overlaps: Callable[[datetime, datetime], bool],
        deadline: Callable[[], Deadline],
    ) -> int:
        """The position after which to read on behind `after`: spans without an event in the period
        that is looked for are passed over. Raises StoreUnavailable."""
        while not after % SPAN and after + SPAN <= now.head:
            period = self._period(after, now.feed, deadline)
            if period is not None and overlaps(*period):
                break
            after += SPAN
        return after

    def _period(self, after: int, feed: str, deadline: Callable[[], Deadline]) -> Period | None:
        # In one piece: who still reads the former feed must not write into what is known of this.
        if self._known[0] != feed:
            self._known = (feed, {})
        _, known = self._known
        if after not in known:
            known[after] = self._feed.period(after, after + SPAN, deadline())
        return known[after]
