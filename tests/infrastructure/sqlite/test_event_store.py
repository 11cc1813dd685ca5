"""The contract of event stores, on SQLite; and what only a file can do wrong."""

import contextlib
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import NO_STREAM, Appended, EventStore, NoOp, VersionConflict
from app.infrastructure.group_commit import Ticket
from app.infrastructure.sqlite.append import Commit
from app.infrastructure.sqlite.event_store import READ, SqliteEventStore
from app.infrastructure.sqlite.files import file_id
from app.infrastructure.sqlite.registry import SqliteRegistry
from tests.contracts.claims import ClaimsContract
from tests.contracts.event_store import EventStoreContract
from tests.support.stores import commit, soon
from tests.support.threads import at_once


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
    def store(self, store: SqliteEventStore) -> EventStore:
        return store

    @pytest.fixture
    def store_name(self, path: Path) -> str:
        return f"sqlite:{path}"


def test_durability_is_full(store: SqliteEventStore, path: Path) -> None:
    """The file is in WAL mode; the writer syncs at every commit."""
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    assert store._file.writer.execute("PRAGMA synchronous").fetchone() == (2,)


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


def test_a_part_of_a_stream_costs_the_same_wherever_it_is(
    store: SqliteEventStore, path: Path
) -> None:
    """The last ten events of a thousand take SQLite as many steps as the only ten of another."""
    streams = {length: str(uuid4()) for length in (10, 1000)}
    for length, stream in streams.items():
        commit_id, events = commit(length)
        store.append(stream, NO_STREAM, events, commit_id, soon())
    taken: list[int] = []
    steps: dict[int, int] = {}
    with closing(sqlite3.connect(path)) as other:
        other.execute(READ, ("", 0, 0)).fetchall()  # learns the tables
        other.set_progress_handler(lambda: taken.append(1), 1)
        for length, stream in streams.items():
            taken.clear()
            assert len(other.execute(READ, (stream, length - 10, length)).fetchall()) == 10
            steps[length] = len(taken)
    assert steps[10] > 10
    # The last stream of the index ends a step sooner.
    assert steps[1000] <= steps[10] + 1


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
    tickets: list[Ticket[Commit, Appended]] = [
        Ticket(Commit(f"s{number}", NO_STREAM, events), soon())
        for number, (_, events) in enumerate(group)
    ]
    store._writer.commit(tickets)
    assert tickets[0].result().version == 1
    with pytest.raises(UnicodeEncodeError):
        tickets[1].result()
    assert tickets[2].result().version == 1


def test_nobody_else_reads_the_file(path: Path) -> None:
    """Neither what is made, with the log beside it, nor what was open to others before."""
    before = os.umask(0o022)
    try:
        store = SqliteEventStore(path)
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
        assert modes == dict.fromkeys([path.name, f"{path.name}-wal", f"{path.name}-shm"], 0o600)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        store.close()
        path.chmod(0o644)
        SqliteEventStore(path).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_a_folder_of_somebody_elses_keeps_its_permissions(tmp_path: Path) -> None:
    """It was there before: others may have a reason to look into it."""
    tmp_path.chmod(0o755)
    SqliteEventStore(tmp_path / "events.sqlite3").close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_what_root_makes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    """The service, which runs as that user, can use what a shell command of root's has made."""
    if os.geteuid() == 0:
        os.chown(tmp_path, 10001, 10001)
    path = tmp_path / "events.sqlite3"
    SqliteEventStore(path).close()
    assert path.stat().st_uid == tmp_path.stat().st_uid


def moved(path: Path, store: SqliteEventStore) -> None:
    """Away, with what is beside it."""
    path.rename(path.with_name("moved"))


def replaced(path: Path, store: SqliteEventStore) -> None:
    """By another registry's file."""
    moved(path, store)
    SqliteEventStore(path.with_name("other")).close()
    path.with_name("other").rename(path)


@pytest.mark.parametrize("happens", [moved, replaced])
def test_a_file_that_was_taken_away_is_not_used(
    store: SqliteEventStore, path: Path, happens: Callable[[Path, SqliteEventStore], None]
) -> None:
    """For reading and writing, from the first look on; when the same file is back, it goes on."""
    commit_id, events = commit()
    store.append("s", NO_STREAM, events, commit_id, soon())
    kept = file_id(path)
    for name in ("-wal", "-shm"):
        assert path.with_name(path.name + name).exists()
    happens(path, store)
    with pytest.raises(StoreUnavailable):
        store.ping(soon())
    for use in (
        lambda: store.read("s", soon()),
        lambda: store.append("other", NO_STREAM, events, commit_id, soon()),
        lambda: store.record_noop("s", commit_id, NoOp(1, "text"), soon()),
        lambda: store.locate("s", events[0].event_id, soon()),
    ):
        with pytest.raises(StoreUnavailable):
            use()
    path.with_name("moved").replace(path)
    assert file_id(path) == kept
    assert [each.version for each in store.read("s", soon())] == [1]
    assert store.read("other", soon()) == []


def test_a_commit_to_a_file_that_was_taken_away_is_not_acknowledged(
    store: SqliteEventStore, path: Path
) -> None:
    """Nobody has looked since it was moved: what is committed to it may come back with it."""
    commit_id, events = commit()
    path.rename(path.with_name("moved"))
    with pytest.raises(OutcomeUnknown):
        store.append("s", NO_STREAM, events, commit_id, soon())
    with pytest.raises(StoreUnavailable):
        store.append("s", NO_STREAM, events, commit_id, soon())
    path.with_name("moved").rename(path)
    assert store.append("s", NO_STREAM, events, commit_id, soon()).already_applied


def test_a_file_whose_log_was_deleted_is_not_used(store: SqliteEventStore, path: Path) -> None:
    """Others would not see what is in there. It is not lost: closing folds it into the file."""
    commit_id, events = commit()
    store.append("s", NO_STREAM, events, commit_id, soon())
    path.with_name(f"{path.name}-wal").unlink()
    with pytest.raises(StoreUnavailable):
        store.read("s", soon())
    store.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT aggregate_id FROM events").fetchall() == [("s",)]


def test_a_missing_file_is_not_made_where_there_are_traces_of_it(path: Path) -> None:
    """Its log, or what was made of it: to begin anew would throw away what comes back."""
    SqliteEventStore(path).close()
    path.unlink()
    path.with_name(f"{path.name}-wal").write_bytes(b"log")
    with pytest.raises(StoreUnavailable, match="missing, but"):
        SqliteEventStore(path)
    path.with_name(f"{path.name}-wal").unlink()
    path.with_name("views").write_bytes(b"views")
    for content in (None, b""):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(StoreUnavailable, match=r"views away as well to begin anew"):
            SqliteEventStore(path, [path.with_name("views")])


def test_a_copy_is_of_the_same_registry(path: Path) -> None:
    """Its id is made once."""
    SqliteEventStore(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("VACUUM INTO ?", [str(path.with_name("copy"))])
    ids = set()
    for each in (path, path.with_name("copy")):
        SqliteEventStore(each).close()
        with closing(SqliteRegistry(each)) as registry:
            ids.add(registry.id(soon()))
    assert len(ids) == 1
