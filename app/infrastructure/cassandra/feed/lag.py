"""How far the feed on Cassandra is behind the intent logs. Beside the way of the data: for
operators, whether or not any process sequences."""

import threading
import time
from collections.abc import Iterator
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.feed import FeedLag
from app.infrastructure.cassandra.append.intent_log import REGISTRY, bucket_of
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.feed.activity import LogActivity, Logs
from app.infrastructure.cassandra.feed.draft import FeedState
from app.infrastructure.cassandra.feed.reader import CassandraFeed
from app.infrastructure.cassandra.feed.state import FeedStates
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import Row
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    # Without the events: an intent is a few bytes here, however large they are.
    read_waiting=(
        "SELECT written, writetime(stream) AS prepared_at FROM records"
        " WHERE lane = ? AND bucket IN (?, ?) AND seq > ?"
    ),
    read_waiting_open=(
        "SELECT written, writetime(stream) AS prepared_at FROM records"
        " WHERE lane = ? AND bucket = ? AND seq = ?"
    ),
)

RECENT_SECONDS = 5.0
"""For so long a measurement is good: whoever asks more often gets it again."""

_MAX_OPEN = 200


class LagReader:
    """Measures the lag, one measurement at a time; several threads may ask.

    A measurement takes three plain reads of a row (head and state of the feed), one of the list of
    logs, and one of each log that had intents of late or of whose turn it is, all of these at once.
    They bring nothing while nothing waits; while the sequencer stands still, an outcome and a time
    of each intent: those of two partitions of each log at most, one to two thousand. So it costs
    about what a step of a sequencer does, which takes ten a second.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._states = FeedStates(requests, CassandraFeed(requests))
        self._activity = LogActivity()
        self._behind: set[UUID] = set()
        self._measuring = threading.Lock()
        self._known: tuple[FeedLag, Deadline] | None = None

    def recent(self, deadline: Deadline) -> FeedLag:
        """The lag as it was RECENT_SECONDS ago at most. Raises StoreUnavailable."""
        with self._measuring:
            if self._known is None or self._known[1].expired:
                # From before the measurement on: the answer may be as old as that.
                known_until = Deadline.after(RECENT_SECONDS)
                self._known = self._measure(deadline), known_until
            return self._known[0]

    def _measure(self, deadline: Deadline) -> FeedLag:
        try:
            # The state before the logs, as the sequencer does.
            state = self._states.glance(deadline)
            rows = self._requests.select_plain(deadline, "read_intent_logs", REGISTRY)
            logs = {row["lane"]: row for row in rows}
            waiting = [*self._ahead(state, logs, deadline), *self._open(state, deadline)]
        except RequestFailed as error:
            raise StoreUnavailable(f"cannot read the intent logs: {error.cause}") from error
        oldest = min(waiting, default=None)
        age = 0.0 if oldest is None else round(max(0.0, time.time() - oldest / 1_000_000), 3)
        return FeedLag(len(logs), len(waiting), age)

    def _ahead(self, state: FeedState, logs: Logs, deadline: Deadline) -> list[int]:
        """When each intent ahead of its log's cursor was written. A log that had one the last time
        is read again, whether or not it is its turn."""
        chosen = {*self._activity.choose(state, logs), *(self._behind & logs.keys())}
        cursors = [(log, state.cursors.get(log, 0)) for log in chosen]
        bind = self._requests.bind
        answers = self._requests.execute_all(
            (
                bind(deadline, "read_waiting", log, bucket, bucket + 1, cursor)
                for log, cursor in cursors
                for bucket in [bucket_of(cursor + 1)]
            ),
            deadline,
        )
        found = {
            log: list(_prepared(rows)) for (log, _), rows in zip(cursors, answers, strict=True)
        }
        self._behind = {log for log, times in found.items() if times}
        return [each for times in found.values() for each in times]

    def _open(self, state: FeedState, deadline: Deadline) -> Iterator[int]:
        """The same of intents that the cursors have passed."""
        bind = self._requests.bind
        answers = self._requests.execute_all(
            (
                bind(deadline, "read_waiting_open", each.log, each.bucket, each.seq)
                for each in sorted(state.open)[:_MAX_OPEN]
            ),
            deadline,
        )
        for rows in answers:
            yield from _prepared(rows)


def _prepared(rows: list[Row]) -> Iterator[int]:
    """When those that may have been appended were written, in microseconds, by the clocks of their
    writers. An intent that fills a hole has no stream, and was not appended."""
    for row in rows:
        if row["written"] is not False and row["prepared_at"] is not None:
            yield row["prepared_at"]
