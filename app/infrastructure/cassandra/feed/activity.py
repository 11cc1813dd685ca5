"""Which intent logs on Cassandra are worth a look now. Used by whoever reads them: `intents` and
`lag`."""

import time
from uuid import UUID

from app.infrastructure.cassandra.feed.draft import FeedState
from app.infrastructure.cassandra.session import Row

BUSY_SECONDS = 2.0
"""How long after its last intent a log is read at every step."""

RESTING_SECONDS = 60.0
"""How long after that a log is read soon: longer than QUIET_SECONDS, after which its writer says in
the registry that it begins again."""

_RESTING_AT_ONCE = 8
_QUIET_AT_ONCE = 1

Logs = dict[UUID, Row]
"""The registry: each log's id, and its row of `lanes`."""


class LogActivity:
    """Which logs had intents of late. One of a killed process is never closed, and read for ever:
    so the quiet ones take turns. For one thread."""

    def __init__(self) -> None:
        self._cursors: dict[UUID, int] = {}
        self._active_at: dict[UUID, float] = {}
        self._turn = 0

    def note(self, log: UUID) -> None:
        """The log has intents now."""
        self._active_at[log] = time.monotonic()

    def choose(self, state: FeedState, logs: Logs) -> list[UUID]:
        """The logs to read now: those with intents of late, those that say that they begin again or
        are closed, and some of the others in turn."""
        now = time.monotonic()
        busy: list[UUID] = []
        resting: list[UUID] = []
        quiet: list[UUID] = []
        self._active_at = {log: at for log, at in self._active_at.items() if log in logs}
        for log, row in logs.items():
            cursor = state.cursors.get(log, 0)
            # A log that is new to this process, or that others have read on, counts as busy.
            if self._cursors.get(log) != cursor:
                self._active_at[log] = now
            age = now - self._active_at[log]
            if row["stirred"] > cursor or row["closed"] is not None or age < BUSY_SECONDS:
                busy.append(log)
            else:
                (resting if age < RESTING_SECONDS else quiet).append(log)
        self._cursors = {log: state.cursors.get(log, 0) for log in logs}
        self._turn += 1
        return [
            *busy,
            *_in_turn(resting, self._turn, _RESTING_AT_ONCE),
            *_in_turn(quiet, self._turn, _QUIET_AT_ONCE),
        ]


def _in_turn(logs: list[UUID], turn: int, count: int) -> list[UUID]:
    """`count` of the logs, others in each turn."""
    begin = turn * count % max(1, len(logs))
    return (logs[begin:] + logs[:begin])[:count]
