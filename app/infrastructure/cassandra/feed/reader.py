"""The feed on Cassandra: partitions of ten thousand positions, filled one after the other.

Implements `ports.feed.Feed`. The sequencer writes what is read here. A partition is full before the
next one begins, so a position tells its partition.
"""

from collections.abc import Callable

from app.application.deadline import Deadline
from app.application.ports.feed import FeedEvent, FeedStanding, Period
from app.infrastructure.cassandra.feed.identity import CassandraFeedIdentity
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.retries import retrying
from app.infrastructure.cassandra.rows import moment_of, recorded
from app.infrastructure.cassandra.session import Row
from app.infrastructure.cassandra.statements import STATEMENTS
from app.infrastructure.feed_identity import RecentIdentity

STATEMENTS.register(
    read_feed=(
        "SELECT position, stream, version, event_id, event_type, payload, metadata, created_at"
        " FROM feed WHERE bucket = ? AND position > ? LIMIT ?"
    ),
    # The node reads the rows, and none travels. Those without a moment count in `events` alone.
    read_feed_period=(
        "SELECT min(created_at) AS earliest, max(created_at) AS latest, count(created_at) AS dated,"
        " count(position) AS events FROM feed WHERE bucket = ? AND position > ? AND position <= ?"
    ),
    read_feed_head="SELECT head FROM feed WHERE bucket = ? LIMIT 1",
)

BUCKET_POSITIONS = 10_000

_LAST_POSITION = 2**63 - 2  # so that the next one is a bigint too


def bucket_of(position: int) -> int:
    """The partition that holds this position."""
    return (position - 1) // BUCKET_POSITIONS


class CassandraFeed:
    """The feed's events are read plainly; its id is read SERIAL and written conditionally."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._last_bucket = 0
        self._identity = CassandraFeedIdentity(requests)
        self._recent = RecentIdentity(self._identity.read)

    def read(self, after: int, limit: int, deadline: Deadline) -> list[FeedEvent]:
        """See `ports.feed.Feed`. Stops before a position that is not there yet, and never skips
        one."""
        found: list[FeedEvent] = []
        after = min(after, _LAST_POSITION)
        while len(found) < limit:
            bucket = bucket_of(after + 1)
            rows = self._select(deadline, "read_feed", bucket, after, limit - len(found))
            for row in rows:
                if row["position"] != after + 1:
                    return found
                found.append(_feed_event(row))
                after += 1
            if not rows or bucket_of(after + 1) == bucket:
                break
        return found

    def head(self, deadline: Deadline) -> int:
        """See `ports.feed.Feed`."""
        bucket = self.last_bucket(deadline)
        rows = self._select(deadline, "read_feed_head", bucket)
        if not rows and bucket:
            # A restore has taken that partition away: look for the last one from the beginning.
            self._last_bucket = 0
            rows = self._select(deadline, "read_feed_head", self.last_bucket(deadline))
        return int(rows[0]["head"]) if rows else 0

    def period(self, after: int, through: int, deadline: Deadline) -> Period | None:
        """See `ports.feed.Feed`. Asks for one partition after the other."""
        found: list[Period] = []
        through = min(through, _LAST_POSITION)
        while after < through:
            bucket = bucket_of(after + 1)
            (row,) = self._select(deadline, "read_feed_period", bucket, after, through)
            if not row["events"]:
                break
            found.append(_period(row))
            after = (bucket + 1) * BUCKET_POSITIONS
        if not found:
            return None
        return Period(min(each.first for each in found), max(each.last for each in found))

    def identity(self, deadline: Deadline) -> str:
        """See `ports.feed.Feed`."""
        return self._recent.get(deadline)

    def standing(self, deadline: Deadline) -> FeedStanding:
        """See `ports.feed.Feed`. The id is a recent one: a SERIAL read is a round of Paxos."""
        return FeedStanding(self.identity(deadline), self.head(deadline))

    def renew(self, deadline: Deadline) -> str:
        """See `ports.feed.Feed`."""
        self._recent.forget()
        return self._identity.renew(deadline)

    def last_bucket(self, deadline: Deadline) -> int:
        """The last partition that was begun; 0 if none was. Raises StoreUnavailable."""
        self._last_bucket = last_true(
            self._last_bucket,
            lambda bucket: bool(self._select(deadline, "read_feed_head", bucket)),
        )
        return self._last_bucket

    def _select(self, deadline: Deadline, name: str, *values: object) -> list[Row]:
        return retrying(deadline, lambda: self._requests.select_plain(deadline, name, *values))


def last_true(known: int, exists: Callable[[int], bool]) -> int:
    """The greatest number from `known` on for which `exists` holds, if it holds for all numbers up
    to there; calls it about twice the logarithm of the distance. `known` is taken for granted."""
    step = 1
    while exists(known + step):
        known += step
        step *= 2
    while step > 1:
        step //= 2
        if exists(known + step):
            known += step
    return known


def _period(row: Row) -> Period:
    has_all = row["dated"] == row["events"]
    return Period(moment_of(row["earliest"] if has_all else None), moment_of(row["latest"]))


def _feed_event(row: Row) -> FeedEvent:
    return FeedEvent(row["position"], recorded(row["stream"], row))
