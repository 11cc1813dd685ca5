"""The feed on Cassandra: partitions of ten thousand positions, filled one after the other.

Implements `feed.Feed`. `cassandra_sequencer` writes what is read here. A partition is full before
the next one begins, so a position tells its partition.
"""

from collections.abc import Callable

from app.application.deadline import Deadline
from app.application.feed import FeedEvent
from app.infrastructure.cassandra_retries import retrying
from app.infrastructure.cassandra_session import CassandraSession, Row
from app.infrastructure.cassandra_store import recorded

STATEMENTS = {
    "read_feed": (
        "SELECT position, stream, version, event_id, event_type, payload, metadata, created_at"
        " FROM feed WHERE bucket = ? AND position > ? LIMIT ?"
    ),
    "read_feed_head": "SELECT head FROM feed WHERE bucket = ? LIMIT 1",
}

BUCKET_POSITIONS = 10_000

_LAST_POSITION = 2**63 - 2  # so that the next one is a bigint too


def bucket_of(position: int) -> int:
    """The partition that holds this position."""
    return (position - 1) // BUCKET_POSITIONS


class CassandraFeed:
    """`attempt_seconds` bounds one try of one request."""

    def __init__(self, session: CassandraSession, attempt_seconds: float = 2.0) -> None:
        self._session = session
        self._attempt_seconds = attempt_seconds
        self._last_bucket = 0

    def read(self, after: int, limit: int, deadline: Deadline) -> list[FeedEvent]:
        """See `feed.Feed`. Stops at whatever is not there yet, and never skips it."""
        found: list[FeedEvent] = []
        after = min(after, _LAST_POSITION)
        while len(found) < limit:
            bucket = bucket_of(after + 1)
            rows = self._select(deadline, "read_feed", bucket, after, limit - len(found))
            for row in rows:
                if row["position"] != after + 1:
                    return found
                found.append(_fed(row))
                after += 1
            if not rows or bucket_of(after + 1) == bucket:
                break
        return found

    def head(self, deadline: Deadline) -> int:
        """See `feed.Feed`."""
        bucket = self.last_bucket(deadline)
        rows = self._select(deadline, "read_feed_head", bucket)
        return int(rows[0]["head"]) if rows else 0

    def last_bucket(self, deadline: Deadline) -> int:
        """The last partition that was begun; 0 if none was. Raises StoreUnavailable."""
        self._last_bucket = last_true(
            self._last_bucket,
            lambda bucket: bool(self._select(deadline, "read_feed_head", bucket)),
        )
        return self._last_bucket

    def _select(self, deadline: Deadline, name: str, *values: object) -> list[Row]:
        statement = self._session.prepared(name, deadline).bind(values)
        return retrying(
            deadline, lambda: self._session.execute(statement, deadline, self._attempt_seconds)
        )


def last_true(known: int, exists: Callable[[int], bool]) -> int:
    """The greatest number from `known` on for which it holds, if it holds for all before that; asks
    about twice the logarithm of how far that is. `known` itself is taken for granted."""
    step = 1
    while exists(known + step):
        known += step
        step *= 2
    while step > 1:
        step //= 2
        if exists(known + step):
            known += step
    return known


def _fed(row: Row) -> FeedEvent:
    return FeedEvent(row["position"], recorded(row["stream"], row))
