"""The contract of event stores, on SQLite; and what only a file can do wrong."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.deadline import Deadline
from app.application.ports import NO_STREAM, Appended, EventStore, StoreUnavailable, VersionConflict
from app.infrastructure.group_commit import Ticket
from app.infrastructure.sqlite_store import SqliteEventStore, _Append
from tests.contracts.claims import ClaimsContract
from tests.contracts.event_store import EventStoreContract
from tests.support.stores import commit, soon
from tests.support.threads import at_once


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in a folder that does not exist yet."""
    return tmp_path / "var" / "events.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteEventStore]:
    """An empty store."""
    store = SqliteEventStore(path)
    yield store
    store.close()


def test_a_file_can_be_made_by_several_at_once(path: Path) -> None:
    """All of them can use it."""
    for _ in range(5):
        stores = at_once(6, lambda _: SqliteEventStore(path))
        for store in stores:
            commit_id, events = commit()
            store.append(str(uuid4()), NO_STREAM, events, commit_id, soon())
            store.close()
        path.unlink()


class TestSqliteEventStore(EventStoreContract, ClaimsContract):
    """All of the contract."""

    @pytest.fixture
    def store(self, path: Path) -> Iterator[EventStore]:
        store = SqliteEventStore(path)
        yield store
        store.close()

    @pytest.fixture
    def store_name(self, path: Path) -> str:
        return f"sqlite:{path}"


def test_durability_is_full(store: SqliteEventStore, path: Path) -> None:
    """The file is in WAL mode; the writer syncs at every commit."""
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_locked_file_is_unavailable_in_time(store: SqliteEventStore, path: Path) -> None:
    """While another process holds the file, an append waits until its deadline, then fails."""
    commit_id, events = commit()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        store.append("s", NO_STREAM, events, commit_id, Deadline.after(0.1))
    other.execute("ROLLBACK")
    other.close()
    assert store.read("s", soon()) == []
    assert store.append("s", NO_STREAM, events, commit_id, soon()).version == 1


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """Opening it raises one sentence that names the file."""
    path.parent.mkdir()
    path.write_bytes(b"this is not a database, and long enough to be looked at" * 20)
    with pytest.raises(StoreUnavailable, match=r"events\.sqlite3"):
        SqliteEventStore(path)


def test_positions_are_dense_after_conflicts(store: SqliteEventStore, path: Path) -> None:
    """Neither a conflict nor a failed transaction leaves a hole in the order of all events."""
    streams = [str(uuid4()) for _ in range(3)]
    for stream in streams * 2:
        commit_id, events = commit(2)
        with contextlib.suppress(VersionConflict):
            store.append(stream, NO_STREAM, events, commit_id, soon())
    other = sqlite3.connect(path)
    positions = [row[0] for row in other.execute("SELECT position FROM events ORDER BY position")]
    other.close()
    assert positions == list(range(1, 7))


def test_one_event_that_cannot_be_stored_fails_alone(store: SqliteEventStore) -> None:
    """Appends that share its transaction are committed all the same."""
    group = [commit(), commit(payload="\ud800"), commit()]
    tickets: list[Ticket[_Append, Appended]] = [
        Ticket(_Append(f"s{number}", NO_STREAM, events), soon())
        for number, (_, events) in enumerate(group)
    ]
    store._commit(tickets)
    assert tickets[0].result().version == 1
    with pytest.raises(UnicodeEncodeError):
        tickets[1].result()
    assert tickets[2].result().version == 1
