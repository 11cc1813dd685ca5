"""Keeps the live views up to date with the feed, and on Cassandra the feed with the streams; builds
the views that this release lacks.

Views and sequencer have a thread each, so that a view which is slow to write holds up no event.

    append ──wakes──▶ sequencer ──wakes──▶ views          (SQLite: append ──wakes──▶ views)

Besides, each thread polls for what other processes did. A third one finishes merges that are half
done, where that is asked for.
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
from app.application.unfinished_merges import UnfinishedMerges

log = logging.getLogger(__name__)

STEP_SECONDS = 10.0
"""The time limit of one step."""

BUILD_SECONDS = 60.0
"""The time limit of one step of a view's first build."""

IDLE_SECONDS = 1.0
"""The pause between two polls of the views when there is nothing to do."""

MERGES_SECONDS = 5.0
"""The pause between two looks for merges that are half done."""

GATHER_SECONDS = 0.01
"""The pause after a wake, so that one commit holds events that are appended at about that time."""

_LONGEST_PAUSE_SECONDS = 1.0
"""No longer than between two polls: a store that is back is noticed as soon as a new event."""
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
    """Steps each view in turn until all hold the whole feed, then looks every `IDLE_SECONDS`.

    A sequencer, if there is one, is stepped beside them, and every `poll_seconds`; each event that
    it gives a position is taken in at once. While another process sequences, that process is left
    to update the views too, as long as their checkpoints move.
    """

    def __init__(
        self,
        views: Sequence[FollowedView],
        sequencer: Sequencer | None = None,
        poll_seconds: float = IDLE_SECONDS,
        gather_seconds: float = GATHER_SECONDS,
        merges: UnfinishedMerges | None = None,
    ) -> None:
        """Whoever wakes it may have gathered events already: `gather_seconds` 0."""
        self._views = views
        self._standing_by = sequencer is not None  # until its first step has told
        if sequencer is None:
            self._updating = _Loop("projections", self._update, poll_seconds, gather_seconds)
            self._loops = [self._updating]
        else:
            # What the sequencer has committed at once is a batch already: nothing to gather.
            self._updating = _Loop("projections", self._update, IDLE_SECONDS, 0)
            sequence = partial(self._sequence, sequencer)
            sequencing = _Loop("sequencer", sequence, poll_seconds, gather_seconds)
            self._loops = [sequencing, self._updating]
        if merges is not None:
            finishing = _Loop("merges", lambda: finishing.attempt(merges.step), MERGES_SECONDS, 0)
            self._loops.append(finishing)

    def start(self) -> None:
        """Start the follower's threads. Call it after the fork, never before."""
        for loop in self._loops:
            loop.start()

    def wake(self) -> None:
        """Begin a round soon, as this process has appended an event."""
        self._loops[0].wake()

    def close(self) -> None:
        """End the threads after their current steps."""
        for loop in self._loops:
            loop.end()
        deadline = Deadline.after(_CLOSE_SECONDS)
        for loop in self._loops:
            loop.join(deadline)

    def _sequence(self, sequencer: Sequencer) -> bool | None:
        """Whether there is more to sequence; None if the step failed."""
        step = partial(sequencer.step, Deadline.after(STEP_SECONDS))
        result = self._loops[0].attempt(step)
        if result is None:
            return None
        stood_by, self._standing_by = self._standing_by, result is StepResult.STANDING_BY
        if result is StepResult.WORKED or (stood_by and not self._standing_by):
            self._updating.wake()
        return result is StepResult.WORKED

    def _update(self) -> bool | None:
        """Whether there is more for a view to take in; None if a step failed."""
        standing_by = self._standing_by
        outcomes = [
            self._updating.attempt(partial(view.step, standing_by=standing_by))
            for view in self._views
        ]
        return None if None in outcomes else any(outcomes)


class _Loop:
    """A thread that does rounds of work: the next at once while there is more to do, else when the
    loop is woken or after `poll_seconds`, and after growing pauses while rounds fail.

    `work` returns whether there is more to do, None if a part of it failed (see `attempt`).
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], bool | None],
        poll_seconds: float,
        gather_seconds: float,
    ) -> None:
        self._work = work
        self._poll_seconds = poll_seconds
        self._gather_seconds = gather_seconds
        self._store_is_out = False
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Begin a round soon."""
        if not self._woken.is_set():  # it is cleared before a round: the append came before that
            self._woken.set()

    def end(self) -> None:
        """End the thread after the current round."""
        self._closing.set()
        self._woken.set()

    def attempt(self, work: Callable[[], Result]) -> Result | None:
        """The result of a part of a round, or None if it failed. No error may end the thread."""
        try:
            return work()
        except StoreUnavailable as error:
            if not self._store_is_out:
                log.warning("the %s thread waits for the store: %s", self._thread.name, error)
            self._store_is_out = True
        except Exception:
            log.exception("the %s thread met a defect; it will try again", self._thread.name)
        return None

    def join(self, deadline: Deadline) -> None:
        """Wait for the end, until the deadline."""
        if self._thread.is_alive():
            self._thread.join(deadline.remaining())

    def _run(self) -> None:
        pauses = _pauses()
        while not self._closing.is_set():
            # Before the round, as the round may miss an event that is appended during it.
            self._woken.clear()
            more = self._work()
            if more is None:
                self._closing.wait(backoff.full_jitter(next(pauses)))
                continue
            pauses = _pauses()
            self._log_recovery()
            if not more and self._woken.wait(self._poll_seconds):
                self._closing.wait(self._gather_seconds)

    def _log_recovery(self) -> None:
        if self._store_is_out:
            log.info("the %s thread goes on", self._thread.name)
        self._store_is_out = False


def _pauses() -> Iterator[float]:
    """Pauses in seconds that grow up to a maximum."""
    pauses = backoff.expo(factor=0.1, max_value=_LONGEST_PAUSE_SECONDS)
    next(pauses)  # backoff's generators first give None
    return pauses
