"""Beside the way of the data: which worker accepts a connection, so that each gets its share.

All workers watch the same listening socket. The kernel wakes every one of them for a connection,
and whichever is first would take it, and the next ones too: sixteen connections of a proxy's pool
could all end on one worker. So each worker publishes how many connections it has, in memory that
the master makes before it forks, and one that has more than another leaves the next connection to
the other.

It does not leave it for long, and not to a worker that takes no turn of its event loop: that one is
paused, and is not waited for again until it takes one. A killed worker's count is withdrawn by the
master.
"""

import functools
import mmap
import time
from collections.abc import Callable, Mapping

PAUSE_SECONDS = 0.001
"""For how long a worker that gives way does not look at the listening socket: else the waiting
connection would wake it again at once, while the other needs the core."""

PATIENCE_SECONDS = 0.02
"""For how long a worker gives way before it accepts a connection all the same: the other may be
busy."""

STUCK_SECONDS = 0.2
"""A worker that takes no turn for so long, while a connection waits for it, is paused. A busy
machine keeps a worker from its core for less."""

_NONE_ACCEPTED = -1
_FIELDS = 2
_FIELD_BYTES = 8


@functools.cache
def of_this_server(slots: int) -> "OpenConnections":
    """The counts of the server whose master is this process: the same after a reload."""
    return OpenConnections(slots)


class OpenConnections:
    """How many connections each worker has, and how many turns its event loop has taken. Made by
    the process that forks the workers; a slot is written by the worker that has it."""

    def __init__(self, slots: int) -> None:
        memory = mmap.mmap(-1, slots * _FIELDS * _FIELD_BYTES)  # shared and anonymous
        # Each number is written in one piece: a reader sees the old one or the new.
        self._numbers = memoryview(memory).cast("q")
        self._slots = range(slots)
        for slot in self._slots:
            self.publish(slot, None)

    def publish(self, slot: int, connections: int | None) -> None:
        """Say how many connections the slot's worker has; None if it accepts none, as it is full,
        stopping, dead or not there yet."""
        self._numbers[_FIELDS * slot] = _NONE_ACCEPTED if connections is None else connections

    def turn(self, slot: int) -> None:
        """The worker's event loop begins another turn."""
        self._numbers[_FIELDS * slot + 1] += 1

    def with_fewer(self, than: int) -> dict[int, int]:
        """The slots of the workers that accept and have fewer connections, each with its turns."""
        numbers = self._numbers
        return {
            slot: numbers[_FIELDS * slot + 1]
            for slot in self._slots
            if _NONE_ACCEPTED < numbers[_FIELDS * slot] < than
        }


class AcceptBalance:
    """Whether one worker leaves a waiting connection to another. Used by its accepting thread."""

    def __init__(
        self,
        counts: OpenConnections,
        slot: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counts = counts
        self._slot = slot
        self._monotonic = monotonic
        self._since: float | None = None
        self._waited_for: dict[int, tuple[int, float]] = {}
        self.paused_until = 0.0
        """Until when the worker does not look at the listening socket, on the monotonic clock."""

    def begin_turn(self, connections: int | None) -> None:
        """The event loop begins another turn with so many connections; None if it accepts none."""
        self._counts.turn(self._slot)
        self.publish(connections)

    def publish(self, connections: int | None) -> None:
        """The worker has so many connections now; None if it accepts none."""
        self._counts.publish(self._slot, connections)

    def is_idle(self) -> None:
        """No connection waits any more."""
        self._since = None

    def gives_way(self, connections: int) -> bool:
        """Whether a worker with so many connections leaves the one that waits to another."""
        now = self._monotonic()
        if not self._is_any_able(self._counts.with_fewer(connections), now):
            self._since = None
            return False
        if self._since is None:
            self._since = now
        if now - self._since >= PATIENCE_SECONDS:
            self._since = None
            return False
        self.paused_until = now + PAUSE_SECONDS
        return True

    def _is_any_able(self, others: Mapping[int, int], now: float) -> bool:
        """Whether one of the others, given with their turns, has taken a turn since it was first
        waited for, or may still."""
        for slot, turns in others.items():
            if self._waited_for.get(slot, (None, 0.0))[0] != turns:
                self._waited_for[slot] = turns, now
        return any(now - self._waited_for[slot][1] < STUCK_SECONDS for slot in others)
