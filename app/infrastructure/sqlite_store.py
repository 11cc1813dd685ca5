"""The embedded event store: one SQLite file, shared by any number of threads and processes.

Implements `ports.EventStore`. WAL with synchronous=FULL: what was acknowledged survives
kill -9 and a power cut. Appends of threads that arrive together share one transaction and so
one sync. Driver errors are translated here and nowhere else.
"""

import json
import random
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports import (
    NO_CLAIMS,
    NO_STREAM,
    AlreadyClaimed,
    Appended,
    Claim,
    Claims,
    EventData,
    ExpectedVersion,
    Note,
    OutcomeUnknown,
    RecordedEvent,
    StoreError,
    StoreUnavailable,
    VersionConflict,
)
from app.infrastructure.clock import from_milliseconds, to_milliseconds
from app.infrastructure.group_commit import GroupCommit, Ticket
from app.infrastructure.sqlite_connections import use_log

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
);
CREATE TABLE IF NOT EXISTS claims (
    scope TEXT NOT NULL,
    value TEXT NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (scope, value)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (
    aggregate_id TEXT NOT NULL,
    commit_id    TEXT NOT NULL,
    version      INTEGER NOT NULL,
    text         TEXT NOT NULL,
    PRIMARY KEY (aggregate_id, commit_id)
) WITHOUT ROWID;
"""

# The rules of an append as a trigger of the writing connection, so that a whole group of commits
# is one statement. Python gives up its lock around each statement and, with other threads busy,
# waits to get it back: between BEGIN and COMMIT that would keep the file locked meanwhile.
# One row an event; the first of a commit carries its claims.
_COMMITS = """
CREATE TEMP VIEW commits AS
    SELECT aggregate_id, version, event_type, payload, created_at, event_id, metadata,
        '[]' AS taken, '[]' AS freed
    FROM events;
CREATE TEMP TRIGGER append INSTEAD OF INSERT ON commits BEGIN
    SELECT RAISE(ABORT, 'version conflict')
    WHERE new.version
        <> 1 + (SELECT coalesce(max(version), 0) FROM events WHERE aggregate_id = new.aggregate_id);
    DELETE FROM claims
    WHERE owner = new.aggregate_id
        AND (scope, value) IN (SELECT value ->> 0, value ->> 1 FROM json_each(new.freed));
    SELECT RAISE(ABORT, 'already claimed')
    FROM json_each(new.taken) AS wanted
    JOIN claims ON scope = wanted.value ->> 0 AND claims.value = wanted.value ->> 1
    WHERE owner <> new.aggregate_id;
    INSERT OR IGNORE INTO claims (scope, value, owner)
    SELECT value ->> 0, value ->> 1, new.aggregate_id FROM json_each(new.taken);
    INSERT INTO events
        (aggregate_id, version, event_type, payload, created_at, event_id, metadata)
    VALUES
        (new.aggregate_id, new.version, new.event_type, new.payload, new.created_at, new.event_id,
        new.metadata);
END;
"""
_APPEND = "INSERT INTO commits VALUES "
_NONE = "[]"
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
_HEAD = "SELECT max(version) FROM events WHERE aggregate_id = ?"
_EVENT_ID = "SELECT event_id FROM events WHERE aggregate_id = ? AND version = ?"
_OWNER = "SELECT owner FROM claims WHERE scope = ? AND value = ?"
_NOTE = """
INSERT OR IGNORE INTO notes (aggregate_id, commit_id, version, text)
SELECT ?1, ?2, ?3, ?4 WHERE ?3 = (SELECT max(version) FROM events WHERE aggregate_id = ?1)
"""
_NOTED = "SELECT version, text FROM notes WHERE aggregate_id = ? AND commit_id = ?"
_LOCATE = "SELECT version FROM events WHERE aggregate_id = ? AND event_id = ?"
_READ = """
SELECT version, event_type, payload, created_at, event_id, metadata FROM events
WHERE aggregate_id = ? AND version > ? AND version <= ? ORDER BY version
"""
_LAST_VERSION = 2**63 - 1

_OPEN_SECONDS = 5.0

# SQLite's own busy handler sleeps 1, 2, 5 … 100 ms; another process holds the file for about
# one sync, so asking again soon keeps the disk busy instead of the clock.
_LOCK_POLL_SECONDS = 0.0001


@dataclass(frozen=True, slots=True)
class _Append:
    stream: str
    expected: ExpectedVersion
    events: Sequence[EventData]
    claims: Claims = NO_CLAIMS

    @property
    def after(self) -> int:
        return 0 if self.expected is NO_STREAM else self.expected

    @property
    def done(self) -> Appended:
        return Appended(self.after + len(self.events))

    def rows(self) -> list[tuple[str | int, ...]]:
        """As the view `commits` takes them."""
        claims = (_pairs(self.claims.taken), _pairs(self.claims.freed))
        return [
            (
                self.stream,
                self.after + place,
                event.event_type,
                event.payload,
                to_milliseconds(event.created_at),
                str(event.event_id),
                event.metadata,
                *(claims if place == 1 else (_NONE, _NONE)),
            )
            for place, event in enumerate(self.events, 1)
        ]


_Refusal = VersionConflict | AlreadyClaimed
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
            self._writer.execute(f"PRAGMA busy_timeout = {int(_OPEN_SECONDS * 1000)}")
            use_log(self._writer, Deadline.after(_OPEN_SECONDS))
            self._writer.execute("PRAGMA synchronous = FULL")
            self._writer.executescript(_SCHEMA)
            self._writer.executescript(_COMMITS)
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
        claims: Claims = NO_CLAIMS,
    ) -> Appended:
        """See `ports.EventStore`."""
        return self._group.submit(_Append(stream, expected, tuple(events), claims), deadline)

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

    def locate(self, stream: str, event_id: UUID, deadline: Deadline) -> int | None:
        """See `ports.EventStore`."""
        found = self._first(deadline, _LOCATE, stream, str(event_id))
        return int(found[0]) if found else None

    def note(self, stream: str, commit_id: UUID, note: Note, deadline: Deadline) -> None:
        """See `ports.EventStore`. It is rare: a connection of its own keeps it out of the way of
        the appends that share one."""
        values = (stream, str(commit_id), note.version, note.text)
        try:
            with closing(
                sqlite3.connect(self._path, deadline.remaining(), isolation_level=None)
            ) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                written = connection.execute(_NOTE, values).rowcount
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot write: {error}") from error
        if not written and self.noted(stream, commit_id, deadline) is None:
            head = self._first(deadline, _HEAD, stream)
            raise VersionConflict(stream, note.version, (head and head[0]) or NO_STREAM)

    def noted(self, stream: str, commit_id: UUID, deadline: Deadline) -> Note | None:
        """See `ports.EventStore`."""
        found = self._first(deadline, _NOTED, stream, str(commit_id))
        return Note(*found) if found else None

    def owner(self, claim: Claim, deadline: Deadline) -> str | None:
        """See `ports.EventStore`."""
        found = self._first(deadline, _OWNER, claim.scope, claim.value)
        return str(found[0]) if found else None

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

    def _first(self, deadline: Deadline, query: str, *values: str) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._reader(deadline).execute(query, values).fetchone()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read: {error}") from error
        return row

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
            if not self._at_once(tickets):
                self._one_by_one(tickets)
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

    def _at_once(self, tickets: _Tickets) -> bool:
        """All of them in one statement, which is its own transaction; whether all could be."""
        try:
            rows = [row for ticket in tickets for row in ticket.work.rows()]
            self._locked(tickets, *_insert(rows), commits=True)
        except sqlite3.IntegrityError:
            return False
        for ticket in tickets:
            ticket.settle(ticket.work.done)
        return True

    def _one_by_one(self, tickets: _Tickets) -> None:
        """In one transaction, but each in a statement of its own: some are refused."""
        self._locked(tickets, "BEGIN IMMEDIATE")
        try:
            outcomes = [self._apply(ticket.work) for ticket in tickets]
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.OperationalError):
                raise StoreUnavailable(f"cannot write: {error}") from error
            raise
        self._locked(tickets, "COMMIT", commits=True)
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            ticket.settle(outcome)

    def _locked(
        self,
        tickets: _Tickets,
        statement: str,
        values: Sequence[str | int] = (),
        *,
        commits: bool = False,
    ) -> None:
        """Execute what needs the write lock, which another process may hold."""
        while True:
            try:
                self._writer.execute(statement, values)
            except sqlite3.OperationalError as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code != sqlite3.SQLITE_BUSY:
                    self._roll_back()
                    if commits and code == sqlite3.SQLITE_IOERR:
                        # It leaves open what a crash right now would bring back.
                        raise OutcomeUnknown(f"cannot commit: {error}") from error
                    raise StoreUnavailable(f"cannot write: {error}") from error
                if all(ticket.deadline.expired for ticket in tickets):
                    self._roll_back()
                    raise StoreUnavailable("another process keeps the file locked") from error
                time.sleep(_LOCK_POLL_SECONDS * (0.5 + random.random()))
            else:
                return

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            self._writer.execute("ROLLBACK")

    def _apply(self, work: _Append) -> Appended | _Refusal:
        """Within a transaction: a refused commit writes nothing, and the reason is looked up."""
        try:
            self._writer.execute(*_insert(work.rows()))
        except sqlite3.IntegrityError:
            return self._recognised(work) or self._refusal(work)
        return work.done

    def _recognised(self, work: _Append) -> Appended | None:
        """A commit that is already there, at the very place it was meant for, is done."""
        row = self._writer.execute(_EVENT_ID, (work.stream, work.after + 1)).fetchone()
        if row is None or row[0] != str(work.events[0].event_id):
            return None
        return replace(work.done, recognised=True)

    def _refusal(self, work: _Append) -> _Refusal:
        head: int = self._writer.execute(_HEAD, (work.stream,)).fetchone()[0] or 0
        if head == work.after:
            for claim in work.claims.taken:
                owner = self._writer.execute(_OWNER, (claim.scope, claim.value)).fetchone()
                if owner and owner[0] != work.stream:
                    return AlreadyClaimed(claim, owner[0])
        return VersionConflict(work.stream, work.expected, head or NO_STREAM)


def _pairs(claims: Sequence[Claim]) -> str:
    return json.dumps([(claim.scope, claim.value) for claim in claims]) if claims else _NONE


def _insert(rows: Sequence[tuple[str | int, ...]]) -> tuple[str, list[str | int]]:
    """The statement and its values."""
    return _APPEND + ",".join([_ROW] * len(rows)), [value for row in rows for value in row]
