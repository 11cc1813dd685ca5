"""Makes a view anew beside the one that readers are given, and puts it in its place.

Every step can be the last one before a kill: the next run goes on with the generation that is
being built, and drops what a run left behind between its swap and its end.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from app.application.deadline import Deadline
from app.application.feed import Feed
from app.application.ports import StoreUnavailable
from app.application.projections.projector import Projector
from app.application.views import Overtaken, Progress, View, ViewStore

BATCH = 5_000
PAUSE_SECONDS = 5.0
COMPARISONS = 5
COMPARE_SECONDS = 3600.0
"""What one comparison may take: it reads both views as a whole. On Cassandra 28,000 rows a second
were measured; a million carriers have two million."""
DROPS = 20

DeadlineFactory = Callable[[], Deadline]
SayProgress = Callable[[int, int], None]
"""Is told the position that the new generation has reached, and that of the feed's last event."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`view` is what readers are given now. `differences` says how many rows and counts differed
    from the generation before it; None: events kept coming in, so that no two equal checkpoints
    could be compared."""

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
    """Build a generation up to the feed's head, compare, swap, and after a pause for those who
    still read it drop the former one. `deadline_factory` gives each step its deadline.

    Raises StoreUnavailable; another run then goes on from there.
    """
    run = _Run(projector, views, feed, deadline_factory, batch)
    former = projector.live(deadline_factory())
    if run.has_one_before(former):
        sleep(pause_seconds)  # the run that swapped it may have been killed a moment ago
    run.drop_before(former)
    view = views.begin(projector.name, deadline_factory())
    run.catch_up(view, say_progress)
    differences = run.compare(former, view)
    checkpoint = run.catch_up(view)
    with suppress(Overtaken):  # by another run, which did just this
        views.swap(view, deadline_factory())
    sleep(pause_seconds)
    run.leave_out_the_same(former, view)
    run.drop_before(view)
    return Rebuilt(view, checkpoint, differences)


@dataclass(frozen=True, slots=True)
class _Run:
    projector: Projector
    views: ViewStore
    feed: Feed
    deadline: DeadlineFactory
    batch: int

    def catch_up(self, view: View, say_progress: SayProgress = lambda _at, _head: None) -> int:
        """Step until it holds what the feed holds, or another run has dropped it; return its
        checkpoint."""
        while True:
            at = self.views.progress(view, self.deadline()).checkpoint
            head = self.feed.head(self.deadline())
            say_progress(at, head)
            if at >= head or not self._is_kept(view):
                return at
            self.projector.step(view, self.deadline(), self.batch)

    def compare(self, former: View, view: View) -> int | None:
        """How much they differ at one and the same checkpoint, if they can be got there."""
        for _ in range(COMPARISONS):
            self.catch_up(former)
            self.catch_up(view)
            self.leave_out_the_same(former, view)
            before = self._progress(former, view)
            patience = Deadline.after(COMPARE_SECONDS)
            differences = self.views.differences(former, view, patience)
            same = before[0].checkpoint == before[1].checkpoint
            if same and before == self._progress(former, view):
                return differences
        return None

    def leave_out_the_same(self, former: View, view: View) -> None:
        """Discard what was discarded from the former view while this one was being built: it is
        parked here then."""
        self.projector.step(former, self.deadline())  # carries out what was asked for just now
        for each in self.views.discarded(former, self.deadline()):
            parked = self.views.progress(view, self.deadline()).parked.get(each.stream)
            if parked is not None and parked.version == each.version:
                self.views.request(view, each.stream, each.reason, self.deadline())
                self.projector.step(view, self.deadline())

    def has_one_before(self, live: View) -> bool:
        """Whether the former generation is there still."""
        return bool(self._progress(View(live.projection, live.generation - 1))[0].checkpoint)

    def drop_before(self, live: View) -> None:
        """Generations are numbered on, and each run begins with this: there is one at most."""
        former = View(live.projection, live.generation - 1)
        for attempt in range(1, DROPS + 1) if former.generation else ():
            try:
                return self.views.drop(former, self.deadline())
            except StoreUnavailable:
                # Of a large one, each call drops as much as there is time for.
                if attempt == DROPS:
                    raise
        return None

    def _is_kept(self, view: View) -> bool:
        kept = self.views.generations(view.projection, self.deadline())
        return view.generation in {kept.live, kept.building}

    def _progress(self, *views: View) -> list[Progress]:
        return [self.views.progress(view, self.deadline()) for view in views]
