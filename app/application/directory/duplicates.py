"""Which carriers may be one company: pairs, found by the terms that both have.

A page goes through the carriers in the order of their registration, which never changes, and names
for each the earlier ones that it is like. What it costs depends on the page alone. A whole list, as
the shell shows it, reads the directory once and keeps the terms in memory (`all_pairs`).

A term that more than MAX_SHARED carriers have says nothing: it is the domain of a provider, or a
name such as "Euro Transport".
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from app.application.deadline import Deadline
from app.application.directory.comparison import DEFAULT_SCORE, Compared, Pair, compared, pair_of
from app.application.directory.pages import Directory, body_of
from app.application.directory.query import Query
from app.application.ports.views import SHARED_SORT, View, ViewStore
from app.application.projections.carriers import row_of
from app.application.projections.replay import Folded
from app.application.shown import Shown
from app.domain.state import ACTIVE, SUSPENDED, CarrierState

MAX_SHARED = 20
"""So many carriers at most have a term that counts."""

MAX_LOOKED_AT = 500
"""How many carriers one page looks at."""

PAGE_SECONDS = 1.0
"""How long one page looks on, at most; it ends behind the carriers that it has begun with."""

_AT_ONCE = 25
TOGETHER = 4 * _AT_ONCE
"""Fewer carriers than this have the terms of those that are looked at together, as a rule."""

_IN_THE_REGISTRY = frozenset({ACTIVE, SUSPENDED})
WHOLE_REGISTRY = Query(_IN_THE_REGISTRY, sort=SHARED_SORT, limit=500)
"""The carriers that take part, in pages for `all_pairs`."""


@dataclass(frozen=True, slots=True)
class DuplicatesQuery:
    """Which pairs: those that score `min_score` or more, from `cursor` on. A page ends with the
    carrier by which `limit` pairs are reached."""

    min_score: int = DEFAULT_SCORE
    limit: int = 25
    cursor: str | None = None

    def walk(self) -> Query:
        """The way through the carriers."""
        return Query(
            _IN_THE_REGISTRY, sort=SHARED_SORT, limit=min(_AT_ONCE, self.limit), cursor=self.cursor
        )


@dataclass(frozen=True, slots=True)
class Pairs:
    """A page of pairs, and a cursor if more may follow. It may have fewer pairs than the limit,
    even none, without being the last."""

    pairs: list[Pair]
    next_cursor: str | None


def page_of_pairs(
    directory: Directory,
    query: DuplicatesQuery,
    deadline: Deadline,
    seconds: float = PAGE_SECONDS,
) -> Pairs:
    """The pairs of the carriers behind the query's cursor with earlier ones, looked for so many
    seconds at most. Raises BadCursor, ViewNotMade, StoreUnavailable."""
    until = deadline.within(seconds)
    walk = query.walk()
    found: list[Pair] = []
    for _ in range(MAX_LOOKED_AT // walk.limit):
        page = directory.page(walk, deadline)
        carriers = [compared(body) for body in page.rows]
        for carrier, pairs in zip(carriers, _pairs(directory, carriers, deadline), strict=True):
            earlier = [each for each in pairs if each.carriers[1] == carrier]
            found += _likeliest(earlier, query.min_score)
            if len(found) >= query.limit:
                return Pairs(found, walk.cursor_at(carrier.place))
        walk = replace(walk, cursor=page.next_cursor)
        if page.next_cursor is None or until.expired:
            break
    return Pairs(found, walk.cursor)


def pairs_with(
    directory: Directory, carrier: Shown[CarrierState], min_score: int, deadline: Deadline
) -> list[Pair]:
    """The pairs of a carrier, as its own events tell it, with others as the view has them; the
    likeliest first. Raises ViewNotMade, StoreUnavailable."""
    began_at, changed_at = carrier.began_at, carrier.changed_at
    assert began_at and changed_at, "a carrier has events"  # noqa: S101
    known = Folded(carrier.id, carrier.version, carrier.state, began_at, changed_at)
    (pairs,) = _pairs(directory, [compared(json.loads(row_of(known).body))], deadline)
    return _likeliest(pairs, min_score)


def all_pairs(pages: Iterable[Sequence[Mapping[str, Any]]], min_score: int) -> list[Pair]:
    """The pairs among the carriers of all pages of rows, the likeliest first."""
    holders = _holders(compared(body) for page in pages for body in page)
    return _likeliest(_among(holders, _common(holders)), min_score)


def _holders(carriers: Iterable[Compared]) -> dict[str, list[Compared]]:
    """The carriers by the terms that they have."""
    holders: defaultdict[str, list[Compared]] = defaultdict(list)
    for carrier in carriers:
        for term in carrier.terms:
            holders[term].append(carrier)
    return holders


def _common(holders: Mapping[str, list[Compared]]) -> frozenset[str]:
    return frozenset(term for term, having in holders.items() if len(having) > MAX_SHARED)


def _among(holders: Mapping[str, list[Compared]], common: frozenset[str]) -> Iterator[Pair]:
    """Each pair of carriers that share a term, once."""
    seen: set[tuple[str, str]] = set()
    for term, having in holders.items():
        if term in common:
            continue
        for number, one in enumerate(having):
            for other in having[:number]:
                key = (one.carrier_id, other.carrier_id)
                if key not in seen:
                    seen.add(key)
                    if pair := pair_of(one, other, common):
                        yield pair


def _likeliest(pairs: Iterable[Pair], min_score: int) -> list[Pair]:
    chosen = (pair for pair in pairs if pair.score >= min_score)
    return sorted(chosen, key=lambda pair: (-pair.score, *(each.place for each in pair.carriers)))


def _pairs(
    directory: Directory, carriers: Sequence[Compared], deadline: Deadline
) -> list[list[Pair]]:
    """For each carrier its pairs with any others, all as one generation of the view has them."""

    def read(views: ViewStore, view: View) -> list[list[Pair]]:
        lookup = _Lookup(views, view, deadline)
        ids = lookup.sharing([carrier.terms for carrier in carriers])
        rows = views.rows(view, sorted(ids), deadline)
        holders = _holders(compared(body_of(row)) for row in rows.values())
        common = _common(holders) | lookup.common
        return [_beside(carrier, holders, common) for carrier in carriers]

    return directory.read(read, deadline)


def _beside(
    carrier: Compared, holders: Mapping[str, list[Compared]], common: frozenset[str]
) -> list[Pair]:
    """The carrier's pairs with the holders of its terms."""
    terms = carrier.terms - common
    like = {each.carrier_id: each for term in terms for each in holders.get(term, ())}
    like.pop(carrier.carrier_id, None)
    pairs = (pair_of(carrier, like[carrier_id], common) for carrier_id in sorted(like))
    return [pair for pair in pairs if pair is not None]


class _Lookup:
    """Finds who has any of some terms. `common` are those that were found to be too many carriers'
    to be read."""

    def __init__(self, views: ViewStore, view: View, deadline: Deadline) -> None:
        self.common: set[str] = set()
        self._views = views
        self._view = view
        self._deadline = deadline

    def sharing(self, terms_of_each: Sequence[frozenset[str]]) -> set[str]:
        """The ids of all carriers with a term of any of the sets, but for common terms. All are
        asked for together, which is enough unless that gives too many; else set by set, and if it
        has to be, term by term."""
        together = self._having(frozenset().union(*terms_of_each), TOGETHER)
        if len(together) < TOGETHER:
            return together
        return set().union(*(self._of_one(terms) for terms in terms_of_each))

    def _of_one(self, terms: frozenset[str]) -> set[str]:
        rare = terms - self.common
        together = self._having(rare, MAX_SHARED + 1)
        if len(together) <= MAX_SHARED:
            return together
        found: set[str] = set()
        for term in sorted(rare):
            having = self._having({term}, MAX_SHARED + 1)
            if len(having) > MAX_SHARED:
                self.common.add(term)
            else:
                found |= having
        return found

    def _having(self, terms: AbstractSet[str], limit: int) -> set[str]:
        places = self._views.find(
            self._view, SHARED_SORT, sorted(terms), None, limit, self._deadline
        )
        return {carrier_id for _, carrier_id in places}
