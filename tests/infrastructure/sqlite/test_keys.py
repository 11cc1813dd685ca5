"""The contract of key stores, on SQLite; and what only a file can do wrong."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.keys import KeyStore, Scope
from app.infrastructure.clock import to_milliseconds
from app.infrastructure.sqlite.keys import SqliteKeyStore
from tests.contracts.key_store import LATER, KeyStoreContract
from tests.support.keys import add_key, new_key
from tests.support.stores import MOMENT, soon
from tests.support.threads import at_once

OLDER_TABLE = """
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
OLDER_INSERT = (
    "INSERT INTO api_keys (prefix, digest, name, scopes, created_at) VALUES (?, ?, ?, ?, ?)"
)
OLDER_READ = """
SELECT prefix, digest, name, scopes, created_at, revoked_at FROM api_keys
ORDER BY created_at, prefix
"""


class TestSqliteKeyStore(KeyStoreContract):
    """All of the contract."""

    @pytest.fixture
    def keys(self, path: Path) -> KeyStore:
        return SqliteKeyStore(path)


def test_the_file_holds_no_secret(path: Path) -> None:
    """Neither as text nor as bytes: only its SHA-256."""
    text = add_key(SqliteKeyStore(path))
    prefix, _, secret = text.partition(".")
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert prefix.encode() in content
    assert secret.encode() not in content


def gives_up_in_time(call: Callable[[], object]) -> None:
    """It fails at its deadline, and not with the patience that a file is opened with."""
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable):
        call()
    assert time.monotonic() - begun < 2


def test_a_locked_file_is_unavailable_in_time(path: Path) -> None:
    """Writing waits until its deadline, then fails with nothing written; so it can be repeated."""
    keys = SqliteKeyStore(path)
    key, _ = new_key()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for call in (
            lambda: keys.add(key, Deadline.after(0.05)),
            lambda: keys.revoke(key.prefix, LATER, Deadline.after(0.05)),
            lambda: keys.read_all(Deadline.after(0.05)),
        ):
            gives_up_in_time(call)
        other.execute("ROLLBACK")
    keys.add(key, soon())
    assert keys.read_all(soon()) == [key]


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """Opening it raises one sentence that names the file."""
    path.parent.mkdir()
    path.write_bytes(b"this is not a database, and long enough to be looked at" * 20)
    with pytest.raises(StoreUnavailable, match=r"events\.sqlite3"):
        SqliteKeyStore(path)


def test_a_table_that_is_gone_is_not_an_empty_one(path: Path) -> None:
    """Unavailable: nobody is let in because the keys have vanished."""
    keys = SqliteKeyStore(path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DROP TABLE api_keys")
    with pytest.raises(StoreUnavailable):
        keys.read_all(soon())


def test_a_scope_of_a_newer_release_grants_nothing(path: Path) -> None:
    """The key stays usable for what this release knows."""
    keys = SqliteKeyStore(path)
    add_key(keys)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE api_keys SET scopes = 'read teleport'")
    (key,) = keys.read_all(soon())
    assert key.scopes == {Scope.READ}


def as_made_before_expiry(path: Path) -> None:
    """A file with one key, whose table is that of a release that knew of no expiry."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as other, other:
        other.executescript(OLDER_TABLE)
        insert_as_before_expiry(other, "older")


def insert_as_before_expiry(connection: sqlite3.Connection, name: str) -> None:
    """With the very statement of that release."""
    key, _ = new_key(name)
    values = (key.prefix, key.digest, key.name, "write", to_milliseconds(key.created_at))
    connection.execute(OLDER_INSERT, values)


def test_an_older_table_is_altered_in_place(path: Path) -> None:
    """Its keys are kept and never expire; new ones can."""
    as_made_before_expiry(path)
    keys = SqliteKeyStore(path)
    (older,) = keys.read_all(soon())
    assert (older.name, older.expires_at) == ("older", None)
    newer = replace(new_key("newer")[0], expires_at=LATER)
    keys.add(newer, soon())
    assert newer in keys.read_all(soon())
    assert keys.end_sessions(older.prefix, MOMENT, soon())
    ended = {each.name: each.sessions_ended_at for each in keys.read_all(soon())}
    assert ended == {"older": MOMENT, "newer": None}
    keys.note_uses({older.prefix: MOMENT}, soon())
    assert keys.last_uses(soon()) == {older.prefix: MOMENT}


def test_an_older_release_goes_on_with_the_altered_table(path: Path) -> None:
    """It reads and inserts with its own statements; its key never expires."""
    as_made_before_expiry(path)
    keys = SqliteKeyStore(path)
    with closing(sqlite3.connect(path)) as other, other:
        insert_as_before_expiry(other, "another")
        assert len(other.execute(OLDER_READ).fetchall()) == 2
    assert {key.name: key.expires_at for key in keys.read_all(soon())} == {
        "older": None,
        "another": None,
    }


def test_an_older_table_is_altered_once(path: Path) -> None:
    """By eight that open it at the same moment: none fails, and all see the key."""
    as_made_before_expiry(path)
    counts = at_once(8, lambda _: len(SqliteKeyStore(path).read_all(soon())))
    assert counts == [1] * 8


def test_to_note_a_use_waits_for_no_lock_beyond_its_time(path: Path) -> None:
    """Somebody else holds the file: it is given up, and what is kept stays as it was."""
    keys = SqliteKeyStore(path)
    key = new_key()[0]
    keys.add(key, soon())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for call in (
            lambda: keys.note_uses({key.prefix: MOMENT}, Deadline.after(0.05)),
            lambda: keys.last_uses(Deadline.after(0.05)),
        ):
            gives_up_in_time(call)
        other.execute("ROLLBACK")
    assert keys.last_uses(soon()) == {}
