"""Writes a view: from the feed, through a projection, to the view store.

A step begins with the view's progress and ends with one commit that is conditional on it. What is
written follows from the streams alone; so a step that is repeated, killed anywhere, run by two at
once, or woken up long after it was paused, changes nothing in the result.
"""

import logging
from traceback import format_tb

from app.application.deadline import Deadline
from app.application.feed import Feed
from app.application.ports import EventStore
from app.application.projections import Projection
from app.application.projections.batch import Batch, Failure
from app.application.projections.folding import MOST_KEPT, Folder
from app.application.repository import Codec
from app.application.views import Overtaken, View, ViewStore

log = logging.getLogger(__name__)

FOUND_BY = 60
"""So many terms and words an event may bring with it on average, or its step ends early. Most bring
less than half of that; who covers every country with every service brings 3,000, and a full step of
such carriers would never end in time."""


class Projector:
    """Writes the views of one projection. Can be shared by threads."""

    def __init__(
        self,
        projection: Projection,
        feed: Feed,
        views: ViewStore,
        events: EventStore,
        codec: Codec,
        batch: int = 500,
        most_kept: int = MOST_KEPT,
    ) -> None:
        self._projection = projection
        self._feed = feed
        self._views = views
        self._folder = Folder(events, codec, most_kept)
        self._batch = batch

    @property
    def name(self) -> str:
        """The projection's."""
        return self._projection.name

    def live(self, deadline: Deadline) -> View:
        """The generation that readers are given. Raises StoreUnavailable."""
        return View(self.name, self._views.generations(self.name, deadline).live)

    def step(self, view: View, deadline: Deadline, limit: int | None = None) -> int:
        """Carry out what was asked for parked streams, and take in the next events, `limit` at
        most, fewer if there is much to write; return how many. 0: there is none, or another
        projector was faster.

        Raises StoreUnavailable.
        """
        limit = limit or self._batch
        base = self._views.progress(view, deadline)
        events = self._feed.read(base.checkpoint, limit, deadline)
        asked = [each for each in base.parked.values() if each.retry or each.discard is not None]
        if not events and not asked:
            return 0
        batch = Batch(self._projection, self._folder, base, deadline)
        for parked in asked:
            batch.try_again(parked)
        checkpoint = base.checkpoint
        for each in events:
            batch.take_in(each.position, each.event)
            checkpoint = each.position
            if batch.found_by > limit * FOUND_BY:
                break
        counts = self._views.counts(view, deadline, batch.counted) if batch.counted else {}
        try:
            self._views.commit(view, base, batch.changes(checkpoint, counts), deadline)
        except Overtaken:
            return 0
        for failure in batch.failures:
            self._report(failure)
        return checkpoint - base.checkpoint

    def _report(self, failure: Failure) -> None:
        parked = failure.parked
        log.log(
            logging.ERROR if failure.unforeseen else logging.WARNING,
            "%s parked stream %s at version %d, %s: %s",
            self.name,
            parked.stream,
            parked.version,
            failure.event_type,
            parked.reason,
            # Without the error's own words, which may name a person.
            extra={"traceback": _traceback(failure.unforeseen)} if failure.unforeseen else None,
        )


def _traceback(error: Exception) -> str:
    return "".join(format_tb(error.__traceback__))
