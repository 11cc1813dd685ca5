"""A pool of connections to one SQLite file, shared by threads. Used by the feed and the views.

The pool never has more connections than were in use at once. Driver errors are translated here.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable

# A statement checks its deadline after this many instructions of SQLite's virtual machine.
_STEPS = 20_000

_POLL_SECONDS = 0.01


class Connections:
    """The pool. `connect` opens a connection. `check` raises StoreUnavailable if the file must not
    be used now; it is called before a connection is lent, and after one was opened."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        check: Callable[[], None] | None = None,
    ) -> None:
        self._connect = connect
        self._check = check
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def lent(self, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        """Lend a connection whose statements, and waits for a lock, end by the deadline.

        Raises StoreUnavailable for every error of the driver.
        """
        connection: sqlite3.Connection | None = None
        try:
            self._checked()
            connection = self._take()
            connection.execute(f"PRAGMA busy_timeout = {int(deadline.remaining() * 1000)}")
            connection.set_progress_handler(lambda: deadline.expired, _STEPS)
            yield connection
        except sqlite3.Error as error:
            self._drop(connection)
            raise StoreUnavailable(f"cannot use the file: {error}") from error
        except BaseException:
            self._drop(connection)  # which rolls its transaction back
            raise
        else:
            self._idle.append(connection)
            if self._closed:
                self.close()

    def close(self) -> None:
        """Close the idle connections now, and the lent ones when they are returned."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise sqlite3.ProgrammingError("it has been closed")
        try:
            return self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            self._checked()
        except StoreUnavailable:
            connection.close()
            raise
        return connection

    def _checked(self) -> None:
        if self._check is not None:
            self._check()

    @staticmethod
    def _drop(connection: sqlite3.Connection | None) -> None:
        if connection is not None:
            connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    """A transaction. After an exception the connection must be closed, which rolls it back."""
    connection.execute(f"BEGIN {kind}")
    yield
    connection.execute("COMMIT")


def use_log(connection: sqlite3.Connection, deadline: Deadline) -> None:
    """Turn on the write-ahead log, for good. If several connections do so at once, SQLite lets all
    but one fail at once, so this tries again until the deadline."""
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or deadline.expired:
                raise
        else:
            if deadline.expired:
                raise sqlite3.NotSupportedError("a write-ahead log is not possible there")
        time.sleep(_POLL_SECONDS)


def sync_each_commit(connection: sqlite3.Connection) -> None:
    """What this connection commits is on the disk before the commit returns."""
    connection.execute("PRAGMA synchronous = FULL")
