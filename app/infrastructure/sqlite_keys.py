"""API keys in the event store's SQLite file. Implements `access.KeyStore`.

Asked every few seconds at most, so each call has a connection of its own.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from app.application.access import ApiKey, NameTaken, known_scopes
from app.application.deadline import Deadline
from app.application.ports import OutcomeUnknown, StoreUnavailable
from app.infrastructure.clock import from_milliseconds, to_milliseconds

_OPEN_SECONDS = 5.0
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS api_keys (
    prefix     TEXT PRIMARY KEY,
    digest     BLOB NOT NULL,
    name       TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS api_keys_active_name ON api_keys (name) WHERE revoked_at IS NULL;
COMMIT;
"""
_HAS_SCHEMA = "SELECT 1 FROM sqlite_master WHERE name = 'api_keys_active_name'"
_INSERT = "INSERT INTO api_keys (prefix, digest, name, scopes, created_at) VALUES (?, ?, ?, ?, ?)"
_READ = """
SELECT prefix, digest, name, scopes, created_at, revoked_at FROM api_keys
ORDER BY created_at, prefix
"""
_REVOKE = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE prefix = ?"


class SqliteKeyStore:
    """Opens (and makes, where missing) the file, its folder and the table."""

    def __init__(self, path: Path) -> None:
        """Raises StoreUnavailable if the file cannot be opened as a database."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connection(Deadline.after(_OPEN_SECONDS)) as connection:
                if connection.execute(_HAS_SCHEMA).fetchone() is None:
                    connection.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"cannot open {path}: {error}") from error

    def add(self, key: ApiKey, deadline: Deadline) -> None:
        """See `access.KeyStore`."""
        scopes, created_at = " ".join(sorted(key.scopes)), to_milliseconds(key.created_at)
        try:
            self._write(deadline, _INSERT, key.prefix, key.digest, key.name, scopes, created_at)
        except sqlite3.IntegrityError as error:
            raise NameTaken(key.name) from error

    def read_all(self, deadline: Deadline) -> list[ApiKey]:
        """See `access.KeyStore`."""
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
                None if revoked_at is None else from_milliseconds(revoked_at),
            )
            for prefix, digest, name, scopes, created_at, revoked_at in rows
        ]

    def revoke(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        """See `access.KeyStore`."""
        return self._write(deadline, _REVOKE, to_milliseconds(moment), prefix) == 1

    def _write(self, deadline: Deadline, statement: str, *values: object) -> int:
        """How many rows it changed. Raises IntegrityError, StoreUnavailable or OutcomeUnknown."""
        try:
            with self._connection(deadline) as connection:
                return connection.execute(statement, values).rowcount
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR:
                # An error in the sync leaves open what a crash right now would bring back.
                raise OutcomeUnknown(f"cannot commit: {error}") from error
            raise StoreUnavailable(f"cannot write: {error}") from error

    @contextmanager
    def _connection(self, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        """Each statement commits by itself, synced to the disk; a lock is waited for in time."""
        opened = sqlite3.connect(self._path, timeout=deadline.remaining(), isolation_level=None)
        with closing(opened) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            yield connection
