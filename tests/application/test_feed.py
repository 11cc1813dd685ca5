"""Waiting for what comes next, on a real feed."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.application.deadline import Deadline
from app.application.feed import Tail, TooManyListeners
from app.application.ports import EventStore
from app.infrastructure.sqlite_feed import SqliteFeed
from app.infrastructure.sqlite_store import SqliteEventStore
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
    """Makes tails of the feed that look so often; they are closed after the test."""
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
    """Return once so many wait."""
    wait_until(lambda: tail._waiting == count, 10, f"{count} waiting")


def looking() -> set[threading.Thread]:
    """The threads that look, of whichever tail."""
    return {thread for thread in threading.enumerate() if thread.name == "feed-tail"}


def test_what_is_there_already_is_not_waited_for(
    store: EventStore, make: Callable[[float], Tail]
) -> None:
    """The first look tells, even if the next one would be an hour later."""
    put(store, "s", count=2)
    tail = make(NEVER)
    assert tail.wait(0, soon())
    assert tail.wait(1, soon())


def test_all_who_wait_are_woken(
    store: EventStore, make: Callable[[float], Tail], pool: ThreadPoolExecutor
) -> None:
    """By an event of whichever process, and only those whom it concerns."""
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
    """`stir` spares the time until the next look, each time."""
    tail = make(NEVER)
    for version in range(3):
        woken: Future[bool] = pool.submit(tail.wait, version, soon())
        waiting(tail, 1)
        put(store, "s", version) if version else put(store, "s")
        tail.stir()
        assert woken.result(10)


def test_waiting_ends_at_the_deadline(store: EventStore, make: Callable[[float], Tail]) -> None:
    """With the answer that nothing has come."""
    began = time.monotonic()
    assert make(NEVER).wait(0, Deadline.after(0.05)) is False
    assert 0.05 <= time.monotonic() - began < 5


def test_closing_lets_everybody_go(
    store: EventStore, make: Callable[[float], Tail], pool: ThreadPoolExecutor
) -> None:
    """Those who wait, and those who come later."""
    tail = make(NEVER)
    let_go = [pool.submit(tail.wait, 0, soon()) for _ in range(2)]
    waiting(tail, 2)
    assert not tail.closed
    tail.close()
    assert [each.result(10) for each in let_go] == [False, False]
    assert tail.closed
    assert tail.wait(0, soon()) is False
    wait_until(lambda: not tail._watched, 10, "the thread has ended")


def test_places_are_limited(make: Callable[[float], Tail]) -> None:
    """Who comes when all are taken is refused; a place that is left is free again, whatever ended
    it."""
    tail = make(NEVER)
    with tail.listener(), tail.listener():
        with pytest.raises(KeyError), tail.listener():
            raise KeyError
        with tail.listener(), pytest.raises(TooManyListeners), tail.listener():
            pass
        with tail.listener():
            pass


def test_nobody_looks_while_nobody_waits(
    store: EventStore, make: Callable[[float], Tail], pool: ThreadPoolExecutor
) -> None:
    """One thread for all who wait; it ends after the last one has gone, and comes again."""
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
    """Who waits goes on waiting, and is woken once it is back and has something."""
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
    """Whoever waits next is woken again."""
    put(store, "s")
    tail = make(OFTEN)
    with monkeypatch.context() as broken:
        broken.setattr(feed, "head", None)  # to call it is a TypeError
        assert tail.wait(0, Deadline.after(0.05)) is False
        wait_until(lambda: not tail._watched, 10, "the thread has ended")
    assert tail.wait(0, soon())
