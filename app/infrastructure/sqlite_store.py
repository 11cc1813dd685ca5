"""The embedded event store: one SQLite file, shared by any number of threads and processes.

Implements `ports.EventStore`. WAL with synchronous=FULL: what was acknowledged survives
kill -9 and a power cut. Appends of threads that arrive together share one transaction and so
one sync. Driver errors are translated here and nowhere else.
"""

import random
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports import (
    NO_STREAM,
    Appended,
    EventData,
    ExpectedVersion,
    OutcomeUnknown,
    RecordedEvent,
    StoreError,
    StoreUnavailable,
    VersionConflict,
)
from app.infrastructure.clock import from_milliseconds, to_milliseconds
from app.infrastructure.group_commit import GroupCommit, Ticket

# `position` is the rowid. Rows are never deleted and only one transaction writes at a time, so
# it is dense and in the order of commits.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    position     INTEGER PRIMARY KEY,
    aggregate_id TEXT NOT NULL,
    version      INTEGER NOT NULL,
    event_type   TEXT NOT NULL,
    payload      TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    event_id     TEXT NOT NULL,
    metadata     TEXT NOT NULL,
    UNIQUE (aggregate_id, version)
)
"""
_HEAD = "SELECT max(version) FROM events WHERE aggregate_id = ?"
_EVENT_ID = "SELECT event_id FROM events WHERE aggregate_id = ? AND version = ?"
_INSERT = """
INSERT INTO events (aggregate_id, version, event_type, payload, created_at, event_id, metadata)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_READ = """
SELECT version, event_type, payload, created_at, event_id, metadata FROM events
WHERE aggregate_id = ? AND version > ? AND version <= ? ORDER BY version
"""
_LAST_VERSION = 2**63 - 1

# SQLite's own busy handler sleeps 1, 2, 5 … 100 ms; another process holds the file for about
# one sync, so asking again soon keeps the disk busy instead of the clock.
_LOCK_POLL_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class _Append:
    stream: str
    expected: ExpectedVersion
    events: Sequence[EventData]


_Tickets = Sequence[Ticket[_Append, Appended]]


class SqliteEventStore:
    """Opens (and makes, where missing) the file and its folder. One instance per process."""

    def __init__(self, path: Path) -> None:
        """Raises StoreUnavailable if the file cannot be opened as a database."""
        self._path = path
        self._connections: list[sqlite3.Connection] = []
        self._local = threading.local()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            self._writer.execute("PRAGMA busy_timeout = 5000")
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = FULL")
            self._writer.execute(_SCHEMA)
            self._writer.execute("PRAGMA busy_timeout = 0")
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"cannot open {path}: {error}") from error
        self._group = GroupCommit(self._commit)

    def append(
        self,
        stream: str,
        expected: ExpectedVersion,
        events: Sequence[EventData],
        commit_id: UUID,
        deadline: Deadline,
    ) -> Appended:
        """See `ports.EventStore`."""
        return self._group.submit(_Append(stream, expected, tuple(events)), deadline)

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, upto: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.EventStore`. WAL readers never wait for a writer."""
        last = _LAST_VERSION if upto is None else upto
        try:
            rows = self._reader(deadline).execute(_READ, (stream, after, last)).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read: {error}") from error
        return [
            RecordedEvent(
                stream,
                version,
                EventData(UUID(event_id), kind, payload, metadata, from_milliseconds(created_at)),
            )
            for version, kind, payload, created_at, event_id, metadata in rows
        ]

    def ping(self, deadline: Deadline) -> None:
        """See `ports.EventStore`."""
        try:
            self._reader(deadline).execute("SELECT 1 FROM events LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read: {error}") from error

    def close(self) -> None:
        """See `ports.EventStore`. The last connection folds the log into the file."""
        while self._connections:
            self._connections.pop().close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._connections.append(connection)
        return connection

    def _reader(self, deadline: Deadline) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if connection is None:
            connection = self._local.reader = self._connect()
            # Only recovery after a crash and the last close can make a reader wait.
            connection.execute(f"PRAGMA busy_timeout = {int(deadline.remaining() * 1000)}")
        return connection

    def _commit(self, tickets: _Tickets) -> None:
        """Commit the tickets together; if that fails, each by itself, so that one that cannot
        be stored fails alone."""
        try:
            self._transaction(tickets)
        except StoreError as error:
            for ticket in tickets:
                ticket.settle(error)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is each caller's to know
            if len(tickets) == 1:
                # The file is damaged, say. Nothing was written: only COMMIT leaves that open.
                broken = isinstance(error, sqlite3.DatabaseError)
                tickets[0].settle(StoreUnavailable(f"cannot write: {error}") if broken else error)
                return
            for ticket in tickets:
                self._commit([ticket])

    def _transaction(self, tickets: _Tickets) -> None:
        self._begin(max((ticket.deadline for ticket in tickets), key=lambda each: each.at))
        try:
            outcomes = [self._apply(ticket.work) for ticket in tickets]
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.OperationalError):
                raise StoreUnavailable(f"cannot write: {error}") from error
            raise
        try:
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            # An I/O error in the sync leaves open what a crash right now would bring back.
            raise OutcomeUnknown(f"cannot commit: {error}") from error
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            ticket.settle(outcome)

    def _begin(self, deadline: Deadline) -> None:
        """Take the write lock, which another process may hold."""
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                    raise StoreUnavailable(f"cannot write: {error}") from error
                if deadline.expired:
                    raise StoreUnavailable("another process keeps the file locked") from error
                time.sleep(_LOCK_POLL_SECONDS * (0.5 + random.random()))
            else:
                return

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            self._writer.execute("ROLLBACK")

    def _apply(self, work: _Append) -> Appended | VersionConflict:
        """Within the transaction: check the version, then insert. Conflicts write nothing."""
        head: int = self._writer.execute(_HEAD, (work.stream,)).fetchone()[0] or 0
        version = 0 if work.expected is NO_STREAM else work.expected
        if head != version:
            return self._recognise(work, version, head)
        for event in work.events:
            version += 1
            self._writer.execute(
                _INSERT,
                (
                    work.stream,
                    version,
                    event.event_type,
                    event.payload,
                    to_milliseconds(event.created_at),
                    str(event.event_id),
                    event.metadata,
                ),
            )
        return Appended(version)

    def _recognise(self, work: _Append, version: int, head: int) -> Appended | VersionConflict:
        """A commit that is already there, at the very place it was meant for, is done."""
        row = self._writer.execute(_EVENT_ID, (work.stream, version + 1)).fetchone()
        if row is not None and row[0] == str(work.events[0].event_id):
            return Appended(version + len(work.events), recognised=True)
        return VersionConflict(work.stream, work.expected, head or NO_STREAM)
