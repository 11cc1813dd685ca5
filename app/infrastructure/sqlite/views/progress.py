"""How far a view is: its checkpoint, its counts, and the streams that it has stopped following.

Functions within a transaction of `store.py`. `number` is that of the view, see `generations.py`.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple
from typing import Any

from app.application.ports.views import Changes, Discarded, Overtaken, Parked, Progress

_PROGRESS = "SELECT checkpoint, revision FROM views WHERE view = ?"
# It begins at random: a revision of a view that was thrown away must not come again for others.
_ADVANCE = """
UPDATE views SET checkpoint = ?, event_id = ?,
    revision = CASE revision WHEN 0 THEN 1 + abs(random() % 1000000000) ELSE revision + 1 END
WHERE view = ? AND checkpoint = ? AND revision = ? AND NOT dropped
"""
_TOUCH = "UPDATE views SET revision = revision + 1 WHERE view = ?"
_PARK = "INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_PARKED = "SELECT stream, version, position, reason, upto, retry, discard FROM parked"
_REQUEST = "UPDATE parked SET retry = 1, discard = ? WHERE view = ? AND stream = ?"
_RELEASE = "DELETE FROM parked WHERE view = ? AND stream = ?"
_DISCARD = "INSERT OR IGNORE INTO discarded (view, stream, version, reason) VALUES (?, ?, ?, ?)"
_DISCARDED = "SELECT stream, version, reason FROM discarded WHERE view = ?"
_INHERIT = "INSERT INTO discarded SELECT ?, stream, version, reason FROM discarded WHERE view = ?"
_COUNT = "INSERT OR REPLACE INTO counts (view, name, value) VALUES (?, ?, ?)"
_COUNTS = "SELECT name, value FROM counts WHERE view = ?"
_AMONG = " AND name IN (SELECT value FROM json_each(?))"


def progress_of(connection: sqlite3.Connection, number: int) -> Progress:
    """See `ViewStore.progress`."""
    checkpoint, revision = connection.execute(_PROGRESS, (number,)).fetchone() or (0, 0)
    parked = connection.execute(f"{_PARKED} WHERE view = ?", (number,))
    discarded = connection.execute(_DISCARDED, (number,))
    return Progress(
        checkpoint,
        revision,
        {each.stream: each for each in map(_parked, parked)},
        frozenset((stream, version) for stream, version, _ in discarded),
    )


def advance(
    connection: sqlite3.Connection, number: int, base: Progress, changes: Changes, event_id: str
) -> None:
    """Write all of a commit but its rows. Raises Overtaken. `event_id` is that of the event at the
    new checkpoint."""
    values = (changes.checkpoint, event_id, number, base.checkpoint, base.revision)
    if connection.execute(_ADVANCE, values).rowcount == 0:
        raise Overtaken
    connection.executemany(_RELEASE, [(number, stream) for stream in changes.released])
    connection.executemany(_PARK, [(number, *astuple(each)) for each in changes.parked])
    discard(connection, number, changes.discarded)
    connection.executemany(_COUNT, [(number, *count) for count in changes.counts.items()])


def request(
    connection: sqlite3.Connection, number: int, stream: str, discard: str | None
) -> Parked | None:
    """See `ViewStore.request`."""
    if connection.execute(_REQUEST, (discard, number, stream)).rowcount == 0:
        return None
    connection.execute(_TOUCH, (number,))
    query = f"{_PARKED} WHERE view = ? AND stream = ?"
    return _parked(connection.execute(query, (number, stream)).fetchone())


def discarded_of(connection: sqlite3.Connection, number: int) -> list[Discarded]:
    """See `ViewStore.discarded`."""
    return [Discarded(*row) for row in connection.execute(_DISCARDED, (number,))]


def discard(connection: sqlite3.Connection, number: int, events: Iterable[Discarded]) -> None:
    """Leave these events out of the view from its beginning."""
    connection.executemany(_DISCARD, [(number, *astuple(each)) for each in events])


def inherit(connection: sqlite3.Connection, number: int, former: int) -> None:
    """Leave out of the view what is left out of the former one."""
    connection.execute(_INHERIT, (number, former))


def counts_of(
    connection: sqlite3.Connection, number: int, keys: Collection[str] | None
) -> dict[str, int]:
    """See `ViewStore.counts`."""
    values: list[int | str] = [number]
    if keys is None:
        return dict(connection.execute(_COUNTS, values).fetchall())
    values.append(json.dumps(list(keys)))
    return dict(connection.execute(_COUNTS + _AMONG, values).fetchall())


def _parked(row: Sequence[Any]) -> Parked:
    stream, version, position, reason, through_version, retry, discard = row
    return Parked(stream, version, position, reason, through_version, bool(retry), discard)
