"""How far the feed on Cassandra is behind the intent logs. Beside the way of the data: for
operators."""

from typing import NamedTuple

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.feed.intents import IntentReader
from app.infrastructure.cassandra.feed.outcome import Outcome
from app.infrastructure.cassandra.feed.reader import CassandraFeed
from app.infrastructure.cassandra.feed.state import FeedStates
from app.infrastructure.cassandra.requests import Requests


class FeedLag(NamedTuple):
    """`intent_logs` counts the writers that are known, dead ones included; `waiting` the appends
    that have no position yet, a few hundred of each log at most."""

    intent_logs: int
    waiting: int


def feed_lag(requests: Requests, deadline: Deadline) -> FeedLag:
    """The lag as it is now. Raises StoreUnavailable."""
    reader = IntentReader(requests)
    try:
        # The state before the logs, as the sequencer does.
        state = FeedStates(requests, CassandraFeed(requests)).load(deadline)
        logs = reader.registry(deadline)
        reader.read(state, logs, deadline)
    except RequestFailed as error:
        raise StoreUnavailable(f"cannot read the intent logs: {error.cause}") from error
    waiting = [
        each
        for each in reader.seen.values()
        if each.events and each.outcome is not Outcome.NOT_APPENDED
    ]
    return FeedLag(len(logs), len(waiting))
