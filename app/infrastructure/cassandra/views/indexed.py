"""Rows of views on Cassandra, found through a storage-attached index. A trial: the service does not
use it, `bench/indexed_views.py` measures it beside the lists of `rows`.

Beside the rows by id there is one row for each order, at the place where the carrier stands in that
order, with its body and all that it is found by: one set, which the engine keeps an index of and
intersects. Everything is written with the timestamp that `rows.timestamp` gives, so that the later
version wins, whatever the order in which projectors write, and how often.

All places of a carrier in one order are in one partition. So a move from one place to another is
one write, which is seen as a whole: a carrier stands at one place, with a body and terms that
belong together.

What is missing before the service could use it: a planner over `matching` (the bench has one of
twenty lines) and its place in the port; another version of the projection, as generations of the
present one have no places; the former version's lists dropped by whoever drops that version; and a
test on three nodes of which one has missed writes.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, product
from operator import itemgetter

from cassandra.query import Statement

from app.application.deadline import Deadline
from app.application.ports.views import SORTS, Place, Row, RowChange, View
from app.infrastructure.cassandra.session import Row as Answer
from app.infrastructure.cassandra.statements import STATEMENTS
from app.infrastructure.cassandra.views.rows import (
    ABOVE_ALL_VERSIONS,
    ROW_SHARDS,
    Batches,
    CassandraViewRows,
    row_shard,
    timestamp,
)

LONGEST_PREFIX = 12
"""What follows in a word is not looked for: each character is one more value in the index."""

MOST_VALUES = 4
"""So many values at most are intersected by the engine."""

MOST_ALTERNATIVES = 16
"""So many combinations of terms are asked for; each is a request to every shard."""

_SPARE = 4
"""So many rows more than twice its even share are read of a shard at a time."""

ALL_VALUE = "=all"
"""What is found by this is every row: the index is not asked."""

_SELECT = (
    "SELECT key, carrier_id, version, body FROM view_places"
    " WHERE projection = ? AND generation = ? AND sort = ? AND shard = ?"
    " AND (key, carrier_id) > (?, ?)"
)

STATEMENTS.register(
    view_put_place=(
        "INSERT INTO view_places"
        " (projection, generation, sort, shard, key, carrier_id, version, body, found_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
    ),
    view_leave_place=(
        "DELETE FROM view_places USING TIMESTAMP ?"
        " WHERE projection = ? AND generation = ? AND sort = ? AND shard = ?"
        " AND key = ? AND carrier_id = ?"
    ),
    view_drop_places=(
        "DELETE FROM view_places USING TIMESTAMP ?"
        " WHERE projection = ? AND generation = ? AND sort = ? AND shard = ?"
    ),
    **{
        f"view_find_{count}": f"{_SELECT}{' AND found_by CONTAINS ?' * count} LIMIT ?"
        for count in range(MOST_VALUES + 1)
    },
)


@dataclass(slots=True)
class _Source:
    """One combination of values in one shard, and what was read of it so far."""

    values: tuple[str, ...]
    shard: int
    reached: Place
    found: list[tuple[Place, Row]] = field(default_factory=list)
    is_read: bool = False

    def take(self, some: Sequence[tuple[Place, Row]], asked_for: int) -> None:
        """Go on with these rows."""
        self.found += some
        self.is_read = len(some) < asked_for
        if some:
            self.reached = some[-1][0]

    def may_hold_more_before(self, best: Sequence[tuple[Place, Row]], limit: int) -> bool:
        """Whether what is not read yet may belong among the best."""
        return not self.is_read and (len(best) < limit or self.reached < best[-1][0])


class IndexedViewRows(CassandraViewRows):
    """The tables `view_rows` and `view_places`. Every call raises StoreUnavailable."""

    def write(self, view: View, changes: Sequence[RowChange], deadline: Deadline) -> None:
        """Write the places, then the rows: who is told of a row's version by `rows` finds it by all
        that it has at this version."""
        for statements in (
            self._placing(view, changes, deadline),
            self._putting(view, changes, deadline),
        ):
            self._execute(statements, deadline)

    def find(
        self,
        view: View,
        sort: str,
        terms: Collection[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place]:
        """See `ports.views.ViewStore`."""
        found = self.matching(view, sort, [frozenset(terms)], (), after, limit, deadline)
        return [place for place, _ in found]

    def find_prefix(
        self,
        view: View,
        sort: str,
        prefix: str,
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place] | None:
        """See `ports.views.ViewStore`."""
        found = self.matching(view, sort, (), [prefix], after, limit, deadline)
        return [place for place, _ in found]

    def matching(
        self,
        view: View,
        sort: str,
        conditions: Sequence[Collection[str]],
        prefixes: Collection[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[tuple[Place, Row]]:
        """The rows behind `after` that have a term of each condition, and for each prefix a word
        that begins with it: in order, at most `limit`. More may be given: check them."""
        sources = [
            _Source(values, shard, after or ("", ""))
            for values in combinations(conditions, prefixes)
            for shard in range(ROW_SHARDS)
        ]
        share = min(limit, _SPARE + 2 * limit // ROW_SHARDS)
        bind = partial(self._requests.bind, deadline)
        best: list[tuple[Place, Row]] = []
        # A source may go on before the end of what is known; one that has passed it may not.
        while short := [each for each in sources if each.may_hold_more_before(best, limit)]:
            statements = [
                bind(
                    f"view_find_{len(each.values)}",
                    *_part(view, sort, each.shard),
                    *each.reached,
                    *each.values,
                    share,
                )
                for each in short
            ]
            for each, answer in zip(short, self._execute(statements, deadline), strict=True):
                each.take(list(map(_placed, answer)), share)
            merged = heapq.merge(*(each.found for each in sources), key=itemgetter(0))
            best = list(islice(_without_repeats(merged), limit))
        return best

    def drop(self, view: View, deadline: Deadline) -> None:
        """Delete everything, with a timestamp that no late writer gets past."""
        bind = partial(self._requests.bind, deadline)
        places = [
            bind("view_drop_places", ABOVE_ALL_VERSIONS, *_part(view, sort, shard))
            for sort in SORTS
            for shard in range(ROW_SHARDS)
        ]
        rows = [
            bind("view_drop_rows", ABOVE_ALL_VERSIONS, view.projection, view.generation, shard)
            for shard in range(ROW_SHARDS)
        ]
        self._execute([*rows, *places], deadline)

    def _placing(
        self, view: View, changes: Iterable[RowChange], deadline: Deadline
    ) -> list[Statement]:
        """What puts each row where it stands now, and takes it from where it stood."""
        batches = Batches()
        for change in changes:
            row, moment = change.row, timestamp(change.row)
            values = found_by(row)
            for sort in SORTS:
                part = _part(view, sort, row_shard(row.carrier_id))
                now = row.keys.get(sort)
                for key in sorted({was.keys[sort] for was in change.was if was.keys} - {now}):
                    batches.add(part, "view_leave_place", (moment, *part, key, row.carrier_id))
                if now is not None:
                    place = (*part, now, row.carrier_id)
                    entry = (*place, row.version, row.body, values, moment)
                    batches.add(part, "view_put_place", entry)
        return self._batched(batches, deadline)


def found_by(row: Row) -> set[str]:
    """All that the index finds the row by."""
    values = {f"={term}" for term in row.terms}
    for word in row.words:
        values.update(
            f"^{word[:length]}" for length in range(1, min(len(word), LONGEST_PREFIX) + 1)
        )
    return values


def combinations(
    conditions: Sequence[Collection[str]], prefixes: Collection[str]
) -> list[tuple[str, ...]]:
    """Values that are to be asked for together, so that each match has all of one combination.

    Conditions that would make too many combinations, or too many values, are left out, the widest
    first: whoever reads the rows checks them.
    """
    always = sorted({f"^{prefix[:LONGEST_PREFIX]}" for prefix in prefixes if prefix}, key=len)
    chosen: list[list[str]] = [[value] for value in always[-MOST_VALUES:]]
    count = 1
    for terms in sorted(conditions, key=len):
        values = sorted(f"={term}" for term in set(terms))
        if ALL_VALUE in values or len(chosen) == MOST_VALUES:
            continue
        if chosen and count * len(values) > MOST_ALTERNATIVES:
            continue
        chosen.append(values)
        count *= len(values)
    return [tuple(dict.fromkeys(values)) for values in product(*chosen)]


def _part(view: View, sort: str, shard: int) -> tuple[str, int, str, int]:
    return view.projection, view.generation, sort, shard


def _placed(answer: Answer) -> tuple[Place, Row]:
    carrier_id = answer["carrier_id"]
    return (answer["key"], carrier_id), Row(carrier_id, answer["version"], answer["body"])


def _without_repeats(found: Iterable[tuple[Place, Row]]) -> Iterator[tuple[Place, Row]]:
    last: Mapping[str, object] | Place | None = None
    for place, row in found:
        if place != last:
            yield place, row
        last = place
