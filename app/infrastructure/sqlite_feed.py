"""The feed of the embedded event store: its table, by rowid. Implements `feed.Feed`.

`SqliteEventStore` gives the positions, in the transaction that appends.
"""

import sqlite3
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, SafeUUID

from app.application.deadline import Deadline
from app.application.feed import FeedEvent
from app.application.ports import EventData, RecordedEvent
from app.infrastructure.clock import from_milliseconds
from app.infrastructure.sqlite_connections import Connections

_READ = """
SELECT position, aggregate_id, version, event_type, payload, created_at, event_id, metadata
FROM events WHERE position > ? ORDER BY position LIMIT ?
"""
_HEAD = "SELECT max(position) FROM events"
# What SQLite can compare a rowid with.
_LAST_POSITION = 2**63 - 1

Frozen = TypeVar("Frozen")


class SqliteFeed:
    """The file may come later: the store makes it. Until then the feed is unavailable."""

    def __init__(self, path: Path) -> None:
        self._uri = f"{path.absolute().as_uri()}?mode=rw"
        self._connections = Connections(self._connect)

    def read(self, after: int, limit: int, deadline: Deadline) -> list[FeedEvent]:
        """See `feed.Feed`. Never waits for a writer."""
        with self._connections.lent(deadline) as connection:
            values = (min(after, _LAST_POSITION), max(limit, 0))
            rows = connection.execute(_READ, values).fetchall()
        return _events(rows) if rows else []

    def head(self, deadline: Deadline) -> int:
        """See `feed.Feed`."""
        with self._connections.lent(deadline) as connection:
            head: int | None = connection.execute(_HEAD).fetchone()[0]
        return head or 0

    def close(self) -> None:
        """Give back the connections."""
        self._connections.close()

    def _connect(self) -> sqlite3.Connection:
        # The timeout is set anew for every call.
        return sqlite3.connect(
            self._uri, timeout=0, isolation_level=None, check_same_thread=False, uri=True
        )


def _events(rows: Sequence[tuple[Any, ...]]) -> list[FeedEvent]:
    """The rows as the port has them, made column by column."""
    positions, streams, versions, kinds, payloads, moments, ids, metadata = zip(*rows, strict=True)
    data = _made(
        EventData,
        event_id=_made(UUID, int=_integers(ids), is_safe=repeat(SafeUUID.unknown)),
        event_type=kinds,
        payload=payloads,
        metadata=metadata,
        created_at=map(from_milliseconds, moments),
    )
    recorded = _made(RecordedEvent, stream=streams, version=versions, data=data)
    return _made(FeedEvent, position=positions, event=recorded)


def _integers(ids: Iterable[str]) -> list[int]:
    return [int(digits, 16) for digits in "\n".join(ids).replace("-", "").split("\n")]


def _made(kind: type[Frozen], **columns: Iterable[Any]) -> list[Frozen]:
    """Instances of a frozen class with slots, as its constructor would make them.

    Constructors are what reading a feed costs: a UUID's alone takes longer than SQLite for the
    whole row. To fill each slot of all instances in turn takes two thirds of the time.
    """
    (first, values), *others = columns.items()
    values = list(values)
    made: list[Frozen] = list(map(object.__new__, repeat(kind, len(values))))
    for name, column in ((first, values), *others):
        deque(map(getattr(kind, name).__set__, made, column), maxlen=0)
    return made
