"""Builds the first generation of a view for this version of its projection.

The view of another version is never read, as other code made it. So until this generation holds the
whole feed, queries cannot be answered. Any number of processes may build at once: they share one
generation, each step is one conditional commit, and the process that sees the generation complete
swaps it in. If a process is killed, the next one continues with its generation.
"""

import logging
from contextlib import suppress

from app.application.deadline import Deadline
from app.application.ports.views import Discarded, Overtaken, View
from app.application.projections.projector import Projector

log = logging.getLogger(__name__)

BATCH = 5_000
"""Events a commit. A larger batch would delay the follower's other views for too long."""

SAY_EVERY_SECONDS = 10.0


class FirstBuild:
    """Builds the first generation of one projection step by step, and logs its progress."""

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        self._key = projector.projection.key
        self._feed = projector.feed
        self._views = projector.views
        self._silent_until: Deadline | None = None

    def step(self, deadline: Deadline) -> bool:
        """Apply some events; return whether this process has more to do. Swaps the generation in
        once it holds every event up to the feed's head at the step's start. Raises
        StoreUnavailable."""
        head = self._feed.head(deadline)
        try:
            view = self._begun(deadline)
        except Overtaken:
            return True  # another process has just swapped it in
        taken_in = self._projector.step(view, deadline, BATCH)
        at = self._views.progress(view, deadline).checkpoint
        if at < head:
            self._say(at, head)
            # If another process was faster, the build is left to that process for a while.
            return taken_in > 0
        with suppress(Overtaken):  # by another process, which has swapped it in
            self._views.swap(view, deadline)
        if self._silent_until is not None:
            log.info("the view %s is made; it holds %d events", self._key, at)
            self._silent_until = None
        return True

    def _begun(self, deadline: Deadline) -> View:
        """The generation that is being built, begun here if there is none yet. Raises Overtaken."""
        now = self._views.generations(self._key, deadline)
        if now.live is not None:
            raise Overtaken
        if now.building is not None:
            return View(self._key, now.building)
        return self._views.begin_first(self._key, self._discarded(deadline), deadline)

    def _discarded(self, deadline: Deadline) -> list[Discarded]:
        """The events that operators discarded from the view of the latest earlier version."""
        for key in self._projector.projection.former_keys:
            # The first releases wrote to generation 1 without naming it the live one.
            live = self._views.generations(key, deadline).live or 1
            if found := self._views.discarded(View(key, live), deadline):
                return found
        return []

    def _say(self, at: int, head: int) -> None:
        if self._silent_until is None:
            log.warning(
                "there is no view %s, which this release needs to answer queries: it is made from"
                " the feed now, %d of %d events so far",
                self._key,
                at,
                head,
            )
        elif self._silent_until.expired:
            log.info("the view %s is being made: %d of %d events", self._key, at, head)
        else:
            return
        self._silent_until = Deadline.after(SAY_EVERY_SECONDS)
