"""The carriers' directory: answers queries out of the views that projections keep.

One engine for every `ViewStore`. A page begins with one list of candidates that the store keeps in
order (those with a term, or with a word that begins so); the carriers on it are read and looked at
until the page is full. So the cost of a page rests on its size, never on how many carriers there
are: where a list is long and few of it fit, the page ends early and its cursor goes on from there.
"""

import json
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from hashlib import blake2s
from typing import Any

from app.application.consistency import Token, ViewBehind
from app.application.deadline import Deadline
from app.application.feed import TooManyListeners
from app.application.projections.carriers import (
    ALL,
    WORLDWIDE,
    country_term,
    identifier_term,
    pair_term,
    search_words,
    service_term,
    sort_keys,
    status_term,
    terms_of,
)
from app.application.views import Place, Progress, View, ViewStore

CARRIERS, STATISTICS = "carriers", "statistics"
"""The projections that are asked."""

MOST_LOOKED_AT = 1000
"""Candidates that one page looks at."""

PATIENCE_SECONDS = 3.0
"""How long a query waits for a view to hold what was written."""

_MOST_AT_ONCE = 500
_ASK_EVERY_SECONDS = 0.02
_KEPT_FOR_THE_ANSWER_SECONDS = 1.0
_GENERATION_KNOWN_SECONDS = 1.0

_PARKED = (
    "The view has stopped following this carrier, because an event of it cannot be applied; an"
    " operator has to look at it"
)
_CROWDED = "The view does not hold what was written yet, and too many wait for it; try again"

_Way = Callable[[Place | None, int, Deadline], list[Place] | None]
"""To a list of candidates; None if the store cannot take it."""


class BadCursor(ValueError):
    """This is not a cursor of this query."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: all that is named must hold, and of each any alternative will do.

    Countries are alpha-2 codes, identifiers scheme and value in normal form, words folded
    beginnings, each of a word of the carrier. With countries and services, one service has to be
    offered in one of the countries. Without `statuses` the retired ones count too.
    """

    statuses: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    identifiers: frozenset[tuple[str, str]] = frozenset()
    words: frozenset[str] = frozenset()
    sort: str = "name"
    limit: int = 25
    cursor: str | None = None

    def conditions(self) -> list[frozenset[str]]:
        """Terms, of each set of which a carrier has one; the set that fits the fewest first, as
        far as that can be told."""
        found = (
            frozenset(identifier_term(*each) for each in self.identifiers),
            self._coverage(),
            frozenset(map(status_term, self.statuses)),
        )
        return [terms for terms in found if terms]

    def _coverage(self) -> frozenset[str]:
        anywhere = {*self.countries, WORLDWIDE}
        if self.countries and self.services:
            return frozenset(pair_term(at, what) for at in anywhere for what in self.services)
        if self.countries:
            return frozenset(map(country_term, anywhere))
        return frozenset(map(service_term, self.services))

    def fits(self, body: Mapping[str, Any]) -> bool:
        """Whether the carrier of a row is asked for."""
        terms = terms_of(body)
        if any(terms.isdisjoint(each) for each in self.conditions()):
            return False
        words = search_words(body) if self.words else frozenset()
        return all(any(word.startswith(prefix) for word in words) for prefix in self.words)

    def digest(self) -> str:
        """What the cursors of one query have in common; how long the pages are is no part."""
        asked: list[frozenset[Any]] = [
            self.statuses,
            self.countries,
            self.services,
            self.identifiers,
            self.words,
        ]
        text = json.dumps([self.sort, *map(sorted, asked)])
        return blake2s(text.encode(), digest_size=6).hexdigest()

    def after(self) -> Place | None:
        """The place that the cursor stands for. Raises BadCursor."""
        if self.cursor is None:
            return None
        try:
            padding = "=" * (-len(self.cursor) % 4)
            key, carrier_id, _ = json.loads(
                b64decode(self.cursor + padding, altchars=b"-_", validate=True)
            )
            place = str(key), str(carrier_id)
            if self.cursor_at(place) == self.cursor:
                return place
        except (ValueError, TypeError, RecursionError) as error:
            raise BadCursor from error
        raise BadCursor

    def cursor_at(self, place: Place) -> str:
        """A cursor of this query, to go on behind a place."""
        text = json.dumps([*place, self.digest()], ensure_ascii=False, separators=(",", ":"))
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Page:
    """Bodies of carriers in order, and where to go on, if there may be more. A page may have
    fewer rows than were asked for, even none, and yet not be the last."""

    rows: list[dict[str, Any]]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Which generation of a view answers, and how far it was before it did."""

    view: View
    progress: Progress

    @property
    def tag(self) -> str:
        """Another one whenever the view may have changed."""
        return f"{self.view.generation}.{self.progress.checkpoint}.{self.progress.revision}"


class Directory:
    """Queries, over any view store. `nudge` wakes who fills the views; `place` gives one of the
    places of those who make a thread wait, or raises TooManyListeners."""

    def __init__(
        self,
        views: ViewStore,
        nudge: Callable[[], None],
        place: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._views = views
        self._nudge = nudge
        self.place = place
        self._live: dict[str, tuple[View, Deadline]] = {}

    def standing(self, projection: str, deadline: Deadline) -> Standing:
        """What answers now. Raises StoreUnavailable."""
        view = self._view(projection, deadline)
        return Standing(view, self._views.progress(view, deadline))

    def page(self, query: Query, deadline: Deadline) -> Page:
        """The carriers behind the query's cursor. Raises BadCursor, StoreUnavailable."""
        after = query.after()
        while True:
            view = self._view(CARRIERS, deadline)
            page = self._read(query, view, after, deadline)
            # A generation is dropped some seconds after another took its place: if it is the live
            # one still, then all of it was there.
            if self._view(CARRIERS, deadline) == view:
                return page

    def _read(self, query: Query, view: View, after: Place | None, deadline: Deadline) -> Page:
        ways = self._ways(query, view)
        found: list[tuple[Place, dict[str, Any]]] = []
        left = MOST_LOOKED_AT
        size = query.limit + 1
        while left > 0:
            places = _taken(ways, after, size, deadline)
            found += self._fitting(query, view, places, deadline)
            if len(found) > query.limit:
                last, _ = found[query.limit - 1]
                return Page([body for _, body in found[: query.limit]], query.cursor_at(last))
            if len(places) < size:
                return Page([body for _, body in found], None)
            after = places[-1]
            left -= size
            size = min(2 * size, _MOST_AT_ONCE, left)
        assert after is not None, "candidates were looked at"  # noqa: S101
        return Page([body for _, body in found], query.cursor_at(after))

    def counts(self, deadline: Deadline) -> dict[str, int]:
        """What the view of statistics has counted. Raises StoreUnavailable."""
        while True:
            view = self._view(STATISTICS, deadline)
            counts = self._views.counts(view, deadline)
            if self._view(STATISTICS, deadline) == view:  # see `page`
                return counts

    def wait_for(self, token: Token, deadline: Deadline) -> None:
        """Return once the view holds what the token stands for. Raises ViewBehind, and
        StoreUnavailable."""
        if self._holds(token, deadline):
            return
        self._nudge()
        latest = deadline.at - _KEPT_FOR_THE_ANSWER_SECONDS
        give_up = Deadline(min(Deadline.after(PATIENCE_SECONDS).at, latest))
        try:
            with self.place():
                while not give_up.expired:
                    time.sleep(_ASK_EVERY_SECONDS)
                    if self._holds(token, deadline):
                        return
        except TooManyListeners:
            raise ViewBehind(_CROWDED) from None
        raise ViewBehind

    def _holds(self, token: Token, deadline: Deadline) -> bool:
        view = self._view(CARRIERS, deadline)
        row = self._views.rows(view, [token.carrier_id], deadline).get(token.carrier_id)
        if row is not None and row.version >= token.version:
            return True
        parked = self._views.progress(view, deadline).parked.get(token.carrier_id)
        if parked is not None and parked.version <= token.version:
            raise ViewBehind(_PARKED)
        return False

    def _view(self, projection: str, deadline: Deadline) -> View:
        """The live one; asked for once a second, as on Cassandra it costs a read."""
        known = self._live.get(projection)
        if known is not None and not known[1].expired:
            return known[0]
        known_until = Deadline.after(_GENERATION_KNOWN_SECONDS)
        view = View(projection, self._views.generations(projection, deadline).live)
        self._live[projection] = view, known_until
        return view

    def _ways(self, query: Query, view: View) -> list[_Way]:
        """The lists that hold all that is asked for, the shortest first as far as can be told."""
        terms = sorted(next(iter(query.conditions()), {ALL}))
        by_terms: _Way = partial(self._views.find, view, query.sort, terms)
        if query.identifiers:
            return [by_terms]
        longest_first = sorted(query.words, key=lambda word: (-len(word), word))
        by_word = [
            partial(self._views.find_prefix, view, query.sort, each) for each in longest_first
        ]
        return [*by_word, by_terms]

    def _fitting(
        self, query: Query, view: View, places: list[Place], deadline: Deadline
    ) -> list[tuple[Place, dict[str, Any]]]:
        """Those candidates that still stand at their place and are asked for."""
        rows = self._views.rows(view, [carrier_id for _, carrier_id in places], deadline)
        found = []
        for place in places:
            key, carrier_id = place
            if carrier_id in rows:
                body = json.loads(rows[carrier_id].body)
                if sort_keys(body)[query.sort] == key and query.fits(body):
                    found.append((place, body))
        return found


def _taken(ways: list[_Way], after: Place | None, size: int, deadline: Deadline) -> list[Place]:
    """Candidates from the first list that the store can take; those before it are left out from
    then on. The last way always can."""
    while (places := ways[0](after, size, deadline)) is None:
        del ways[0]
    return places
