"""Deletes what nobody needs any longer of the intent logs: their full partitions once every intent
in them is done, and closed logs. Used by the sequencer, after its commits; not urgent."""

from uuid import UUID

from app.application.deadline import Deadline
from app.infrastructure.cassandra.append.intent_log import REGISTRY, bucket_of
from app.infrastructure.cassandra.feed.activity import Logs
from app.infrastructure.cassandra.feed.draft import FeedState
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    drop_intent_log="DELETE FROM lanes WHERE registry = ? AND lane = ? IF EXISTS",
    drop_intents="DELETE FROM records WHERE lane = ? AND bucket = ?",
)


class IntentCleanup:
    """For one thread. Raises what `Requests` raises."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._spent: set[tuple[UUID, int]] = set()

    def took_over(self, state: FeedState) -> None:
        """Another process brought the feed here, and may have died before it deleted the partition
        before the one that each cursor is in."""
        self._spent |= {(log, bucket_of(seq + 1) - 1) for log, seq in state.cursors.items()}

    def moved_on(self, base: FeedState, state: FeedState) -> None:
        """The feed went from one state to the other; cursors may have left partitions behind."""
        for log, cursor in state.cursors.items():
            begin = bucket_of(base.cursors.get(log, 0) + 1)
            self._spent |= {(log, bucket) for bucket in range(begin, bucket_of(cursor + 1))}

    def run(self, state: FeedState, logs: Logs, deadline: Deadline) -> None:
        """Delete what `state` no longer needs, of the logs that the registry had."""
        needed = {(intent.log, intent.bucket) for intent in state.open}
        for spent in self._spent - needed:
            self._drop_bucket(*spent, deadline)
            self._spent.discard(spent)
        with_open = {intent.log for intent in state.open}
        for log, row in logs.items():
            closed = row["closed"]
            if closed is None or log in with_open or state.cursors.get(log, 0) < closed:
                continue
            # Struck off last: as long as it is in the registry somebody cleans up behind it.
            self._drop_bucket(log, bucket_of(closed), deadline)
            self._requests.write(deadline, "drop_intent_log", REGISTRY, log)

    def _drop_bucket(self, log: UUID, bucket: int, deadline: Deadline) -> None:
        self._requests.execute(self._requests.bind(deadline, "drop_intents", log, bucket), deadline)
