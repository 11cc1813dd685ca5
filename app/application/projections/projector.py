"""Writes a view: from the feed, through a projection, to the view store.

A step reads the view's progress and ends with one commit that is conditional on that progress. The
commit's content depends on the streams alone. So the result is the same if a step is repeated,
killed at any point, run by two processes at once, or continued long after a pause.
"""

import logging
from collections.abc import Sequence
from traceback import format_tb

from app.application.deadline import Deadline
from app.application.ports.codec import Codec
from app.application.ports.event_store import EventStore
from app.application.ports.feed import Feed, FeedEvent
from app.application.ports.tracing import NO_TRACING, Tracer
from app.application.ports.views import Overtaken, Parked, Progress, View, ViewStore
from app.application.projections import Projection
from app.application.projections.batch import Batch, Failure, is_followed
from app.application.projections.replay import MAX_KEPT, Replayer

log = logging.getLogger(__name__)

FOUND_BY = 60
"""The average number of terms and words an event beyond which a step ends early. Most carriers have
less than half of that. A carrier that covers every country with every service has 3,000, and a full
step of such carriers would not end in time."""


class Projector:
    """Writes the views of one projection. Threads can share it."""

    def __init__(
        self,
        projection: Projection,
        feed: Feed,
        views: ViewStore,
        events: EventStore,
        codec: Codec,
        batch: int = 500,
        max_kept: int = MAX_KEPT,
    ) -> None:
        self.projection = projection
        self.feed = feed
        self.views = views
        self._replayer = Replayer(events, codec, max_kept)
        self._batch = batch

    @property
    def name(self) -> str:
        """The projection's name."""
        return self.projection.name

    def live(self, deadline: Deadline) -> View | None:
        """The generation that queries read; None if this version of the projection has none yet.
        Raises StoreUnavailable."""
        key = self.projection.key
        live = self.views.generations(key, deadline).live
        return None if live is None else View(key, live)

    def step(
        self,
        view: View,
        deadline: Deadline,
        limit: int | None = None,
        tracer: Tracer = NO_TRACING,
    ) -> int:
        """Carry out the operator's requests for parked streams, and apply the next events, at most
        `limit`, fewer if they write much. Return how many were applied; 0 if there is none, or if
        another projector was faster. With a `tracer` the step is shown in the traces of its events:
        not for a rebuild, whose events are old.

        Raises StoreUnavailable.
        """
        limit = limit or self._batch
        base = self.views.progress(view, deadline)
        events = self.feed.read(base.checkpoint, limit, deadline)
        if not events and not _asked(base) and all(map(is_followed, base.parked)):
            return 0
        about = {"feed.after": base.checkpoint}
        traced = (each.event.data.metadata for each in events)
        with tracer.following(f"view {self.name}", traced, about) as span:
            taken_in = self._take_in(view, base, events, limit, deadline)
            span.note({"outcome": "committed" if taken_in else "overtaken", "events": taken_in})
        return taken_in

    def _take_in(
        self,
        view: View,
        base: Progress,
        events: Sequence[FeedEvent],
        limit: int,
        deadline: Deadline,
    ) -> int:
        batch = Batch(self.projection, self._replayer, base, deadline)
        for parked in _asked(base):
            batch.try_again(parked)
        checkpoint = base.checkpoint
        for each in events:
            batch.take_in(each.position, each.event)
            checkpoint = each.position
            if batch.found_by > limit * FOUND_BY:
                break
        counts = self.views.counts(view, deadline, batch.counted) if batch.counted else {}
        try:
            self.views.commit(view, base, batch.changes(checkpoint, counts), deadline)
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
            # Without the error's message, which may hold personal data.
            extra={"traceback": _traceback(failure.unforeseen)} if failure.unforeseen else None,
        )


def _asked(base: Progress) -> list[Parked]:
    return [each for each in base.parked.values() if each.retry or each.discard is not None]


def _traceback(error: Exception) -> str:
    return "".join(format_tb(error.__traceback__))
