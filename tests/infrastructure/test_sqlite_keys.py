"""The contract of key stores, on SQLite; and what only a file can do wrong."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.application.access import KeyStore, Scope
from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.infrastructure.sqlite_keys import SqliteKeyStore
from tests.contracts.key_store import LATER, KeyStoreContract
from tests.support.keys import add_key, new_key
from tests.support.stores import soon


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in a folder that does not exist yet."""
    return tmp_path / "var" / "events.sqlite3"


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
            with pytest.raises(StoreUnavailable):
                call()
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
