"""The one order of all events of all carriers, and how to wait for what comes next.

Read by subscribers (`api/feed.py`) and by projections. The port has one contract suite
(`tests/contracts/feed.py`) that each implementation passes.
"""

import enum
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from app.application.deadline import Deadline
from app.application.ports import RecordedEvent, StoreUnavailable


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event and its position in the feed. Positions are 1, 2, 3 … without a hole, and an event
    keeps the one it has. Within a stream they ascend with the version."""

    position: int
    event: RecordedEvent


class Feed(Protocol):
    """All events of all streams in one order. Every call ends by its deadline."""

    def read(self, after: int, limit: int, deadline: Deadline) -> list[FeedEvent]:
        """The events at positions after + 1, after + 2 …, as far as there are and at most `limit`.

        What one reader has seen every later reader sees, at the same position.
        Raises StoreUnavailable.
        """
        ...

    def head(self, deadline: Deadline) -> int:
        """The last position that was given; 0 if none was. Raises StoreUnavailable."""
        ...


class Round(enum.Enum):
    """What came of a sequencer's step."""

    WORKED = "worked"
    """Something was given its place; there may be more."""
    IDLE = "idle"
    """There is nothing to do."""
    STANDING_BY = "standing by"
    """Another process is at it."""


class Sequencer(Protocol):
    """Gives events their places in the feed, where appending them does not."""

    def step(self, deadline: Deadline) -> Round:
        """Place some of what was committed. Any number of processes may. Raises
        StoreUnavailable."""
        ...


class TooManyListeners(Exception):
    """As many as are allowed are waiting in this process already."""


class Places:
    """How many may make a thread wait at a time, or keep it busy for long."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold one of the places. Raises TooManyListeners."""
        if not self._free.acquire(blocking=False):
            raise TooManyListeners
        try:
            yield
        finally:
            self._free.release()


class Tail:
    """Where those who have read everything wait for more. One a process.

    While somebody waits, one thread asks the feed for its head; `stir` saves it the wait when an
    event was appended by this very process. At most `most_listeners` at a time.
    """

    def __init__(self, feed: Feed, most_listeners: int, poll_seconds: float) -> None:
        self._feed = feed
        self._places = Places(most_listeners)
        self._poll_seconds = poll_seconds
        self._changed = threading.Condition()
        self._stirred = threading.Event()
        self._waiting = 0
        self._head = 0
        self._watched = False
        self._closed = False

    def listener(self) -> AbstractContextManager[None]:
        """Hold one of the places. Raises TooManyListeners."""
        return self._places.taken()

    def wait(self, after: int, deadline: Deadline) -> bool:
        """Return True once there is an event after this position, False at the deadline or once
        the process is about to end."""
        with self._changed:
            self._waiting += 1
            self._watch()
            try:
                while self._head <= after and not self._closed and not deadline.expired:
                    self._changed.wait(deadline.remaining())
            finally:
                self._waiting -= 1
            return self._head > after

    def stir(self) -> None:
        """Something was appended: look now."""
        self._stirred.set()

    def close(self) -> None:
        """Let everybody go who waits, now and from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._stirred.set()

    @property
    def closed(self) -> bool:
        """Whether the process is about to end."""
        return self._closed

    def _watch(self) -> None:
        """Start the thread that looks, unless it is there. It ends when nobody waits any more."""
        if not self._watched and not self._closed:
            self._watched = True
            threading.Thread(target=self._look, name="feed-tail", daemon=True).start()

    def _look(self) -> None:
        while True:
            try:
                head = self._asked()
            except BaseException:
                self._watched = False  # a mistake of the feed's ends this thread, not the next one
                raise
            with self._changed:
                if head > self._head:
                    self._head = head
                    self._changed.notify_all()
                if not self._waiting or self._closed:
                    self._watched = False
                    return
            self._stirred.wait(self._poll_seconds)
            self._stirred.clear()

    def _asked(self) -> int:
        try:
            return self._feed.head(Deadline.after(1.0))
        except StoreUnavailable:
            return 0  # those who wait go on waiting; their next read tells them
