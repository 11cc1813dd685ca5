"""The feed of the embedded event store: its table, by rowid. Implements `ports.feed.Feed`.

`SqliteEventStore` gives the positions, in the transaction that appends. The feed's id lies in the
same file, so that a copy of the file has it too, until `renew`.
"""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import uuid4

from app.application.deadline import Deadline
from app.application.ports.feed import FeedEvent, FeedStanding, Period
from app.infrastructure.clock import from_milliseconds
from app.infrastructure.feed_identity import RecentIdentity
from app.infrastructure.sqlite.connections import Connections, transaction
from app.infrastructure.sqlite.files import FileId, connect, file_id
from app.infrastructure.sqlite.rows import EVENT_COLUMNS, feed_events

_READ = f"""
SELECT {EVENT_COLUMNS}, position FROM events WHERE position > ? ORDER BY position LIMIT ?
"""  # noqa: S608 - names of its own
_PERIOD = """
SELECT min(created_at), max(created_at) FROM events WHERE position > ? AND position <= ?
"""
_HEAD = "SELECT max(position) FROM events"
_IDENTITY = "SELECT id FROM feed_identity"
_STANDING = f"SELECT ({_IDENTITY}), coalesce(({_HEAD}), 0)"
# Beside releases that know nothing of it; of several processes that make it, the first one does.
_MAKE_IDENTITY = """
CREATE TABLE IF NOT EXISTS feed_identity (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id   TEXT NOT NULL
)
"""
_FIRST_IDENTITY = "INSERT OR IGNORE INTO feed_identity VALUES (1, ?)"
_NEXT_IDENTITY = "INSERT OR REPLACE INTO feed_identity VALUES (1, ?)"
# What SQLite can compare a rowid with.
_LAST_POSITION = 2**63 - 1


class SqliteFeed:
    """The file may come later: the store makes it. Until then the feed is unavailable. `check` is
    the store's: it raises StoreUnavailable unless the file has its name still."""

    def __init__(self, path: Path, check: Callable[[], None] | None = None) -> None:
        self._path = path
        self._check = check
        self._connections = self._to_file()
        self._file: FileId | None = None
        self._closed = False
        self._recent = RecentIdentity(lambda deadline: self.standing(deadline).feed)

    def read(self, after: int, limit: int, deadline: Deadline) -> list[FeedEvent]:
        """See `ports.feed.Feed`. Never waits for a writer."""
        with self._lent(deadline) as connection:
            values = (min(after, _LAST_POSITION), max(limit, 0))
            rows = connection.execute(_READ, values).fetchall()
        return feed_events(rows)

    def head(self, deadline: Deadline) -> int:
        """See `ports.feed.Feed`."""
        with self._lent(deadline) as connection:
            head: int | None = connection.execute(_HEAD).fetchone()[0]
        return head or 0

    def period(self, after: int, through: int, deadline: Deadline) -> Period | None:
        """See `ports.feed.Feed`."""
        with self._lent(deadline) as connection:
            values = (min(after, _LAST_POSITION), min(through, _LAST_POSITION))
            first, last = connection.execute(_PERIOD, values).fetchone()
        if first is None:
            return None
        return Period(from_milliseconds(first), from_milliseconds(last))

    def identity(self, deadline: Deadline) -> str:
        """See `ports.feed.Feed`."""
        return self._recent.get(deadline)

    def standing(self, deadline: Deadline) -> FeedStanding:
        """See `ports.feed.Feed`. A file of an earlier release gets its id here."""
        with self._lent(deadline) as connection:
            if not _has_identity(connection):
                _set_identity(connection, _FIRST_IDENTITY)
            return FeedStanding(*connection.execute(_STANDING).fetchone())

    def renew(self, deadline: Deadline) -> str:
        """See `ports.feed.Feed`."""
        self._recent.forget()
        with self._lent(deadline) as connection:
            return _set_identity(connection, _NEXT_IDENTITY)

    def close(self) -> None:
        """Give back the connections."""
        self._closed = True
        self._connections.close()

    def _lent(self, deadline: Deadline) -> AbstractContextManager[sqlite3.Connection]:
        """Of the file that is there now: a connection stays with the one that it has opened, also
        when another was put in its place."""
        there = file_id(self._path)
        if there != self._file and not self._closed:
            former, self._connections = self._connections, self._to_file()
            self._file = there
            former.close()
        return self._connections.lent(deadline)

    def _to_file(self) -> Connections:
        return Connections(lambda: connect(self._path), self._check)


def renew_copy(path: Path) -> str:
    """Give the feed in a file that nobody uses a new id, and return it. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return _set_identity(connection, _NEXT_IDENTITY)
    finally:
        connection.close()


def _has_identity(connection: sqlite3.Connection) -> bool:
    table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'feed_identity'"
    if connection.execute(table).fetchone() is None:
        return False
    return connection.execute(_IDENTITY).fetchone() is not None


def _set_identity(connection: sqlite3.Connection, statement: str) -> str:
    """Write an id, unless the statement leaves the one that is there; return the one that holds."""
    connection.execute("PRAGMA synchronous = FULL")
    with transaction(connection, "IMMEDIATE"):
        connection.execute(_MAKE_IDENTITY)
        connection.execute(statement, (str(uuid4()),))
        (identity,) = connection.execute(_IDENTITY).fetchone()
    return str(identity)
