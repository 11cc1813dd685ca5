"""Wakes a server's follower from its workers, which are other processes.

A worker **rings** after an append, and when a query waits for a view. A bell is a pipe and a byte
of shared memory, made by the master before it forks: the byte says that the bell was rung and not
heard yet, so that a hundred appends in a row cost one write to the pipe. As with the notifier
(`notifying_store.py`) a wake is a hint: the follower looks at the feed by itself, too.
"""

import functools
import mmap
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress

GATHER_SECONDS = 0.05
"""For how long the follower gathers appends, so that it takes them in together; it does not while
somebody waits for one of them."""

_LOOK_SECONDS = 1.0
"""A worker may be killed between setting the byte and writing to the pipe. So the bytes are looked
at that often without a ring."""


@functools.cache
def of_this_server() -> "SharedWakes":
    """The bells of the server whose master is this process, or its parent: the same after a
    reload."""
    return SharedWakes()


class SharedWakes:
    """The two bells of a follower, made by the process that forks it and the workers."""

    def __init__(self) -> None:
        rung = mmap.mmap(-1, 2)  # shared and anonymous
        self._appended, self._wanted = _Bell(rung, 0), _Bell(rung, 1)

    def appended(self) -> None:
        """An event was appended: the follower may gather others first."""
        self._appended.ring()

    def wanted(self) -> None:
        """Somebody waits for the views: the follower begins a round at once."""
        self._wanted.ring()

    def listen(self, wake: Callable[[], None], closing: threading.Event) -> None:
        """Call `wake` when it is time for a round, until `closing` is set."""
        while not closing.is_set():
            _wait(_LOOK_SECONDS, self._appended, self._wanted)
            if self._appended.is_rung:
                _wait(GATHER_SECONDS, self._wanted)
            # Both are to be heard: what is rung from here on belongs to the next round.
            heard = [self._appended.hear(), self._wanted.hear()]
            if any(heard):
                wake()


class _Bell:
    def __init__(self, rung: mmap.mmap, number: int) -> None:
        self._rung = rung
        self._number = number
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)

    def fileno(self) -> int:
        """What becomes readable when the bell is rung."""
        return self._reading

    @property
    def is_rung(self) -> bool:
        """Whether the bell was rung and not heard yet."""
        return bool(self._rung[self._number])

    def ring(self) -> None:
        if not self.is_rung:
            self._rung[self._number] = 1
            with suppress(BlockingIOError):  # nobody has heard it for 64 KiB of rings
                os.write(self._writing, b"\0")

    def hear(self) -> bool:
        """Whether the bell was rung since it was last heard."""
        with suppress(BlockingIOError):
            os.read(self._reading, 4096)
        was_rung = self.is_rung
        if was_rung:  # else a ring that comes just now would be lost
            self._rung[self._number] = 0
        return was_rung


def _wait(seconds: float, *bells: _Bell) -> None:
    poll = select.poll()
    for bell in bells:
        poll.register(bell, select.POLLIN)
    poll.poll(seconds * 1000)
