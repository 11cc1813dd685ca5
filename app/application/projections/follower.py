"""Keeps the live views up to date with the feed, and on Cassandra the feed with the streams; builds
the views that this release lacks. One thread a process.

An append in the same process wakes the thread; otherwise it polls for events of other processes.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import backoff

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.feed import Sequencer, StepResult
from app.application.ports.tracing import NO_TRACING, Tracer
from app.application.ports.views import View
from app.application.projections.building import FirstBuild
from app.application.projections.projector import Projector

log = logging.getLogger(__name__)

STEP_SECONDS = 10.0
"""The time limit of one step."""

BUILD_SECONDS = 60.0
"""The time limit of one step of a view's first build."""

IDLE_SECONDS = 1.0
"""The pause between two polls of the views when there is nothing to do."""

_GATHER_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 5.0
_CLOSE_SECONDS = 5.0

Result = TypeVar("Result")


class FollowedView:
    """A projection's view as a follower updates it. If no generation is live, one is built; a live
    generation is updated only if the process `keeps_up` views."""

    def __init__(
        self, projector: Projector, *, keeps_up: bool, tracer: Tracer = NO_TRACING
    ) -> None:
        self._tracer = tracer
        self._projector = projector
        self._build = FirstBuild(projector)
        self._keeps_up = keeps_up
        self._last_seen: tuple[View, int] | None = None

    def step(self, *, standing_by: bool) -> bool:
        """Update the view; return whether there may be more to do. Reads the live generation each
        time, as it may have been swapped. Raises StoreUnavailable."""
        deadline = Deadline.after(STEP_SECONDS)
        view = self._projector.live(deadline)
        if view is None:
            return self._build.step(Deadline.after(BUILD_SECONDS))
        if not self._keeps_up or (standing_by and self._has_moved(view, deadline)):
            return False
        taken_in = self._projector.step(view, deadline, tracer=self._tracer)
        if standing_by:
            self._has_moved(view, deadline)
        return taken_in > 0

    def _has_moved(self, view: View, deadline: Deadline) -> bool:
        """Whether another process has moved the view's checkpoint since the last call. The process
        that sequences may be of another release, which updates only its own views."""
        seen = view, self._projector.views.progress(view, deadline).checkpoint
        last, self._last_seen = self._last_seen, seen
        return last != seen


class Follower:
    """Steps each view in turn until all hold the whole feed, then waits `poll_seconds`.

    A sequencer, if there is one, is stepped first in every round. While another process sequences,
    that process is left to update the views too, as long as their checkpoints move. While no new
    event comes, the views are polled only every `IDLE_SECONDS`.
    """

    def __init__(
        self,
        views: Sequence[FollowedView],
        sequencer: Sequencer | None = None,
        poll_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._views = views
        self._sequencer = sequencer
        self._poll_seconds = poll_seconds
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._store_is_out = False
        self._has_more = True
        self._next_poll = Deadline.after(0)
        self._failing = False
        self._pause = Deadline.after(0)
        self._pauses = _pauses()

    def start(self) -> None:
        """Start the follower's thread. Call it after the fork, never before."""
        self._thread = threading.Thread(target=self._follow, name="projections", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Begin a round soon, as this process has appended an event."""
        self._woken.set()

    def close(self) -> None:
        """End the thread after its current step."""
        self._closing.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)

    def _follow(self) -> None:
        pauses = _pauses()
        while not self._closing.is_set():
            # Before the round, as the round may miss an event that is appended during it.
            self._woken.clear()
            more = self._round()
            if more is None:
                self._closing.wait(backoff.full_jitter(next(pauses)))
                continue
            pauses = _pauses()
            if not self._failing:
                self._log_recovery()
            if not more and self._woken.wait(self._poll_seconds):
                # So that one commit holds events that are appended at about the same time.
                self._closing.wait(_GATHER_SECONDS)

    def _round(self) -> bool | None:
        """Whether there is more to do; None if a step failed."""
        sequenced: StepResult | None = None
        if self._sequencer is not None:
            sequenced = self._done(partial(self._sequencer.step, Deadline.after(STEP_SECONDS)))
            if sequenced is None:
                return None
            nothing_new = sequenced is not StepResult.WORKED and not self._has_more
            if nothing_new and not self._next_poll.expired:
                return False
            if not self._pause.expired:
                return sequenced is StepResult.WORKED
        standing_by = sequenced is StepResult.STANDING_BY
        outcomes = [self._done(partial(view.step, standing_by=standing_by)) for view in self._views]
        if None in outcomes:
            return self._failed(sequenced)
        self._failing = False
        self._pauses = _pauses()
        self._has_more = any(outcomes)
        self._next_poll = Deadline.after(IDLE_SECONDS)
        return self._has_more or sequenced is StepResult.WORKED

    def _failed(self, sequenced: StepResult | None) -> bool | None:
        """Pause the views, as one could not be written; the sequencer goes on meanwhile."""
        if sequenced is None:
            return None
        self._failing = True
        self._pause = Deadline.after(backoff.full_jitter(next(self._pauses)))
        return sequenced is StepResult.WORKED

    def _done(self, work: Callable[[], Result]) -> Result | None:
        """The result of `work`, or None if it failed. No error may end the thread."""
        try:
            return work()
        except StoreUnavailable as error:
            if not self._store_is_out:
                log.warning("the projections wait for the store: %s", error)
            self._store_is_out = True
        except Exception:
            log.exception("a projection cannot go on; it will be tried again")
        return None

    def _log_recovery(self) -> None:
        if self._store_is_out:
            log.info("the projections go on")
        self._store_is_out = False


def _pauses() -> Iterator[float]:
    """Pauses in seconds that grow up to a maximum."""
    pauses = backoff.expo(factor=0.1, max_value=_LONGEST_PAUSE_SECONDS)
    next(pauses)  # backoff's generators first give None
    return pauses
