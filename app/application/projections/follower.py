"""Keeps the views that readers are given up with the feed, and the feed up with the streams where
appending does not do that itself. One thread a process.

Whoever appends stirs it; otherwise it looks once in a while for what other processes appended.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import backoff

from app.application.deadline import Deadline
from app.application.feed import Round, Sequencer
from app.application.ports import StoreUnavailable
from app.application.projections.projector import Projector

log = logging.getLogger(__name__)

STEP_SECONDS = 10.0
"""What one step may take."""

IDLE_SECONDS = 1.0
"""So often the views are looked at when nothing says that there is more."""

_GATHER_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 5.0
_CLOSE_SECONDS = 5.0

Result = TypeVar("Result")


class Follower:
    """Steps each projection's live generation in turn until all hold what the feed holds, then
    waits `poll_seconds`.

    With a sequencer, that is asked first in every round. While another process is at it, that one
    is left to keep the views up as well; and as long as nothing new comes, the views are looked at
    only now and then.
    """

    def __init__(
        self,
        projectors: Sequence[Projector],
        sequencer: Sequencer | None = None,
        poll_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._projectors = projectors
        self._sequencer = sequencer
        self._poll_seconds = poll_seconds
        self._stirred = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._out = False
        self._more = True
        self._look_again = Deadline.after(0)
        self._failing = False
        self._pause = Deadline.after(0)
        self._pauses = _pauses()

    def start(self) -> None:
        """Begin to follow, in a thread of its own. After a fork, never before."""
        self._thread = threading.Thread(target=self._follow, name="projections", daemon=True)
        self._thread.start()

    def stir(self) -> None:
        """Something was appended: look soon."""
        self._stirred.set()

    def close(self) -> None:
        """End the thread, after the step that it is at."""
        self._closing.set()
        self._stirred.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)

    def _follow(self) -> None:
        pauses = _pauses()
        while not self._closing.is_set():
            # Before the round: who stirs during it may have come too late for it.
            self._stirred.clear()
            more = self._round()
            if more is None:
                self._closing.wait(backoff.full_jitter(next(pauses)))
                continue
            pauses = _pauses()
            if not self._failing:
                self._back()
            if not more and self._stirred.wait(self._poll_seconds):
                # So that one commit takes in what is appended together.
                self._closing.wait(_GATHER_SECONDS)

    def _round(self) -> bool | None:
        """Whether there is more to do; None if something failed."""
        placed: Round | None = None
        if self._sequencer is not None:
            placed = self._done(partial(self._sequencer.step, Deadline.after(STEP_SECONDS)))
            if placed is None:
                return None
            nothing_new = placed is Round.IDLE and not self._more
            if placed is Round.STANDING_BY or (nothing_new and not self._look_again.expired):
                return False
            if not self._pause.expired:
                return placed is Round.WORKED
        outcomes = [self._done(partial(_step, projector)) for projector in self._projectors]
        if None in outcomes:
            return self._failed(placed)
        self._failing = False
        self._pauses = _pauses()
        self._more = any(outcomes)
        self._look_again = Deadline.after(IDLE_SECONDS)
        return self._more or placed is Round.WORKED

    def _failed(self, placed: Round | None) -> bool | None:
        """A view could not be written. The feed goes on without it meanwhile."""
        if placed is None:
            return None
        self._failing = True
        self._pause = Deadline.after(backoff.full_jitter(next(self._pauses)))
        return placed is Round.WORKED

    def _done(self, work: Callable[[], Result]) -> Result | None:
        """What the work returns, or None if it failed. Nothing may end the thread."""
        try:
            return work()
        except StoreUnavailable as error:
            if not self._out:
                log.warning("the projections wait for the store: %s", error)
            self._out = True
        except Exception:
            log.exception("a projection cannot go on; it will be tried again")
        return None

    def _back(self) -> None:
        if self._out:
            log.info("the projections go on")
        self._out = False


def _step(projector: Projector) -> bool:
    """Whether there may be more. Asks for the live generation each time: it may have been
    swapped."""
    deadline = Deadline.after(STEP_SECONDS)
    return bool(projector.step(projector.live(deadline), deadline))


def _pauses() -> Iterator[float]:
    """Seconds, growing."""
    pauses = backoff.expo(factor=0.1, max_value=_LONGEST_PAUSE_SECONDS)
    next(pauses)  # what backoff's generators begin with
    return pauses
