"""Which generation of a projection is live on Cassandra. Used by `cassandra_views`.

One row a projection, replaced by conditional writes. A number is given once: what a late writer
still has under way for a generation that was dropped cannot turn up in another.
"""

from collections.abc import Callable
from dataclasses import replace

from app.application.deadline import Deadline
from app.application.views import Generations, Overtaken, View
from app.infrastructure.cassandra_errors import RequestFailed
from app.infrastructure.cassandra_retries import begin_again_unless, retrying
from app.infrastructure.cassandra_session import CassandraSession, SerialRequests

STATEMENTS = {
    "view_read_generations": (
        "SELECT live, building, last FROM view_generations WHERE projection = ?"
    ),
    "view_move_generations": (
        "UPDATE view_generations SET live = ?, building = ?, last = ? WHERE projection = ?"
        " IF live = ? AND building = ? AND last = ?"
    ),
}

Numbered = tuple[Generations, int]
"""The generations, and the last number that was given to one."""


class CassandraViewGenerations:
    """The table `view_generations`. Every call raises StoreUnavailable."""

    def __init__(
        self, session: CassandraSession, serial_consistency: int, attempt_seconds: float
    ) -> None:
        self._session = session
        self._requests = SerialRequests(session, serial_consistency, attempt_seconds)
        self._attempt_seconds = attempt_seconds

    def read(self, projection: str, deadline: Deadline) -> Generations:
        """See `views.ViewStore.generations`."""
        return retrying(deadline, lambda: self._numbered(projection, deadline)[0])

    def begin(
        self, projection: str, prepare: Callable[[View, View], None], deadline: Deadline
    ) -> View:
        """See `views.ViewStore`. `prepare` is given the new view and the live one before anybody
        else can know the new one; it may be called again."""

        def attempt() -> View:
            now, last = self._numbered(projection, deadline)
            if now.building is not None:
                return View(projection, now.building)
            view = View(projection, last + 1)
            prepare(view, View(projection, now.live))
            self._move(projection, (now, last), replace(now, building=last + 1), deadline)
            return view

        return retrying(deadline, attempt)

    def swap(self, view: View, deadline: Deadline) -> None:
        """See `views.ViewStore`."""
        uncertain = False

        def attempt() -> None:
            nonlocal uncertain
            now, last = self._numbered(view.projection, deadline)
            if uncertain and now.live == view.generation:
                return  # by an earlier try, whose answer was lost
            if now.building != view.generation:
                raise Overtaken
            try:
                self._move(view.projection, (now, last), Generations(view.generation), deadline)
            except RequestFailed as error:
                uncertain = uncertain or error.maybe_applied
                raise

        retrying(deadline, attempt)

    def withdraw(self, view: View, deadline: Deadline) -> None:
        """Make sure that the generation is not being built and will never be live. Raises
        Overtaken if it is live."""

        def attempt() -> None:
            now, last = self._numbered(view.projection, deadline)
            if now.live == view.generation:
                raise Overtaken
            if now.building == view.generation:
                self._move(view.projection, (now, last), Generations(now.live), deadline)

        retrying(deadline, attempt)

    def _numbered(self, projection: str, deadline: Deadline) -> Numbered:
        select = self._session.prepared("view_read_generations", deadline).bind((projection,))
        rows = self._session.execute(select, deadline, self._attempt_seconds)
        if not rows:
            return Generations(1), 1
        return Generations(rows[0]["live"], rows[0]["building"]), rows[0]["last"]

    def _move(self, projection: str, was: Numbered, now: Generations, deadline: Deadline) -> None:
        """Replace the row. Raises RequestFailed, also where it is not what it was."""
        before, last = was
        # The first row that is written names generation 2: before that there is none.
        seen = (None, None, None) if last == 1 else (before.live, before.building, last)
        values = (now.live, now.building, max(last, now.building or 0), projection, *seen)
        moved = self._requests.write(deadline, "view_move_generations", *values)
        begin_again_unless(bool(moved["[applied]"]))
