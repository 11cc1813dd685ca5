"""How workers wake a follower that is another process."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.infrastructure.shared_wakes import GATHER_SECONDS, SharedWakes
from tests.support.processes import wait_until


class Follower:
    """Notes when it is woken, on the monotonic clock."""

    def __init__(self, wakes: SharedWakes) -> None:
        self.woken: list[float] = []
        self._wakes = wakes

    @contextmanager
    def listening(self) -> Iterator[None]:
        """It listens while this lasts."""
        closing = threading.Event()
        thread = threading.Thread(target=self._wakes.listen, args=(self._note, closing))
        thread.start()
        try:
            yield
        finally:
            closing.set()
            self._wakes.wanted()
            thread.join(10)

    def _note(self) -> None:
        self.woken.append(time.monotonic())


def test_appends_are_gathered() -> None:
    """Many appends in a row, by another process, wake the follower once, after it has gathered."""
    wakes = SharedWakes()
    follower = Follower(wakes)
    with follower.listening():
        rung = time.monotonic()
        child = os.fork()
        if not child:
            for _ in range(1000):
                wakes.appended()
            os._exit(0)
        os.waitpid(child, 0)
        wait_until(lambda: follower.woken, 10, "a wake")
        assert follower.woken[0] - rung >= GATHER_SECONDS
        assert len(follower.woken) <= 1 + (time.monotonic() - rung) / GATHER_SECONDS


def test_who_waits_is_not_kept_waiting() -> None:
    """A query that waits for an event ends the gathering: many in a row take less time than as
    many times of gathering."""
    wakes = SharedWakes()
    follower = Follower(wakes)
    rounds = 40
    with follower.listening():
        begun = time.monotonic()
        for number in range(rounds):
            wakes.appended()
            wakes.wanted()
            wait_until(lambda: len(follower.woken) > number, 10, "a wake", 0.001)  # noqa: B023
        assert time.monotonic() - begun < rounds * GATHER_SECONDS


def test_no_append_is_missed_between_two_rounds() -> None:
    """What is rung after a wake wakes again, at whatever moment."""
    wakes = SharedWakes()
    follower = Follower(wakes)
    with follower.listening():
        for number in range(5):
            wakes.appended()
            wait_until(lambda: len(follower.woken) > number, 10, "a wake", 0.001)  # noqa: B023


def test_a_follower_that_comes_later_hears_what_was_rung_before() -> None:
    """The one before it was killed, and nothing rung meanwhile is lost; however much that is, no
    worker waits."""
    wakes = SharedWakes()
    for _ in range(100_000):
        wakes.appended()
        wakes.wanted()
    follower = Follower(wakes)
    with follower.listening():
        wait_until(lambda: follower.woken, 10, "a wake")


def test_a_worker_that_is_killed_while_it_rings_silences_nobody() -> None:
    """Its byte may be set and the pipe empty: the follower looks at the byte all the same."""
    wakes = SharedWakes()
    child = os.fork()
    if not child:
        wakes._appended._rung[0] = 1
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    follower = Follower(wakes)
    with follower.listening():
        wait_until(lambda: follower.woken, 10, "a wake")
        wakes.appended()
        wait_until(lambda: len(follower.woken) > 1, 10, "the next")
