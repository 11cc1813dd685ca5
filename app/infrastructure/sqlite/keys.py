"""API keys in the event store's SQLite file. Implements `KeyStore`.

The key ring calls it every few seconds at most, so each call opens its own connection.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.keys import ApiKey, NameTaken, known_scopes
from app.infrastructure.clock import from_milliseconds, to_milliseconds
from app.infrastructure.sqlite.connections import transaction
from app.infrastructure.sqlite.files import connect, make_where_missing

log = logging.getLogger(__name__)

_OPEN_SECONDS = 5.0
_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS api_keys (
        prefix     TEXT PRIMARY KEY,
        digest     BLOB NOT NULL,
        name       TEXT NOT NULL,
        scopes     TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        revoked_at INTEGER
    )
    """,
    "CREATE UNIQUE INDEX IF NOT EXISTS api_keys_active_name ON api_keys (name)"
    " WHERE revoked_at IS NULL",
    "CREATE TABLE IF NOT EXISTS api_key_uses (prefix TEXT PRIMARY KEY, used_at INTEGER NOT NULL)",
)
# Earlier releases, without them, can use this table too: they name the columns that they use.
_ADDED = ("expires_at", "sessions_ended_at")
_COLUMNS = "SELECT name FROM pragma_table_info('api_keys')"
_INSERT = """
INSERT INTO api_keys (prefix, digest, name, scopes, created_at, expires_at)
VALUES (?, ?, ?, ?, ?, ?)
"""
_READ = """
SELECT prefix, digest, name, scopes, created_at, revoked_at, expires_at, sessions_ended_at
FROM api_keys ORDER BY created_at, prefix
"""
_REVOKE = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE prefix = ?"
_END_SESSIONS = """
UPDATE api_keys SET sessions_ended_at = max(coalesce(sessions_ended_at, 0), ?) WHERE prefix = ?
"""
_NOTE_USE = """
INSERT INTO api_key_uses (prefix, used_at) VALUES (?, ?)
ON CONFLICT (prefix) DO UPDATE SET used_at = max(used_at, excluded.used_at)
"""
_READ_USES = "SELECT prefix, used_at FROM api_key_uses"


class SqliteKeyStore:
    """Keeps keys in the file at `path`, and makes the tables if they are missing.

    `check` is the event store's: it raises StoreUnavailable if the file was moved, deleted or
    replaced, as the answer of another file could admit everybody. Without `check` no event store
    has the file open, and this class makes the file and its folder too.
    """

    def __init__(self, path: Path, check: Callable[[], None] | None = None) -> None:
        """Without `check`, raises StoreUnavailable if the file cannot be opened as a database."""
        self._path = path
        self._check = check or _no_check
        self._has_schema = False
        try:
            if check is None:
                make_where_missing(path)
            with self._connection(Deadline.after(_OPEN_SECONDS)):
                pass
        except (sqlite3.Error, OSError, StoreUnavailable) as error:
            if check is None:
                raise StoreUnavailable(f"cannot open {path}: {error}") from error
            log.warning("the keys wait for their file: %s", error)

    def add(self, key: ApiKey, deadline: Deadline) -> None:
        """See `KeyStore`."""
        scopes, created_at = " ".join(sorted(key.scopes)), to_milliseconds(key.created_at)
        expires_at = key.expires_at and to_milliseconds(key.expires_at)
        values = (key.prefix, key.digest, key.name, scopes, created_at, expires_at)
        try:
            self._write(deadline, _INSERT, *values)
        except sqlite3.IntegrityError as error:
            raise NameTaken(key.name) from error

    def read_all(self, deadline: Deadline) -> list[ApiKey]:
        """See `KeyStore`."""
        try:
            with self._connection(deadline) as connection:
                rows = connection.execute(_READ).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read the keys: {error}") from error
        return [
            ApiKey(
                prefix,
                digest,
                name,
                known_scopes(scopes.split()),
                from_milliseconds(created_at),
                *(None if each is None else from_milliseconds(each) for each in moments),
            )
            for prefix, digest, name, scopes, created_at, *moments in rows
        ]

    def revoke(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        """See `KeyStore`."""
        return self._write(deadline, _REVOKE, to_milliseconds(moment), prefix) == 1

    def end_sessions(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        """See `KeyStore`."""
        return self._write(deadline, _END_SESSIONS, to_milliseconds(moment), prefix) == 1

    def note_uses(self, uses: Mapping[str, datetime], deadline: Deadline) -> None:
        """See `KeyStore`. Appends wait for its lock, but it does not sync: a power cut may lose
        these times."""
        rows = [(prefix, to_milliseconds(moment)) for prefix, moment in uses.items()]
        try:
            with (
                self._connection(deadline, synchronous="NORMAL") as connection,
                transaction(connection, "IMMEDIATE"),
            ):
                connection.executemany(_NOTE_USE, rows)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot note the use of keys: {error}") from error

    def last_uses(self, deadline: Deadline) -> Mapping[str, datetime]:
        """See `KeyStore`."""
        try:
            with self._connection(deadline) as connection:
                rows = connection.execute(_READ_USES).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read the uses of keys: {error}") from error
        return {prefix: from_milliseconds(used_at) for prefix, used_at in rows}

    def _write(self, deadline: Deadline, statement: str, *values: object) -> int:
        """Run the statement; return how many rows changed. Raises IntegrityError, StoreUnavailable
        or OutcomeUnknown."""
        try:
            with self._connection(deadline) as connection:
                return connection.execute(statement, values).rowcount
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR:
                # After a failed sync it is unknown whether the write would survive a crash.
                raise OutcomeUnknown(f"cannot commit: {error}") from error
            raise StoreUnavailable(f"cannot write: {error}") from error

    @contextmanager
    def _connection(
        self, deadline: Deadline, synchronous: str = "FULL"
    ) -> Iterator[sqlite3.Connection]:
        """A connection in autocommit mode that waits for locks until the deadline."""
        self._check()
        with closing(connect(self._path, deadline.remaining())) as connection:
            self._check()
            connection.execute(f"PRAGMA busy_timeout = {int(deadline.remaining() * 1000)}")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            if not self._has_schema:
                _bring_up_to_date(connection)
                self._has_schema = True
            yield connection


def _no_check() -> None:
    """Check nothing, as no event store has the file open."""


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the missing tables and columns in one transaction. If two processes do so at once, the
    second finds them made."""
    if not _missing(connection):
        return
    with transaction(connection, "IMMEDIATE"):
        for statement in _SCHEMA:
            connection.execute(statement)
        for column in _missing(connection):
            connection.execute(f"ALTER TABLE api_keys ADD COLUMN {column} INTEGER")


def _missing(connection: sqlite3.Connection) -> list[str]:
    """The columns that the table of an earlier release lacks; all of them without a table."""
    there = {name for (name,) in connection.execute(_COLUMNS)}
    return [each for each in _ADDED if each not in there]
