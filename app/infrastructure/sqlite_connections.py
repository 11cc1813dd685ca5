"""Connections to one SQLite file, lent to whichever thread asks: the feed and the views use them.

There are never more than were in use at once, however many threads come and go. Driver errors are
translated here.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable

# So often, in steps of SQLite's own machine, a statement looks whether its deadline is over.
_STEPS = 20_000

_POLL_SECONDS = 0.01


class Connections:
    """`connect` opens another one."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def lent(self, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        """A connection whose statements, and whose waits for a lock, end by the deadline.

        Raises StoreUnavailable for every error of the driver.
        """
        connection: sqlite3.Connection | None = None
        try:
            connection = self._take()
            connection.execute(f"PRAGMA busy_timeout = {int(deadline.remaining() * 1000)}")
            connection.set_progress_handler(lambda: deadline.expired, _STEPS)
            yield connection
        except sqlite3.Error as error:
            self._drop(connection)
            raise StoreUnavailable(f"cannot use the file: {error}") from error
        except BaseException:
            self._drop(connection)  # and with it whatever transaction it was in
            raise
        else:
            self._idle.append(connection)
            if self._closed:
                self.close()

    def close(self) -> None:
        """Close those that are idle now, and the others when they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise sqlite3.ProgrammingError("it has been closed")
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    @staticmethod
    def _drop(connection: sqlite3.Connection | None) -> None:
        if connection is not None:
            connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    """All of it or nothing. Who raises in it does not go on with the connection."""
    connection.execute(f"BEGIN {kind}")
    yield
    connection.execute("COMMIT")


def use_log(connection: sqlite3.Connection, deadline: Deadline) -> None:
    """Turn on the write-ahead log, which stays on. Of several that do so at once, SQLite makes all
    but one fail instead of wait."""
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or deadline.expired:
                raise
            time.sleep(_POLL_SECONDS)
