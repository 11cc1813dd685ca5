"""Rebuilds a view: fills a new generation beside the live one, and swaps it in.

The process may be killed at any step. The next run continues with the generation that is being
built, and drops a former generation that a killed run has left.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.feed import Feed
from app.application.ports.views import Overtaken, Progress, View, ViewStore
from app.application.projections.projector import Projector

BATCH = 5_000
PAUSE_SECONDS = 5.0
COMPARISONS = 5
COMPARE_SECONDS = 3600.0
"""The time limit of one comparison, which reads both generations as a whole. On Cassandra 28,000
rows a second were measured; a million carriers have two million rows."""
DROPS = 20

DeadlineFactory = Callable[[], Deadline]
SayProgress = Callable[[int, int], None]
"""Called with the new generation's checkpoint and the feed's head."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`view` is the live generation now. `differences` is how many rows and counts differed from
    the former generation; None if there was no former one, or if events came so fast that the two
    were never at the same checkpoint."""

    view: View
    checkpoint: int
    differences: int | None


def rebuild(
    projector: Projector,
    views: ViewStore,
    feed: Feed,
    deadline_factory: DeadlineFactory,
    say_progress: SayProgress,
    sleep: Callable[[float], None],
    pause_seconds: float = PAUSE_SECONDS,
    batch: int = BATCH,
) -> Rebuilt:
    """Build a generation up to the feed's head, compare it with the live one, swap them, and drop
    the former one after a pause for queries that still read it. `deadline_factory` makes each
    step's deadline.

    Raises StoreUnavailable; another run then continues.
    """
    run = _Run(projector, views, feed, deadline_factory, batch)
    former = projector.live(deadline_factory())
    if former:
        if run.has_one_before(former):
            sleep(pause_seconds)  # a run may have been killed just after its swap
        run.drop_before(former)
    view = views.begin(projector.projection.key, deadline_factory())
    run.catch_up(view, say_progress)
    differences = run.compare(former, view) if former else None
    checkpoint = run.catch_up(view)
    with suppress(Overtaken):  # by another run, which did just this
        views.swap(view, deadline_factory())
    if former:
        sleep(pause_seconds)
        run.discard_the_same(former, view)
        run.drop_before(view)
    return Rebuilt(view, checkpoint, differences)


def drop(views: ViewStore, view: View, deadline_factory: DeadlineFactory) -> None:
    """Drop a generation of any size. Raises StoreUnavailable, and Overtaken if the generation is
    live."""
    for attempt in range(1, DROPS + 1):
        try:
            return views.drop(view, deadline_factory())
        except StoreUnavailable:
            # Each call drops as much of a large generation as its deadline allows.
            if attempt == DROPS:
                raise
    return None


@dataclass(frozen=True, slots=True)
class _Run:
    projector: Projector
    views: ViewStore
    feed: Feed
    deadline: DeadlineFactory
    batch: int

    def catch_up(self, view: View, say_progress: SayProgress = lambda _at, _head: None) -> int:
        """Step until the view holds the whole feed, or another run has dropped it; return its
        checkpoint."""
        while True:
            at = self.views.progress(view, self.deadline()).checkpoint
            head = self.feed.head(self.deadline())
            say_progress(at, head)
            if at >= head or not self._is_kept(view):
                return at
            self.projector.step(view, self.deadline(), self.batch)

    def compare(self, former: View, view: View) -> int | None:
        """The number of differences at one checkpoint; None if the two never reach the same one."""
        for _ in range(COMPARISONS):
            self.catch_up(former)
            self.catch_up(view)
            self.discard_the_same(former, view)
            before = self._progress(former, view)
            patience = Deadline.after(COMPARE_SECONDS)
            differences = self.views.differences(former, view, patience)
            same = before[0].checkpoint == before[1].checkpoint
            if same and before == self._progress(former, view):
                return differences
        return None

    def discard_the_same(self, former: View, view: View) -> None:
        """Discard from the new view the events that were discarded from the former one during the
        build; the new view has parked their streams."""
        self.projector.step(former, self.deadline())  # carries out an operator's latest requests
        for each in self.views.discarded(former, self.deadline()):
            parked = self.views.progress(view, self.deadline()).parked.get(each.stream)
            if parked is not None and parked.version == each.version:
                self.views.request(view, each.stream, each.reason, self.deadline())
                self.projector.step(view, self.deadline())

    def has_one_before(self, live: View) -> bool:
        """Whether the generation before the live one still exists."""
        return bool(self._progress(View(live.projection, live.generation - 1))[0].checkpoint)

    def drop_before(self, live: View) -> None:
        """Drop the generation before the live one. At most one exists, as every run begins with
        this."""
        if live.generation > 1:
            drop(self.views, View(live.projection, live.generation - 1), self.deadline)

    def _is_kept(self, view: View) -> bool:
        kept = self.views.generations(view.projection, self.deadline())
        return view.generation in {kept.live, kept.building}

    def _progress(self, *views: View) -> list[Progress]:
        return [self.views.progress(view, self.deadline()) for view in views]
