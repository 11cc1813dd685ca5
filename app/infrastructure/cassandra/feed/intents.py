"""Reads what the intent logs on Cassandra hold that the feed does not have yet, each log in its own
order. Between `append/intent_log`, which writes the logs, and the sequencer.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from app.application.deadline import Deadline
from app.infrastructure.cassandra.append.intent_log import REGISTRY, IntentId, bucket_of
from app.infrastructure.cassandra.feed.activity import LogActivity, Logs
from app.infrastructure.cassandra.feed.draft import FeedRow, FeedState
from app.infrastructure.cassandra.feed.outcome import Intent, Outcome
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import Row
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    read_intent_logs="SELECT lane, stirred, closed FROM lanes WHERE registry = ?",
    read_intents=(
        "SELECT seq, stream, first, events, written FROM records"
        " WHERE lane = ? AND bucket = ? AND seq > ? LIMIT ?"
    ),
    read_intent=(
        "SELECT seq, stream, first, events, written FROM records"
        " WHERE lane = ? AND bucket = ? AND seq = ?"
    ),
)

INTENTS_AT_ONCE = 250

Fresh = dict[UUID, list[IntentId]]
"""Of each log the intents behind its cursor, without a hole."""


class IntentReader:
    """For one thread. `seen` has the intents that may get positions yet; whoever finds out more
    about one of them puts it in its place there. Raises what `Requests` raises."""

    def __init__(self, requests: Requests) -> None:
        self.seen: dict[IntentId, Intent] = {}
        self._requests = requests
        self._activity = LogActivity()

    def registry(self, deadline: Deadline) -> Logs:
        """The logs that are not struck off yet."""
        rows = self._requests.select_plain(deadline, "read_intent_logs", REGISTRY)
        return {row["lane"]: row for row in rows}

    def read(self, state: FeedState, logs: Logs, deadline: Deadline) -> Fresh:
        """The intents behind the cursor of each log, up to the first number that is missing; and
        what has become of the open ones."""
        self.seen = {
            each: intent
            for each, intent in self.seen.items()
            # Of a log that was struck off, open intents alone are wanted.
            if each in state.open
            or (each.log in logs and each.seq > state.cursors.get(each.log, 0))
        }
        fresh = self._read_fresh(state, self._activity.choose(state, logs), deadline)
        self._read_open(state, deadline)
        return fresh

    def _read_fresh(self, state: FeedState, logs: Sequence[UUID], deadline: Deadline) -> Fresh:
        cursors = [state.cursors.get(log, 0) for log in logs]
        bind = partial(self._requests.bind, deadline, "read_intents")
        answers = self._requests.execute_all(
            (
                bind(log, bucket_of(cursor + 1), cursor, INTENTS_AT_ONCE)
                for log, cursor in zip(logs, cursors, strict=True)
            ),
            deadline,
        )
        fresh: Fresh = {}
        for log, cursor, rows in zip(logs, cursors, answers, strict=True):
            dense = (row for seq, row in enumerate(rows, cursor + 1) if row["seq"] == seq)
            fresh[log] = [self._see(log, row) for row in dense]
            if fresh[log]:
                self._activity.note(log)
        return fresh

    def _read_open(self, state: FeedState, deadline: Deadline) -> None:
        """Read those that were not seen yet, or may have been acknowledged since."""
        now = time.monotonic()
        wanted = [
            each for each in state.open if each not in self.seen or self.seen[each].is_due(now)
        ]
        bind = partial(self._requests.bind, deadline, "read_intent")
        answers = self._requests.execute_all(
            (bind(each.log, each.bucket, each.seq) for each in wanted), deadline
        )
        for each, rows in zip(wanted, answers, strict=True):
            for row in rows:
                self._see(each.log, row)

    def _see(self, log: UUID, row: Row) -> IntentId:
        """Keep the intent, or what its writer has said of it since it was first seen."""
        key = IntentId(log, row["seq"])
        seen = self.seen.get(key)
        if seen is None:
            self.seen[key] = _intent(key, row)
        elif seen.outcome is Outcome.IN_DOUBT and row["written"] is not None:
            self.seen[key] = replace(seen, outcome=Outcome(row["written"]))
        return key


def _intent(key: IntentId, row: Row) -> Intent:
    events = [
        FeedRow(row["stream"], version, event_id, kind, payload, metadata, created_at)
        for version, (event_id, kind, payload, metadata, created_at) in enumerate(
            row["events"] or (), row["first"] or 0
        )
    ]
    return Intent(key, events, Outcome(row["written"]))
