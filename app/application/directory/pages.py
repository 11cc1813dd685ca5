"""Answers queries from the views, page by page. Works on every `ViewStore`.

The store keeps lists of carriers in sort order: those with a term, or with a word that has a
prefix. `candidates.py` finds the places that may stand in each list that the query names; their
rows are read and checked against the query until the page is full or the lists have ended. What
is looked at for a page has no limit but the request's deadline.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from app.application.consistency import Token, ViewBehind
from app.application.deadline import Deadline
from app.application.directory.candidates import (
    COSTLY_AFTER,
    MAX_BLOCK,
    CostlyList,
    PlaceList,
    candidates,
    joined,
)
from app.application.directory.live_views import LiveViews, Standing
from app.application.directory.query import CARRIERS, Query
from app.application.ports.errors import StoreUnavailable
from app.application.ports.views import Place, Progress, Row, View, ViewStore
from app.application.projections import PROJECTIONS
from app.application.projections.carriers import ALL, as_of, sort_keys
from app.application.projections.status import ViewStatus, status_of
from app.application.shown import Shown
from app.application.strict_json import NotStrictJson, parse_own
from app.domain.policy.adopt import POLICY_ID
from app.domain.policy.state import DEFAULT, PolicyState

STATISTICS = "statistics"
"""The name of the projection that `counts` reads."""

_PARKED = (
    "The view has stopped following this carrier, because an event of it cannot be applied; an"
    " operator has to look at it"
)

_MARGIN = 4
"""One place in so many is read beyond those that are likely to fill a page: matches are not spread
evenly, and another reading costs more than some rows."""

_READINGS = 3
"""How often a page is read at most if carriers go to other places in the order meanwhile. A place
that a projector which died has left behind looks the same, and must not keep a page waiting."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """Row bodies in order, as many as the query's limit, and a cursor; or all that were left, and
    none."""

    rows: list[dict[str, Any]]
    next_cursor: str | None


class SearchTooLong(StoreUnavailable):
    """What fits the filters could not be found within the time of a request; asked again, it takes
    as long."""

    def __init__(self) -> None:
        super().__init__(
            "the carriers that fit these filters could not be found within the time of a request:"
            " use fewer or narrower filters, or raise REQUEST_TIMEOUT"
        )


class _HasMoved(Exception):
    """Between the readings of the list and of its row a carrier went to another place."""


def nothing_adopted(_: Deadline) -> Shown[PolicyState]:
    """The policy of a registry in which none was ever adopted."""
    return Shown(POLICY_ID, 0, DEFAULT, None, None)


class Directory:
    """Answers queries from any view store. `wake` wakes the thread that updates the views; `place`
    counts a request that takes long against the concurrency limit, or raises TooManyListeners;
    `policy` reads the policy that holds, or raises StoreUnavailable."""

    def __init__(
        self,
        views: ViewStore,
        wake: Callable[[], None],
        place: Callable[[], AbstractContextManager[None]],
        policy: Callable[[Deadline], Shown[PolicyState]] = nothing_adopted,
    ) -> None:
        self._policy = policy
        self._views = views
        self._live = LiveViews(views, wake, place)
        self.place = place

    def standing(self, projection: str, deadline: Deadline) -> Standing:
        """The generation that answers now. Raises ViewNotMade, StoreUnavailable."""
        return self._live.standing(projection, deadline)

    def status(self, projection: str, deadline: Deadline) -> ViewStatus:
        """The status of the projection's view. Raises StoreUnavailable."""
        return status_of(PROJECTIONS[projection], self._views, deadline)

    def page(self, query: Query, deadline: Deadline) -> Page:
        """The page of carriers after the query's cursor. Raises BadCursor, ViewNotMade,
        SearchTooLong, StoreUnavailable."""
        query = self.settled(query, deadline)
        after = query.after()
        return self._live.whole(
            CARRIERS, lambda view: self._read(query, view, after, deadline), deadline
        )

    def all_of(
        self, query: Query, most: int, until: Deadline, deadline: Deadline
    ) -> list[dict[str, Any]] | None:
        """The row bodies of all carriers that match, in order; None if more than `most` would have
        to be looked at, or if it takes longer than `until`. A carrier that goes to another place
        meanwhile may be missing. Raises ViewNotMade, StoreUnavailable."""
        query = self.settled(query, deadline)
        return self._live.whole(
            CARRIERS, lambda view: self._all(query, view, most, until, deadline), deadline
        )

    def settled(self, query: Query, deadline: Deadline) -> Query:
        """The query with the policy by which it is answered, if it asks for one: whoever wants all
        pages by the same policy names it. Raises StoreUnavailable."""
        if query.work is None or query.policy is not None:
            return query
        return replace(query, policy=self._policy(deadline))

    def read(self, asked: Callable[[ViewStore, View], T], deadline: Deadline) -> T:
        """What `asked` reads of the view of carriers. Raises ViewNotMade, StoreUnavailable."""
        return self._live.whole(CARRIERS, lambda view: asked(self._views, view), deadline)

    def counts(self, deadline: Deadline) -> dict[str, int]:
        """The counts of the statistics' view by key. Raises ViewNotMade, StoreUnavailable."""
        return self._live.whole(
            STATISTICS, lambda view: self._views.counts(view, deadline), deadline
        )

    def wait_for(self, token: Token, deadline: Deadline) -> None:
        """Return once the view of carriers holds what the token names. Raises ViewBehind,
        ViewNotMade, StoreUnavailable."""
        self._live.wait_until_made(CARRIERS, deadline)
        self._live.wait_until(lambda: self._holds(token, deadline), deadline)

    def wait_for_counts(
        self, token: Token, head: Callable[[Deadline], int], deadline: Deadline
    ) -> None:
        """Return once the view of statistics holds what the token names. `head` reads the feed's
        head. Raises what `wait_for` raises.

        Counts do not show which carriers they include. But an event that the view of carriers holds
        has a position, so the counts include it once their checkpoint reaches the feed's head.
        """
        self.wait_for(token, deadline)
        self._live.wait_until_made(STATISTICS, deadline)
        position = head(deadline)

        def are_there() -> bool:
            progress = self._views.progress(self._live.view(STATISTICS, deadline), deadline)
            _refuse_parked(progress, token)
            return progress.checkpoint >= position

        self._live.wait_until(are_there, deadline)

    def _read(self, query: Query, view: View, after: Place | None, deadline: Deadline) -> Page:
        """Read again if a carrier has moved: it would be on no page, as it no longer stands where
        it was found, and where it stands now may have been read before."""
        for _ in range(_READINGS - 1):
            with suppress(_HasMoved):
                return self._read_once(query, view, after, deadline, is_last=False)
        return self._read_once(query, view, after, deadline, is_last=True)

    def _read_once(
        self, query: Query, view: View, after: Place | None, deadline: Deadline, *, is_last: bool
    ) -> Page:
        found: list[tuple[Place, dict[str, Any]]] = []
        lists, everything = self._lists(query, view, deadline)
        costly = self._of_all_words(query, view, deadline)
        parts = candidates(lists, everything, after, query.limit + 1, costly)
        looked_at = 0
        try:
            for places in _in_chunks(parts, query.limit + 1, found):
                if deadline.expired:
                    break
                if places:
                    found += self._fitting(query, view, places, deadline, is_last=is_last)
                    looked_at += len(places)
                if len(found) > query.limit:
                    last, _ = found[query.limit - 1]
                    return Page([body for _, body in found[: query.limit]], query.cursor_at(last))
            else:
                return Page([body for _, body in found], None)
        except StoreUnavailable as error:
            if deadline.expired and looked_at >= COSTLY_AFTER:
                raise SearchTooLong from error
            raise  # it is the store that was slow
        raise SearchTooLong

    def _all(
        self, query: Query, view: View, most: int, until: Deadline, deadline: Deadline
    ) -> list[dict[str, Any]] | None:
        places: list[Place] = []
        for part in joined(*self._lists(query, view, deadline)):
            places += part
            if len(places) > most or until.expired:
                return None
        found = []
        for start in range(0, len(places), MAX_BLOCK):
            block = places[start : start + MAX_BLOCK]
            found += self._fitting(query, view, block, deadline, is_last=True)
            if until.expired:
                return None
        return [body for _, body in found]

    def _lists(
        self, query: Query, view: View, deadline: Deadline
    ) -> tuple[list[PlaceList], PlaceList]:
        """The lists of which each contains all matches, the one that is likely shortest first; and
        the one of all carriers."""

        def having(terms: Collection[str]) -> PlaceList:
            find = partial(self._views.find, view, query.sort, sorted(terms))
            return PlaceList(partial(find, deadline=deadline))

        def beginning(word: str) -> PlaceList:
            find = partial(self._views.find_prefix, view, query.sort, word)
            return PlaceList(partial(find, deadline=deadline))

        by_word = map(beginning, sorted(query.words, key=lambda word: (-len(word), word)))
        by_terms = map(having, query.conditions())
        lists = [*by_terms, *by_word] if query.identifiers else [*by_word, *by_terms]
        return lists, having({ALL})

    def _of_all_words(self, query: Query, view: View, deadline: Deadline) -> CostlyList | None:
        """The list of what has all words, of which each may be too frequent for a list alone."""
        if len(query.words) <= 1:
            return None
        find = partial(self._views.find_words, view, query.sort, sorted(query.words))
        return CostlyList(partial(find, deadline=deadline))

    def _fitting(
        self, query: Query, view: View, places: list[Place], deadline: Deadline, *, is_last: bool
    ) -> list[tuple[Place, dict[str, Any]]]:
        """The candidates that are still at their place in the order and match the query. Unless it
        `is_last`, raises _HasMoved for one that would match at another place."""
        rows = self._views.rows(view, [carrier_id for _, carrier_id in places], deadline)
        found = []
        for place in places:
            key, carrier_id = place
            if carrier_id in rows:
                recorded = body_of(rows[carrier_id])
                body = as_of(recorded, query.on)
                if not query.fits(body):
                    continue
                if sort_keys(recorded).get(query.sort) == key:
                    found.append((place, body))
                elif not is_last:
                    raise _HasMoved
        return found

    def _holds(self, token: Token, deadline: Deadline) -> bool:
        view = self._live.view(CARRIERS, deadline)
        rows = self._views.rows(view, list(token.written), deadline)
        if all(
            each in rows and rows[each].version >= version
            for each, version in token.written.items()
        ):
            return True
        _refuse_parked(self._views.progress(view, deadline), token)
        return False


def body_of(row: Row) -> dict[str, Any]:
    """The row's body. Raises StoreUnavailable if it is damaged."""
    try:
        body: dict[str, Any] = parse_own(row.body)
    except NotStrictJson as error:
        raise StoreUnavailable(
            f"the view's row of carrier {row.carrier_id} is damaged: run `carriers projections"
            f" rebuild {CARRIERS}`"
        ) from error
    return body


def _refuse_parked(progress: Progress, token: Token) -> None:
    for carrier_id, version in token.written.items():
        parked = progress.parked.get(carrier_id)
        if parked is not None and parked.version <= version:
            raise ViewBehind(_PARKED)


def _in_chunks(
    parts: Iterable[list[Place]], wanted: int, found: Sequence[object]
) -> Iterator[list[Place]]:
    """At first as many places as fill a page if all of them match, then more and more, but no more
    than it is likely to take by what was `found` among those before; an empty part stays one."""
    size, looked_at = wanted, 0
    for part in parts:
        if not part:
            yield part
        start = 0
        while start < len(part):
            yield part[start : start + size]
            start, looked_at = start + size, looked_at + size
            likely = (wanted - len(found)) * looked_at // len(found) if found else MAX_BLOCK
            size = min(2 * size, max(wanted, likely + likely // _MARGIN), MAX_BLOCK)
