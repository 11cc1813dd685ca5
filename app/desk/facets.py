"""The filters beside the list of carriers: their values, and how many carriers have each.

A filter's values are counted among the carriers that fit all the other filters, so a number is that
of the carriers that are found if the value alone is chosen. Their rows are read for it, as many as
MOST: of more there is no number, rather than one of something else. Without any other filter the
registry's own counts are there, which cost nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final

from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.api.resources.representations import statistics
from app.application.directory.pages import Page
from app.application.directory.query import Query
from app.application.ports.views import WHOLE_SORTS
from app.domain.profile.coverage import WORLDWIDE
from app.domain.state import MERGED, STATES

MOST = 1000
"""So many carriers are counted."""

SECONDS = 0.1
"""How long they are looked for on one page; what is not found by then is not counted."""

FACETS: Final = {"state": "states", "service": "services", "country": "countries"}
"""Parameters of a query whose values are counted, and what queries and statistics call them."""

_SHOWN_AT_FIRST = 8

Bodies = list[dict[str, Any]]
Counts = Mapping[str, int | None]
Address = Callable[[AbstractSet[str]], str]
"""Where the list is with these values of a filter."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a filter, how many carriers have it if that is known, and the address that adds or
    removes it."""

    value: str
    count: int | None
    is_chosen: bool
    address: str


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter with its values: the most frequent first, of which some are shown at first."""

    name: str
    shown: list[Choice]
    more: list[Choice]


class Tally:
    """Counts the carriers of a query and of those with a filter less. `page` is what the query has
    found, if it could be read."""

    def __init__(self, query: Query, page: Page | None) -> None:
        self._query = replace(query, cursor=None)
        self._registry: Mapping[str, Any] = statistics(
            services().directory.counts(deadline()), 0, 1
        )
        self._until = deadline().within(SECONDS)
        self._found: dict[Query, Bodies | None] = {}
        if page is not None and query.cursor is None and page.next_cursor is None:
            self._found[self._query] = page.rows

    @property
    def total(self) -> int | None:
        """How many carriers fit the query; None if to count them would take too long."""
        if self._is_large(self._query):
            return int(self._registry["total"])
        found = self._carriers(self._query)
        return None if found is None else len(found)

    def facet(self, parameter: str, address: Address) -> Facet:
        """The facet of one of FACETS."""
        group = FACETS[parameter]
        chosen: frozenset[str] = getattr(self._query, group)
        counts = self._counts(group)
        choices = [
            Choice(
                value,
                None if counts is None else counts.get(value, 0),
                value in chosen,
                address(chosen ^ {value}),
            )
            for value in self._values(group, counts, chosen)
        ]
        at_first = [
            each for place, each in enumerate(choices) if place < _SHOWN_AT_FIRST or each.is_chosen
        ]
        return Facet(parameter, at_first, [each for each in choices if each not in at_first])

    def _values(self, group: str, counts: Counts | None, chosen: AbstractSet[str]) -> list[str]:
        """The values to choose from, the most frequent first; states in their own order."""
        if group == "states":
            return list(STATES)
        known: Counts = self._registry[group] if counts is None else counts
        names = {*known, *chosen} - {WORLDWIDE}
        return sorted(names, key=lambda name: (-(known.get(name) or 0), name))

    def _counts(self, group: str) -> Counts | None:
        """How many carriers have each value; None if to count them would take too long."""
        without: dict[str, Any] = {group: frozenset()}
        others = replace(self._query, **without)
        if self._is_large(others):
            counts: Counts = self._registry[group]
            return counts
        # Whatever fits the query fits the others, merged carriers apart: if that is too much to be
        # counted already, they need no looking for.
        is_countable = MERGED in self._query.states or self._carriers(self._query) is not None
        found = self._carriers(others) if is_countable else None
        if found is None:
            return None
        counted = Counter(value for body in found for value in _values_of(group, others, body))
        if group == "states":
            return {**counted, MERGED: self._merged(others)}
        everywhere = counted.pop(WORLDWIDE, 0)
        named = {*counted, *self._registry[group]} if everywhere else counted
        return {value: counted[value] + everywhere for value in named}

    def _merged(self, others: Query) -> int | None:
        """How many merged carriers fit: they are found by their state alone."""
        if not self._registry["states"][MERGED]:
            return 0
        found = self._carriers(replace(others, states=frozenset({MERGED})))
        return None if found is None else len(found)

    def _is_large(self, query: Query) -> bool:
        """Whether the query is for the whole of a registry that is too large to be looked through:
        that has counts of its own."""
        whole = Query(on=query.on, sort=query.sort, limit=query.limit)
        is_whole = query == whole and query.sort in WHOLE_SORTS
        return is_whole and self._registry["total"] > MOST

    def _carriers(self, query: Query) -> Bodies | None:
        if query not in self._found:
            found = services().directory.all_of(query, MOST, self._until, deadline())
            self._found[query] = found
        return self._found[query]


def _values_of(group: str, others: Query, body: Mapping[str, Any]) -> Iterator[str]:
    """The values, each once, by which a filter finds this carrier beside the other ones: of
    countries and services, one service has to be offered in one of the countries."""
    if group == "states":
        yield body["state"]
    elif group == "services":
        wanted = {*others.countries, WORLDWIDE} if others.countries else None
        yield from {
            each["service"]
            for each in body["coverage"]
            if wanted is None or not wanted.isdisjoint(each["countries"])
        }
    else:
        places = {
            country
            for each in body["coverage"]
            if not others.services or each["service"] in others.services
            for country in each["countries"]
        }
        yield from {WORLDWIDE} if WORLDWIDE in places else places
