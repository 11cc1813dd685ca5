"""The live generations of views: which one may answer a query, and waiting until it can."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import TypeVar

from app.application.concurrency import TooManyListeners
from app.application.consistency import ViewBehind, ViewNotMade
from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.views import Progress, View, ViewStore
from app.application.projections import PROJECTIONS

PATIENCE_SECONDS = 3.0
"""How long a query waits until its view holds a write, or is built."""

_ASK_SOON_SECONDS = 0.02
_ASK_LATER_SECONDS = 0.1
"""Between two looks at a view: the first pause, and the longest. Each look is a read of the store,
which has enough to do if the view is behind for long."""
_KEPT_FOR_THE_ANSWER_SECONDS = 1.0
_GENERATION_KNOWN_SECONDS = 1.0

_CROWDED = "The view does not hold what was written yet, and too many wait for it; try again"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Standing:
    """The generation of a view that answers a query, and its progress before the query."""

    view: View
    progress: Progress

    @property
    def tag(self) -> str:
        """A text that changes whenever the view may have changed, for an `ETag`."""
        view, progress = self.view, self.progress
        return f"{view.version}.{view.generation}.{progress.checkpoint}.{progress.revision}"


class LiveViews:
    """The live generation of each projection's view. `wake` wakes the thread that updates the
    views; `place` counts a waiting request against the concurrency limit, or raises
    TooManyListeners."""

    def __init__(
        self,
        views: ViewStore,
        wake: Callable[[], None],
        place: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._views = views
        self._wake = wake
        self._place = place
        self._live: dict[str, tuple[View, Deadline]] = {}

    def standing(self, projection: str, deadline: Deadline) -> Standing:
        """The generation that answers now. Raises ViewNotMade, StoreUnavailable."""
        self.wait_until_made(projection, deadline)
        view = self.view(projection, deadline)
        progress = self._views.progress(view, deadline)
        if not progress.revision:  # nothing was written to it, or it was dropped
            view = self.view(projection, deadline, anew=True)
            progress = self._views.progress(view, deadline)
        return Standing(view, progress)

    def whole(self, projection: str, read: Callable[[View], T], deadline: Deadline) -> T:
        """Apply `read` to a generation that is live both before and after; return its result.

        A generation that is no longer live may be dropped, or lost with its file, while it is read,
        and the result is then incomplete or empty. Only the store knows which generation is live,
        so the store is asked again after every read.
        """
        while not deadline.expired:
            self.wait_until_made(projection, deadline)
            view = self.view(projection, deadline)
            answer = read(view)
            if self._is_live(view, projection, deadline):
                return answer
        raise StoreUnavailable("the views are replaced faster than they can be read")

    def wait_until(self, is_there: Callable[[], bool], deadline: Deadline) -> None:
        """Return once `is_there` says so; the views are updated meanwhile. Raises ViewBehind after
        a few seconds, or if too many requests wait."""
        if is_there():
            return
        try:
            if not self._comes_true(is_there, deadline):
                raise ViewBehind
        except TooManyListeners:
            raise ViewBehind(_CROWDED) from None

    def wait_until_made(self, projection: str, deadline: Deadline) -> None:
        """Return once the view is built, or after a few seconds. The view of a small registry is
        built within that time, for example when the first process starts."""

        def is_made() -> bool:
            try:
                self.view(projection, deadline)
            except ViewNotMade:
                return False
            return True

        if not is_made():
            with suppress(TooManyListeners):
                self._comes_true(is_made, deadline)

    def view(self, projection: str, deadline: Deadline, *, anew: bool = False) -> View:
        """The live generation, at most one second old; `anew` asks the store, which costs a read on
        Cassandra. Raises ViewNotMade."""
        known = self._live.get(projection)
        if known is not None and not anew and not known[1].expired:
            return known[0]
        known_until = Deadline.after(_GENERATION_KNOWN_SECONDS)
        key = PROJECTIONS[projection].key
        live = self._views.generations(key, deadline).live
        if live is None:
            self._live.pop(projection, None)
            raise ViewNotMade(key)
        view = View(key, live)
        self._live[projection] = view, known_until
        return view

    def _is_live(self, view: View, projection: str, deadline: Deadline) -> bool:
        try:
            return self.view(projection, deadline, anew=True) == view
        except ViewNotMade:
            return False

    def _comes_true(self, condition: Callable[[], bool], deadline: Deadline) -> bool:
        """Wake the thread that updates the views, and wait a few seconds at most for `condition`.
        Raises TooManyListeners."""
        self._wake()
        latest = deadline.at - _KEPT_FOR_THE_ANSWER_SECONDS
        give_up = Deadline(min(Deadline.after(PATIENCE_SECONDS).at, latest))
        pause = _ASK_SOON_SECONDS
        with self._place():
            while not give_up.expired:
                time.sleep(pause)
                if condition():
                    return True
                pause = min(pause * 1.5, _ASK_LATER_SECONDS)
        return False
