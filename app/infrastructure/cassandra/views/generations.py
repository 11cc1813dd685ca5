"""Which generation of a projection is live on Cassandra. Used by `store`.

One row a projection, replaced by conditional writes. A number is given once: what a late writer
still has under way for a generation that was dropped cannot turn up in another.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.application.deadline import Deadline
from app.application.ports.views import Generations, Overtaken, View
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.retries import begin_again_unless, retrying
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    view_read_generations=(
        "SELECT live, building, last FROM view_generations WHERE projection = ?"
    ),
    view_read_projections="SELECT projection FROM view_generations",
    view_move_generations=(
        "UPDATE view_generations SET live = ?, building = ?, last = ? WHERE projection = ?"
        " IF live = ? AND building = ? AND last = ?"
    ),
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The row of a projection; `last` is the last number that was given to a generation, 0 where
    there is no row."""

    now: Generations
    last: int


_UNSEEN = Recorded(Generations(), 0)


class CassandraViewGenerations:
    """The table `view_generations`. Every call raises StoreUnavailable."""

    def __init__(self, requests: Requests, is_kept: Callable[[View, Deadline], bool]) -> None:
        """`is_kept` tells whether a generation was written to and not dropped."""
        self._requests = requests
        self._is_kept = is_kept

    def read(self, projection: str, deadline: Deadline) -> Generations:
        """See `ports.views.ViewStore.generations`."""
        return retrying(deadline, lambda: self._recorded(projection, deadline).now)

    def projections(self, deadline: Deadline) -> list[str]:
        """The projections that have a row, in no order."""

        def attempt() -> list[str]:
            rows = self._requests.select_plain(deadline, "view_read_projections")
            return [row["projection"] for row in rows]

        return retrying(deadline, attempt)

    def kept(self, projection: str, deadline: Deadline) -> list[View]:
        """The generations that are not dropped, in the order of their numbers."""

        def attempt() -> list[View]:
            # A release without versions wrote to generation 1 before it wrote a row.
            last = max(1, self._recorded(projection, deadline).last)
            views = (View(projection, number) for number in range(1, last + 1))
            return [view for view in views if self._is_kept(view, deadline)]

        return retrying(deadline, attempt)

    def begin(
        self, projection: str, prepare: Callable[[View, View | None], None], deadline: Deadline
    ) -> View:
        """See `ports.views.ViewStore`. `prepare` is given the new view and the live one before
        anybody else can know the new one; it may be called again."""

        def attempt() -> View:
            seen = self._recorded(projection, deadline)
            if seen.now.building is not None:
                return View(projection, seen.now.building)
            view = View(projection, seen.last + 1)
            prepare(view, View(projection, seen.now.live) if seen.now.live else None)
            self._move(projection, seen, replace(seen.now, building=view.generation), deadline)
            return view

        return retrying(deadline, attempt)

    def swap(self, view: View, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`."""
        uncertain = False

        def attempt() -> None:
            nonlocal uncertain
            seen = self._recorded(view.projection, deadline)
            if uncertain and seen.now.live == view.generation:
                return  # by an earlier try, whose answer was lost
            if seen.now.building != view.generation:
                raise Overtaken
            try:
                self._move(view.projection, seen, Generations(view.generation), deadline)
            except RequestFailed as error:
                uncertain = uncertain or error.maybe_applied
                raise

        retrying(deadline, attempt)

    def withdraw(self, view: View, deadline: Deadline) -> None:
        """Make sure that the generation is not being built and will never be live. Raises
        Overtaken if it is live."""

        def attempt() -> None:
            seen = self._recorded(view.projection, deadline)
            if seen.now.live == view.generation:
                raise Overtaken
            if seen.now.building == view.generation:
                self._move(view.projection, seen, Generations(seen.now.live), deadline)

        retrying(deadline, attempt)

    def abandon(self, projection: str, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`."""

        def attempt() -> None:
            seen = self._recorded(projection, deadline)
            if seen.now != Generations():
                self._move(projection, seen, Generations(), deadline)

        retrying(deadline, attempt)

    def _recorded(self, projection: str, deadline: Deadline) -> Recorded:
        rows = self._requests.select_plain(deadline, "view_read_generations", projection)
        if not rows:
            return _UNSEEN
        return Recorded(Generations(rows[0]["live"], rows[0]["building"]), rows[0]["last"])

    def _move(self, projection: str, seen: Recorded, now: Generations, deadline: Deadline) -> None:
        """Replace the row. Raises RequestFailed, also where it is not what was seen."""
        # Where there is no row, its columns are null.
        before = (seen.now.live, seen.now.building, seen.last or None)
        values = (now.live, now.building, max(seen.last, now.building or 0), projection, *before)
        moved = self._requests.write(deadline, "view_move_generations", *values)
        begin_again_unless(bool(moved["[applied]"]))
