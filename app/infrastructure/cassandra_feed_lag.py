"""How far the feed on Cassandra is behind the lanes. Beside the way of the data: for operators."""

from typing import NamedTuple

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.infrastructure.cassandra_errors import RequestFailed
from app.infrastructure.cassandra_feed import CassandraFeed
from app.infrastructure.cassandra_feed_state import FeedStates
from app.infrastructure.cassandra_lane_reader import LaneReader
from app.infrastructure.cassandra_session import CassandraSession

_ATTEMPT_SECONDS = 2.0


class FeedLag(NamedTuple):
    """`lanes` are the writers that are known, dead ones included; `waiting` the records of appends
    that have no place in the feed yet. Of each lane a few hundred are counted at most."""

    lanes: int
    waiting: int


def feed_lag(session: CassandraSession, serial_consistency: int, deadline: Deadline) -> FeedLag:
    """As it is now. Raises StoreUnavailable."""
    feed = CassandraFeed(session, _ATTEMPT_SECONDS)
    reader = LaneReader(session, _ATTEMPT_SECONDS)
    try:
        # The state before the lanes, as the sequencer does.
        state = FeedStates(session, feed, serial_consistency, _ATTEMPT_SECONDS).load(deadline)
        lanes = reader.registry(deadline)
        reader.read(state, lanes, deadline)
    except RequestFailed as error:
        raise StoreUnavailable(f"cannot read the lanes: {error.cause}") from error
    waiting = [each for each in reader.seen.values() if each.events and each.written is not False]
    return FeedLag(len(lanes), len(waiting))
