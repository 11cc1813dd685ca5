"""The embedded event store: one SQLite file, shared by any number of threads and processes.

Implements `ports.event_store.EventStore`. WAL with synchronous=FULL: what was acknowledged survives
kill -9 and a power cut. Appends of threads that arrive together share one transaction and so
one sync (`append`). Driver errors are translated in this room and nowhere else.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import (
    NO_CLAIMS,
    NO_STREAM,
    Appended,
    Claim,
    Claims,
    EventData,
    ExpectedVersion,
    NoOp,
    RecordedEvent,
    VersionConflict,
)
from app.infrastructure.group_commit import GroupCommit
from app.infrastructure.sqlite.append import HEAD, OWNER, Commit, CommitWriter
from app.infrastructure.sqlite.connections import sync_each_commit
from app.infrastructure.sqlite.event_file import EventFile
from app.infrastructure.sqlite.files import FileId, connect
from app.infrastructure.sqlite.rows import EVENT_COLUMNS, recorded_events

_RECORD_NOOP = """
INSERT OR IGNORE INTO notes (aggregate_id, commit_id, version, text)
SELECT ?1, ?2, ?3, ?4 WHERE ?3 = (SELECT max(version) FROM events WHERE aggregate_id = ?1)
"""
_READ_NOOP = "SELECT version, text FROM notes WHERE aggregate_id = ? AND commit_id = ?"
_LOCATE = "SELECT version FROM events WHERE aggregate_id = ? AND event_id = ?"
_VERSIONS = """
SELECT aggregate_id, max(version) FROM events
WHERE aggregate_id IN (SELECT value FROM json_each(?)) GROUP BY aggregate_id
"""
READ = f"""
SELECT {EVENT_COLUMNS} FROM events
WHERE aggregate_id = ? AND version > ? AND version <= ? ORDER BY version
"""  # noqa: S608 - names of its own
_LAST_VERSION = 2**63 - 1


class SqliteEventStore:
    """Over a file of events that is opened, and made where missing; see `EventFile`."""

    def __init__(
        self,
        path: Path,
        traces: Sequence[Path] = (),
        *,
        waits: bool = False,
        only: FileId | None = None,
    ) -> None:
        """See `EventFile`. Raises StoreUnavailable."""
        self._path = path
        self._file = EventFile(path, traces, waits=waits, only=only)
        self._writer = CommitWriter(self._file)
        self._group = GroupCommit(self._writer.commit)

    def append(
        self,
        stream: str,
        expected: ExpectedVersion,
        events: Sequence[EventData],
        commit_id: UUID,
        deadline: Deadline,
        claims: Claims = NO_CLAIMS,
    ) -> Appended:
        """See `ports.event_store.EventStore`."""
        return self._group.submit(Commit(stream, expected, tuple(events), claims), deadline)

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.event_store.EventStore`. WAL readers never wait for a writer."""
        last = _LAST_VERSION if through_version is None else through_version
        self.check()
        try:
            rows = self._file.reader(deadline).execute(READ, (stream, after, last)).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read: {error}") from error
        return recorded_events(rows)

    def read_together(
        self, streams: Sequence[str], deadline: Deadline
    ) -> list[list[RecordedEvent]]:
        """See `ports.event_store.EventStore`. All of one moment."""
        self.check()
        query = _read_together(len(streams))
        try:
            rows = self._file.reader(deadline).execute(query, tuple(streams)).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read: {error}") from error
        found: dict[str, list[RecordedEvent]] = {stream: [] for stream in streams}
        for each in recorded_events(rows):
            found[each.stream].append(each)
        return [found[stream] for stream in streams]

    def locate(self, stream: str, event_id: UUID, deadline: Deadline) -> int | None:
        """See `ports.event_store.EventStore`."""
        found = self._first(deadline, _LOCATE, stream, str(event_id))
        return int(found[0]) if found else None

    def versions(self, streams: Sequence[str], deadline: Deadline) -> dict[str, int]:
        """See `ports.event_store.EventStore`."""
        self.check()
        try:
            found = self._file.reader(deadline).execute(_VERSIONS, (json.dumps(list(streams)),))
            return dict(found.fetchall())
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read: {error}") from error

    def record_noop(self, stream: str, commit_id: UUID, noop: NoOp, deadline: Deadline) -> None:
        """See `ports.event_store.EventStore`. It is rare: a connection of its own keeps it out of
        the way of the appends that share one."""
        values = (stream, str(commit_id), noop.version, noop.text)
        self.check()
        try:
            with closing(connect(self._path)) as connection:
                connection.execute(f"PRAGMA busy_timeout = {int(deadline.remaining() * 1000)}")
                sync_each_commit(connection)
                written = connection.execute(_RECORD_NOOP, values).rowcount
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot write: {error}") from error
        self._file.confirm()
        if not written and self.recorded_noop(stream, commit_id, deadline) is None:
            head = self._first(deadline, HEAD, stream)
            raise VersionConflict(stream, noop.version, (head and head[0]) or NO_STREAM)

    def recorded_noop(self, stream: str, commit_id: UUID, deadline: Deadline) -> NoOp | None:
        """See `ports.event_store.EventStore`."""
        found = self._first(deadline, _READ_NOOP, stream, str(commit_id))
        return NoOp(*found) if found else None

    def owner(self, claim: Claim, deadline: Deadline) -> str | None:
        """See `ports.event_store.EventStore`."""
        found = self._first(deadline, OWNER, claim.scope, claim.value)
        return str(found[0]) if found else None

    def ping(self, deadline: Deadline) -> None:
        """See `ports.event_store.EventStore`."""
        self.check()
        try:
            self._file.reader(deadline).execute("SELECT 1 FROM events LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read: {error}") from error

    def close(self) -> None:
        """See `ports.event_store.EventStore`."""
        self._file.close()

    def check(self) -> None:
        """Raises StoreUnavailable unless the file is open and has its name still."""
        self._file.check()

    def _first(self, deadline: Deadline, query: str, *values: str) -> tuple[Any, ...] | None:
        self.check()
        try:
            row: tuple[Any, ...] | None = (
                self._file.reader(deadline).execute(query, values).fetchone()
            )
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read: {error}") from error
        return row


@cache
def _read_together(streams: int) -> str:
    """The statement for so many of them."""
    places = ", ".join("?" * streams)
    return f"""
    SELECT {EVENT_COLUMNS} FROM events
    WHERE aggregate_id IN ({places}) ORDER BY aggregate_id, version
    """  # noqa: S608 - names of its own
