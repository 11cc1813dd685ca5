"""The contract of feeds, on SQLite; and what only a file can do wrong."""

import copy
import pickle
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import FrozenInstanceError
from pathlib import Path
from uuid import UUID

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import EventData, EventStore, RecordedEvent
from app.application.ports.feed import Feed, FeedEvent
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from tests.contracts.feed import FeedContract, put
from tests.support.processes import wait_until
from tests.support.stores import soon
from tests.support.threads import at_once


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in a folder that does not exist yet, with characters that mean something in URLs."""
    return tmp_path / "var ?#%20" / "events.sqlite3"


@pytest.fixture
def feed(path: Path) -> Iterator[SqliteFeed]:
    """Its feed."""
    feed = SqliteFeed(path)
    yield feed
    feed.close()


class TestSqliteFeed(FeedContract):
    """All of the contract."""

    @pytest.fixture
    def store(self, store: SqliteEventStore) -> EventStore:
        return store

    @pytest.fixture
    def feed(self, feed: SqliteFeed) -> Feed:
        return feed

    @pytest.fixture
    def sequenced(self) -> Callable[[], object]:
        return lambda: None  # an append gives the positions itself


def test_a_file_that_is_not_there_yet_is_unavailable(feed: SqliteFeed, path: Path) -> None:
    """The feed does not make it; once the store has, there is a feed."""
    with pytest.raises(StoreUnavailable):
        feed.head(soon())
    with pytest.raises(StoreUnavailable):
        feed.read(0, 10, soon())
    assert not path.exists()
    store = SqliteEventStore(path)
    assert (feed.head(soon()), feed.read(0, 10, soon())) == (0, [])
    put(store, "s")
    assert feed.head(soon()) == 1
    store.close()


def test_a_writer_does_not_keep_readers_waiting(
    store: EventStore, feed: SqliteFeed, path: Path
) -> None:
    """What is being written is not seen before it is committed."""
    put(store, "s")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO events SELECT 2, 't', 1, 'T', '', 0, event_id, '' FROM events")
        assert feed.head(Deadline.after(0.5)) == 1
        assert len(feed.read(0, 10, Deadline.after(0.5))) == 1
        other.execute("ROLLBACK")


def test_events_are_as_their_constructors_make_them(store: EventStore, feed: SqliteFeed) -> None:
    """Ids included: equal, with the same hash and text; frozen, copied and pickled alike."""
    put(store, "s")
    (found,) = feed.read(0, 1, soon())
    data = found.event.data
    made = FeedEvent(
        1,
        RecordedEvent(
            "s",
            1,
            EventData(
                UUID(str(data.event_id)),
                data.event_type,
                data.payload,
                data.metadata,
                data.created_at,
            ),
        ),
    )
    assert found == made
    assert (hash(found), repr(found)) == (hash(made), repr(made))
    assert pickle.loads(pickle.dumps(found)) == copy.deepcopy(found) == made
    assert data.event_id.is_safe == UUID(str(data.event_id)).is_safe
    with pytest.raises(FrozenInstanceError):
        found.position = 2  # type: ignore[misc]


def test_threads_that_come_and_go_share_connections(store: EventStore, feed: SqliteFeed) -> None:
    """A thread that has ended leaves none behind; as many are open as were in use at once."""
    put(store, "s")
    for _ in range(20):
        thread = threading.Thread(target=feed.head, args=(soon(),))
        thread.start()
        thread.join()
    assert len(feed._connections._idle) == 1
    assert at_once(8, lambda _: feed.head(soon())) == [1] * 8
    assert len(feed._connections._idle) <= 8


def test_a_closed_feed_is_unavailable(store: EventStore, feed: SqliteFeed) -> None:
    """A reader that comes too late is told so; to close it again does no harm."""
    assert feed.head(soon()) == 0
    feed.close()
    feed.close()
    with pytest.raises(StoreUnavailable):
        feed.head(soon())


def test_a_connection_that_is_lent_is_closed_when_it_comes_back(
    store: EventStore, feed: SqliteFeed
) -> None:
    """Whoever reads while the feed is closed reads to the end."""
    with feed._connections.lent(soon()) as connection:
        feed.close()
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")


def test_a_statement_ends_by_its_deadline(store: EventStore, feed: SqliteFeed) -> None:
    """However much it has to look at."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with (
        pytest.raises(StoreUnavailable, match="interrupted"),
        feed._connections.lent(Deadline.after(0.05)) as connection,
    ):
        connection.execute(endless).fetchone()
    assert feed.head(soon()) == 0


def test_processes_that_make_the_id_at_once_agree(store: EventStore, path: Path) -> None:
    """A file of a release before there was one gets one id, whoever comes first."""
    with ExitStack() as feeds:
        opened = [feeds.enter_context(closing(SqliteFeed(path))) for _ in range(8)]
        assert len(set(at_once(8, lambda number: opened[number].identity(soon())))) == 1


def test_another_process_renews_the_feed(store: EventStore, feed: SqliteFeed, path: Path) -> None:
    """Seen at once where the standing is asked for, and after a moment by who remembers the id."""
    before = feed.identity(soon())
    with closing(SqliteFeed(path)) as other:
        renewed = other.renew(soon())
    assert feed.standing(soon()).feed == renewed != before
    wait_until(lambda: feed.identity(soon()) == renewed, 2, "the id is read again")
