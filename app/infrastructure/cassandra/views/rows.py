"""Rows of views on Cassandra, and the lists in which they are found. Used by `store`.

Everything is written with a timestamp made of how many of the carrier's events are left out and of
its version, from which the row follows: so the later one wins, whatever the order in which
projectors write, and how often. Which lists there are: see `lists`.
"""

import heapq
import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import TypeVar

from cassandra.query import Statement

from app.application.deadline import Deadline
from app.application.ports.views import WHOLE_SORTS, Place, Row, RowChange, View
from app.infrastructure.cassandra.requests import Requests, Write
from app.infrastructure.cassandra.retries import retrying
from app.infrastructure.cassandra.session import Row as Answer
from app.infrastructure.cassandra.statements import STATEMENTS
from app.infrastructure.cassandra.views.lists import (
    INDEXED_PREFIX,
    LISTED_SORT,
    LONGEST_WORD,
    list_part,
    moves,
    parts,
    prefix_list,
    term_list,
    word_part,
)

STATEMENTS.register(
    view_put_row=(
        "INSERT INTO view_rows (projection, generation, shard, carrier_id, version, body)"
        " VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
    ),
    view_put_into_list=(
        "INSERT INTO view_lists (part, list, key, carrier_id) VALUES (?, ?, ?, ?) USING TIMESTAMP ?"
    ),
    view_take_from_list=(
        "DELETE FROM view_lists USING TIMESTAMP ?"
        " WHERE part = ? AND list = ? AND key = ? AND carrier_id = ?"
    ),
    # Measured with 25 ids: half the time of a read for each.
    view_read_rows=(
        "SELECT carrier_id, version, body FROM view_rows"
        " WHERE projection = ? AND generation = ? AND shard IN ? AND carrier_id IN ?"
    ),
    view_read_shard=(
        "SELECT carrier_id, version, body FROM view_rows"
        " WHERE projection = ? AND generation = ? AND shard = ?"
    ),
    view_read_list=(
        "SELECT key, carrier_id FROM view_lists"
        " WHERE part = ? AND list = ? AND (key, carrier_id) > (?, ?) LIMIT ?"
    ),
    view_read_words=(
        "SELECT key, carrier_id FROM view_lists WHERE part = ? AND list >= ? AND list < ? LIMIT ?"
    ),
    view_drop_rows=(
        "DELETE FROM view_rows USING TIMESTAMP ?"
        " WHERE projection = ? AND generation = ? AND shard = ?"
    ),
    view_drop_lists="DELETE FROM view_lists USING TIMESTAMP ? WHERE part = ?",
)

Item = TypeVar("Item")

ROW_SHARDS = 8
"""Measured: reading 25 rows from 8 partitions costs 0.8 of reading them from 32. With a million
carriers one takes about 90 MB before compression."""
WORD_MATCHES = 500
"""So many matches of a longer prefix are put in order here: one page of an answer."""

SHARD_SECONDS = 120.0
"""How long to wait for a whole one at a time."""

IDS_PER_READ = 50
STATEMENTS_PER_BATCH = 500

VERSIONS = 2**31
ABOVE_ALL_VERSIONS = 2**62
_LAST_CHARACTER = "\U0010ffff"


class _Batches:
    """Writes by partition: those to one partition together are one write for the server, of any
    size up to half a segment of its commit log (16 MB)."""

    def __init__(self) -> None:
        self._writes: defaultdict[object, list[Write]] = defaultdict(list)

    def add(self, partition: object, name: str, values: Sequence[object]) -> None:
        """Another write."""
        self._writes[partition].append((name, values))

    def parts(self) -> Iterator[Sequence[Write]]:
        """What has to be sent, each part as one batch."""
        for writes in self._writes.values():
            yield from _chunks(writes, STATEMENTS_PER_BATCH)


class CassandraViewRows:
    """The tables `view_rows` and `view_lists`. Every call raises StoreUnavailable."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def write(self, view: View, changes: Sequence[RowChange], deadline: Deadline) -> None:
        """Put into the lists, write the rows, take out of the lists: at any moment a row is in the
        lists at the place where it stands, also where a projector dies in between."""
        came, gone = self._listing(view, changes, deadline)
        for statements in (came, self._putting(view, changes, deadline), gone):
            self._execute(statements, deadline)

    def rows(self, view: View, carrier_ids: Iterable[str], deadline: Deadline) -> dict[str, Row]:
        """See `ports.views.ViewStore`. Without keys, terms and words."""
        read = partial(self._requests.bind, deadline, "view_read_rows", *_of(view))
        statements = [
            read(sorted({_row_shard(each) for each in ids}), ids)
            for ids in _chunks(sorted(set(carrier_ids)), IDS_PER_READ)
        ]
        found = chain.from_iterable(self._execute(statements, deadline))
        return {row["carrier_id"]: _row(row) for row in found}

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
        lists = [term_list(term) for term in set(terms)]
        return self._merged(view, sort, lists, after, limit, deadline)

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
        if sort not in WHOLE_SORTS:
            return None
        if len(prefix) >= INDEXED_PREFIX:
            words = self._words(view, prefix[:LONGEST_WORD], deadline)
            if len(words) < WORD_MATCHES:
                index = WHOLE_SORTS.index(sort)
                places = {(json.loads(row["key"])[index], row["carrier_id"]) for row in words}
                return sorted(place for place in places if place > (after or ("", "")))[:limit]
        name = prefix_list(prefix) if sort == LISTED_SORT else None
        return None if name is None else self._merged(view, sort, [name], after, limit, deadline)

    def drop(self, view: View, deadline: Deadline) -> None:
        """Delete everything, with a timestamp that no late writer gets past."""
        bind = partial(self._requests.bind, deadline)
        rows = [
            bind("view_drop_rows", ABOVE_ALL_VERSIONS, *_of(view), shard)
            for shard in range(ROW_SHARDS)
        ]
        lists = [bind("view_drop_lists", ABOVE_ALL_VERSIONS, part) for part in parts(view)]
        self._execute([*rows, *lists], deadline)

    def differences(self, one: View, other: View, deadline: Deadline) -> int:
        """How many rows differ. Reads both views, a shard at a time."""
        read = partial(self._requests.bind, deadline, "view_read_shard")
        patient = self._requests.within(SHARD_SECONDS)

        def both(shard: int) -> list[list[Answer]]:
            statements = [read(*_of(view), shard) for view in (one, other)]
            return retrying(deadline, lambda: patient.execute_all(statements, deadline))

        return sum(_differing(*both(shard)) for shard in range(ROW_SHARDS))

    def _listing(
        self, view: View, changes: Iterable[RowChange], deadline: Deadline
    ) -> tuple[list[Statement], list[Statement]]:
        """What puts them into lists, and what takes them out."""
        putting, taking = _Batches(), _Batches()
        for change in changes:
            moment = _timestamp(change.row)
            gone, came = moves(view, change)
            for entry in gone:
                taking.add(entry[0], "view_take_from_list", (moment, *entry))
            for entry in came:
                putting.add(entry[0], "view_put_into_list", (*entry, moment))
        return self._batched(putting, deadline), self._batched(taking, deadline)

    def _putting(
        self, view: View, changes: Iterable[RowChange], deadline: Deadline
    ) -> list[Statement]:
        batches = _Batches()
        for row in (change.row for change in changes):
            shard = _row_shard(row.carrier_id)
            values = (*_of(view), shard, row.carrier_id, row.version, row.body, _timestamp(row))
            batches.add(shard, "view_put_row", values)
        return self._batched(batches, deadline)

    def _batched(self, batches: _Batches, deadline: Deadline) -> list[Statement]:
        return [self._requests.plain_batch(deadline, writes) for writes in batches.parts()]

    def _merged(
        self,
        view: View,
        sort: str,
        lists: Iterable[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place]:
        read = partial(self._requests.bind, deadline, "view_read_list")
        behind = after or ("", "")
        answers = self._execute(
            [read(list_part(view, sort, name), name, *behind, limit) for name in lists],
            deadline,
        )
        merged = heapq.merge(*(map(_place, answer) for answer in answers))
        return list(islice(_without_repeats(merged), limit))

    def _words(self, view: View, prefix: str, deadline: Deadline) -> list[Answer]:
        between = (prefix, prefix + _LAST_CHARACTER)
        values = (word_part(view, prefix), *between, WORD_MATCHES)
        words = self._requests.bind(deadline, "view_read_words", *values)
        return self._execute([words], deadline)[0]

    def _execute(self, statements: Sequence[Statement], deadline: Deadline) -> list[list[Answer]]:
        """All of the statements again if one failed: each can be repeated."""
        return retrying(deadline, lambda: self._requests.execute_all(statements, deadline))


def _row_shard(carrier_id: str) -> int:
    return zlib.crc32(carrier_id.encode()) % ROW_SHARDS


def _timestamp(row: Row) -> int:
    """Whoever leaves out more is the later one, at whatever version others were before that."""
    return row.discarded * VERSIONS + row.version


def _of(view: View) -> tuple[str, int]:
    return view.projection, view.generation


def _place(row: Answer) -> Place:
    return row["key"], row["carrier_id"]


def _row(row: Answer) -> Row:
    return Row(row["carrier_id"], row["version"], row["body"])


def _differing(one: Iterable[Answer], other: Iterable[Answer]) -> int:
    rows = [{row["carrier_id"]: _row(row) for row in rows} for rows in (one, other)]
    return sum(rows[0].get(each) != rows[1].get(each) for each in rows[0].keys() | rows[1].keys())


def _without_repeats(places: Iterable[Place]) -> Iterator[Place]:
    last: Place | None = None
    for place in places:
        if place != last:
            yield place
        last = place


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
