"""Beside the way of the data: the process that follows the feed, one of those that gunicorn's
master forks, replaces and stops.

The master knows one class of workers. So every worker can do either, and the master decides before
it forks one which it will be.
"""

import os
import select
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress

from app.bootstrap.services import following
from app.infrastructure import shared_wakes
from app.server import served
from app.server.worker import EnvelopeWorker

FROZEN_SECONDS = 8.0
"""A follower that gives no sign of life for so long is replaced. It handles no request, which could
take as long as its client's budget."""

_NOTIFY_SECONDS = 1.0


class RegistryWorker(EnvelopeWorker):
    """A worker that serves requests, or the follower, which keeps the views up, and on Cassandra
    the feed."""

    follows = False
    pause = 0.0
    """For how many seconds a follower waits before it begins."""
    generation: object = None
    """What the workers of one configuration share: a reload makes all of them anew."""

    def load_wsgi(self) -> None:
        """See `gunicorn.workers.base.Worker`. A follower serves no application."""
        if not self.follows:
            super().load_wsgi()

    def run(self) -> None:
        """See `gunicorn.workers.base.Worker`."""
        if self.follows:
            self._follow()
        else:
            super().run()

    def _follow(self) -> None:
        for listener in self.sockets:
            listener.close()  # the port closes with the last worker that serves
        self._stay(self.pause)
        if not self.alive:
            return
        with following(served.settings(), shared_wakes.of_this_server()):
            self.log.info("following the feed")
            while self.alive and self.is_parent_alive():
                self._stay(_NOTIFY_SECONDS)

    def _stay(self, seconds: float) -> None:
        """Be alive to the master for so long, or until a signal ends the worker."""
        until = time.monotonic() + seconds
        while self.alive and (left := until - time.monotonic()) > 0:
            self.notify()
            select.select([self.PIPE[0]], [], [], min(left, _NOTIFY_SECONDS))
            with suppress(BlockingIOError):
                os.read(self.PIPE[0], 4096)  # the numbers of signals, which their handlers have had


def is_follower_missing(
    worker: RegistryWorker, others: Collection[RegistryWorker], processes: int
) -> bool:
    """Whether a new worker, beside the others of its server, is to be the follower: the last of so
    many `processes`, as requests are served first. Workers of another configuration, which a reload
    ends, do not count."""
    beside = [each for each in others if each.generation is worker.generation]
    followers = sum(each.follows for each in beside)
    return not followers and len(beside) >= processes - 1


class Restarts:
    """Keeps a follower that ends again and again from taking a core: the first successor begins at
    once, the next ones after growing pauses."""

    LONGEST_SECONDS = 30.0
    FORGOTTEN_SECONDS = 300.0
    _AT_ONCE = 2

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._starts: deque[float] = deque(maxlen=16)

    def pause(self) -> float:
        """For how many seconds the follower that is started now waits before it begins."""
        now = self._monotonic()
        while self._starts and self._starts[0] < now - self.FORGOTTEN_SECONDS:
            self._starts.popleft()
        more = len(self._starts) - self._AT_ONCE
        self._starts.append(now)
        return 0.0 if more < 0 else min(2.0**more, self.LONGEST_SECONDS)
