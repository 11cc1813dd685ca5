"""Gives readings of the feed their spans, and does nothing else: used only while there are traces.
Requests to Cassandra have spans of their own, below these."""

from app.application.deadline import Deadline
from app.application.ports.feed import Feed, FeedEvent, FeedStanding, Period
from app.application.ports.tracing import Tracer


class TracedFeed:
    """Implements `ports.feed.Feed` by the feed that it wraps, with a span for each call. The
    position that a reader asks for is in none: clients have sent it."""

    def __init__(self, feed: Feed, tracer: Tracer) -> None:
        self._feed = feed
        self._tracer = tracer

    def read(self, after: int, limit: int, deadline: Deadline) -> list[FeedEvent]:
        """See `ports.feed.Feed`."""
        with self._tracer.step("feed read") as span:
            found = self._feed.read(after, limit, deadline)
            span.note({"outcome": "read", "events": len(found)})
            return found

    def head(self, deadline: Deadline) -> int:
        """See `ports.feed.Feed`."""
        with self._tracer.step("feed head"):
            return self._feed.head(deadline)

    def period(self, after: int, through: int, deadline: Deadline) -> Period | None:
        """See `ports.feed.Feed`."""
        with self._tracer.step("feed period"):
            return self._feed.period(after, through, deadline)

    def identity(self, deadline: Deadline) -> str:
        """See `ports.feed.Feed`."""
        with self._tracer.step("feed identity"):
            return self._feed.identity(deadline)

    def standing(self, deadline: Deadline) -> FeedStanding:
        """See `ports.feed.Feed`."""
        with self._tracer.step("feed standing") as span:
            now = self._feed.standing(deadline)
            span.note({"feed.head": now.head})
            return now

    def renew(self, deadline: Deadline) -> str:
        """See `ports.feed.Feed`."""
        with self._tracer.step("feed renew"):
            return self._feed.renew(deadline)
