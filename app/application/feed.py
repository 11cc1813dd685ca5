"""Reading the feed: checks a reader's position, and waits for the next event.

Used by the API's feed (`app/api/resources/feed.py`) and by queries that wait. The port is
`ports/feed.py`.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from app.application.concurrency import ConcurrencyLimit
from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.feed import BeyondHead, Feed, FeedRenewed, FeedStanding


def confirmed(feed: Feed, named: str | None, after: int, deadline: Deadline) -> FeedStanding:
    """The feed's id and head, for a reader that has seen every event up to position `after` of the
    feed `named`; None if the reader named no feed.

    Call this after reading events: it confirms that they belong to this feed. Raises FeedRenewed,
    BeyondHead or StoreUnavailable.
    """
    now = feed.standing(deadline)
    if named not in (None, now.feed):
        raise FeedRenewed(now)
    # On Cassandra a read may see a head whose write is not complete, and the next read may not. An
    # event that was read once is seen by every later read.
    if after > now.head and not feed.read(after - 1, 1, deadline):
        raise BeyondHead(now)
    return replace(now, head=max(now.head, after))


class Tail:
    """Lets readers that have seen the whole feed wait for its next event. One a process.

    While a reader waits, one thread polls the feed every `poll_seconds`; `wake` makes it poll at
    once. At most `max_listeners` readers wait at a time.
    """

    def __init__(self, feed: Feed, max_listeners: int, poll_seconds: float) -> None:
        self._feed = feed
        self._limit = ConcurrencyLimit(max_listeners)
        self._onlookers = ConcurrencyLimit(max_listeners // 2)
        self._poll_seconds = poll_seconds
        self._changed = threading.Condition()
        self._woken = threading.Event()
        self._waiting = 0
        self._standing: FeedStanding | None = None
        self._polls_begun = 0
        self._standing_of_poll = 0  # the number of the poll that read `_standing`
        self._has_new_waiters = False
        self._is_polling = False
        self._closed = False

    def listener(self) -> AbstractContextManager[None]:
        """Count as one of the readers for as long as the context lasts. Raises TooManyListeners."""
        return self._limit.taken()

    @contextmanager
    def onlooker(self) -> Iterator[None]:
        """Count as a reader that can do without: such readers leave half of the places to others.
        Raises TooManyListeners."""
        with self._onlookers.taken(), self._limit.taken():
            yield

    def wait(self, after: int, deadline: Deadline, feed: str | None = None) -> bool:
        """Return True once there is an event after position `after`; False at the deadline, or
        when the process is stopping.

        With the id of the reader's `feed`, also True once the feed has another id or ends before
        `after`: `confirmed` says which.
        """
        with self._changed:
            self._waiting += 1
            self._has_new_waiters = True
            since = self._polls_begun
            self._start_polling()
            try:
                while not (self._is_over(after, feed, since) or self._closed or deadline.expired):
                    self._changed.wait(deadline.remaining())
            finally:
                self._waiting -= 1
            return self._is_over(after, feed, since)

    def wake(self) -> None:
        """Poll the feed now, as this process has appended an event."""
        if not self._woken.is_set():  # it is cleared before a poll: the append came before that
            self._woken.set()

    def close(self) -> None:
        """End every wait, and every later one at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._woken.set()

    @property
    def closed(self) -> bool:
        """Whether the process is stopping."""
        return self._closed

    def _is_over(self, after: int, feed: str | None, since: int) -> bool:
        """Whether a reader's wait is over. `since` is how many polls had begun before it waited:
        what those polls read can be older than what the reader has seen."""
        now = self._standing
        if now is None:
            return False
        if feed in (None, now.feed) and now.head > after:
            return True
        is_another = feed is not None and (feed != now.feed or now.head < after)
        return is_another and self._standing_of_poll > since

    def _start_polling(self) -> None:
        """Start the polling thread, unless it runs. The thread ends when no reader waits."""
        if not self._is_polling and not self._closed:
            self._is_polling = True
            threading.Thread(target=self._poll, name="feed-tail", daemon=True).start()

    def _poll(self) -> None:
        while True:
            with self._changed:
                self._polls_begun += 1
                has_new_waiters, self._has_new_waiters = self._has_new_waiters, False
            try:
                found = self._read_standing()
            except BaseException:
                self._is_polling = False  # an unforeseen error ends this thread, not the next one
                raise
            with self._changed:
                if found is not None:
                    is_news = found != self._standing
                    self._standing, self._standing_of_poll = found, self._polls_begun
                    if is_news or has_new_waiters:
                        self._changed.notify_all()
                if not self._waiting or self._closed:
                    self._is_polling = False
                    return
            self._woken.wait(self._poll_seconds)
            self._woken.clear()

    def _read_standing(self) -> FeedStanding | None:
        try:
            return self._feed.standing(Deadline.after(1.0))
        except StoreUnavailable:
            return None  # readers go on waiting; their next read reports the error
