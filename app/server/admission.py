"""Beside the way of the data: whether a request may wait for a thread.

A request that finds a free thread always begins. One that would have to wait is refused at once if
its answer could not be expected in time: the requests ahead of it, divided by the threads and
multiplied by the time that a request has taken lately, say how long it would wait.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Protocol

MARGIN = 2.0
"""A request is let in if its answer is expected within its time divided by this: some requests take
longer than others."""

_WEIGHT = 1 / 8
"""How much of the expected time the request that ended last decides."""


class Timed(Protocol):
    """A request, all times in seconds of the monotonic clock."""

    deadline: float
    begun: float
    """When a thread took it; 0 until then."""
    ended: float
    is_held: bool
    """Whether it keeps its thread for long without working, as a listener does."""


class Admission:
    """The requests of a pool of threads, in the order of their arrival: each thread takes the first
    that waits. Used by one thread."""

    def __init__(self, threads: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._threads = threads
        self._monotonic = monotonic
        self._requests: dict[Timed, None] = {}
        self._usual_seconds = 0.0

    @property
    def waiting(self) -> int:
        """How many requests wait for a thread."""
        return max(0, len(self._requests) - self._threads)

    def admits(self, request: Timed) -> bool:
        """Whether the request may begin or wait."""
        if len(self._requests) < self._threads:
            return True
        left = request.deadline - self._monotonic()
        return self._expected_seconds(self.waiting) * MARGIN <= left

    def enter(self, request: Timed) -> None:
        """The request begins or waits."""
        self._requests[request] = None

    def leave(self, request: Timed) -> None:
        """The request has ended, or was given up before it began."""
        self._requests.pop(request, None)
        if request.ended and not request.is_held:
            taken = request.ended - request.begun
            self._usual_seconds += (taken - self._usual_seconds) * _WEIGHT

    def hopeless(self) -> Iterator[Timed]:
        """The waiting requests that have too little time left even if a thread took them now: those
        ahead of them took longer than it had seemed."""
        latest = self._monotonic() + self._expected_seconds(0)
        waiting = list(islice(self._requests, self._threads, None))
        return (each for each in waiting if each.deadline < latest)

    def _expected_seconds(self, ahead: int) -> float:
        """How long the answer to a request will take that has so many waiting ahead of it."""
        running = list(islice(self._requests, self._threads))
        at_work = [each for each in running if not each.is_held]
        working_threads = max(1, self._threads - len(running) + len(at_work))
        return (ahead / working_threads + 1) * max(self._usual_seconds, self._age(at_work) / 2)

    def _age(self, at_work: list[Timed]) -> float:
        """For how long half of the running requests have been at work: the only sign of a store
        that does not answer at all. A request that is at work has done half of it, on average."""
        now = self._monotonic()
        ages = [(each.ended or now) - each.begun if each.begun else 0.0 for each in at_work]
        return statistics.median(ages) if ages else 0.0
