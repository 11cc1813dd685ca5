"""Waiting for the next event, on a real feed."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.application.concurrency import TooManyListeners
from app.application.deadline import Deadline
from app.application.feed import Tail
from app.application.ports.event_store import EventStore
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from tests.contracts.feed import put
from tests.support.processes import wait_until
from tests.support.stores import soon

OFTEN, NEVER = 0.005, 3600.0


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[SqliteFeed]:
    """The feed of the file that `store` makes."""
    feed = SqliteFeed(tmp_path / "events.sqlite3")
    yield feed
    feed.close()


@pytest.fixture
def make(feed: SqliteFeed) -> Iterator[Callable[[float], Tail]]:
    """Makes tails of the feed with this poll interval; they are closed after the test."""
    with ExitStack() as tails:

        def make(poll_seconds: float) -> Tail:
            tail = Tail(feed, 3, poll_seconds)
            tails.callback(tail.close)
            return tail

        yield make


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads to wait in."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def waiting(tail: Tail, count: int) -> None:
    """Return once this many readers wait."""
    wait_until(lambda: tail._waiting == count, 10, f"{count} waiting")


def looking() -> set[threading.Thread]:
    """The polling threads of all tails."""
    return {thread for thread in threading.enumerate() if thread.name == "feed-tail"}


def test_what_is_there_already_is_not_waited_for(
    store: EventStore, make: Callable[[float], Tail]
) -> None:
    """The first poll finds existing events, even if the next one would be an hour later."""
    put(store, "s", count=2)
    tail = make(NEVER)
    assert tail.wait(0, soon())
    assert tail.wait(1, soon())


def test_all_who_wait_are_woken(
    store: EventStore, make: Callable[[float], Tail], pool: ThreadPoolExecutor
) -> None:
    """An event of any process ends the wait of the readers that it concerns, and of no other."""
    tail = make(OFTEN)
    put(store, "s")
    woken = [pool.submit(tail.wait, 1, soon()) for _ in range(2)]
    later = pool.submit(tail.wait, 2, soon())
    waiting(tail, 3)
    put(store, "s", 1)
    assert [each.result(10) for each in woken] == [True, True]
    assert not later.done()
    put(store, "s", 2)
    assert later.result(10)


def test_what_this_process_appends_is_looked_for_at_once(
    store: EventStore, make: Callable[[float], Tail], pool: ThreadPoolExecutor
) -> None:
    """`wake` saves the time until the next poll, each time."""
    tail = make(NEVER)
    for version in range(3):
        woken: Future[bool] = pool.submit(tail.wait, version, soon())
        waiting(tail, 1)
        put(store, "s", version) if version else put(store, "s")
        tail.wake()
        assert woken.result(10)


def test_waiting_ends_at_the_deadline(store: EventStore, make: Callable[[float], Tail]) -> None:
    """At the deadline a wait ends with False."""
    began = time.monotonic()
    assert make(NEVER).wait(0, Deadline.after(0.05)) is False
    assert 0.05 <= time.monotonic() - began < 5


def test_closing_lets_everybody_go(
    store: EventStore, make: Callable[[float], Tail], pool: ThreadPoolExecutor
) -> None:
    """Closing ends present and later waits."""
    tail = make(NEVER)
    let_go = [pool.submit(tail.wait, 0, soon()) for _ in range(2)]
    waiting(tail, 2)
    assert not tail.closed
    tail.close()
    assert [each.result(10) for each in let_go] == [False, False]
    assert tail.closed
    assert tail.wait(0, soon()) is False
    wait_until(lambda: not tail._is_polling, 10, "the thread has ended")


def test_places_are_limited(make: Callable[[float], Tail]) -> None:
    """A reader beyond the limit is refused; a place is free again however its wait ended. Onlookers
    take half of them at most."""
    tail = make(NEVER)
    with tail.listener(), tail.listener():
        with pytest.raises(KeyError), tail.listener():
            raise KeyError
        with tail.listener(), pytest.raises(TooManyListeners), tail.listener():
            pass
        with tail.listener():
            pass
    with tail.onlooker(), pytest.raises(TooManyListeners), tail.onlooker():
        pass
    with tail.onlooker(), tail.listener(), tail.listener():
        pass


def test_nobody_looks_while_nobody_waits(
    store: EventStore, make: Callable[[float], Tail], pool: ThreadPoolExecutor
) -> None:
    """One thread polls for all readers, ends after the last one, and starts again for the next."""
    tail = make(OFTEN)
    before = looking()
    for version in range(2):
        woken = [pool.submit(tail.wait, version, soon()) for _ in range(3)]
        waiting(tail, 3)
        assert len(looking() - before) == 1
        put(store, "s", version) if version else put(store, "s")
        assert all(each.result(10) for each in woken)
        wait_until(lambda: not looking() - before, 10, "the thread has ended")


def test_a_feed_that_is_unavailable_is_asked_again(
    tmp_path: Path, make: Callable[[float], Tail], pool: ThreadPoolExecutor
) -> None:
    """Readers go on waiting through an outage, and are woken by the next event."""
    tail = make(OFTEN)  # nothing has made the file yet
    woken = pool.submit(tail.wait, 0, soon())
    waiting(tail, 1)
    assert tail.wait(0, Deadline.after(0.05)) is False
    store = SqliteEventStore(tmp_path / "events.sqlite3")
    put(store, "s")
    assert woken.result(10)
    store.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_look_that_fails_by_mistake_is_not_the_last(
    store: EventStore,
    feed: SqliteFeed,
    make: Callable[[float], Tail],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After an unforeseen error of a poll the next reader starts polling again."""
    put(store, "s")
    tail = make(OFTEN)
    with monkeypatch.context() as broken:
        broken.setattr(feed, "standing", None)  # to call it is a TypeError
        assert tail.wait(0, Deadline.after(0.05)) is False
        wait_until(lambda: not tail._is_polling, 10, "the thread has ended")
    assert tail.wait(0, soon())
