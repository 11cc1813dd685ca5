"""The file of events while it is open: one connection that writes, one for each thread that reads.

A file that is moved away, deleted or replaced while it is open is not used, until the same file is
back.
"""

import logging
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.infrastructure.sqlite.connections import sync_each_commit, use_log
from app.infrastructure.sqlite.files import (
    FileId,
    WatchedFile,
    connect,
    file_id,
    make_where_missing,
)
from app.infrastructure.sqlite.schema import make_tables

log = logging.getLogger(__name__)

_OPEN_SECONDS = 5.0


class EventFile:
    """Opens (and makes, where missing) the file and its folder. One instance per process."""

    writer: sqlite3.Connection
    """For whoever leads a group of appends; there is one from the first `check` on."""

    def __init__(
        self,
        path: Path,
        traces: Sequence[Path] = (),
        *,
        waits: bool = False,
        only: FileId | None = None,
    ) -> None:
        """Where one of the `traces` is there and the file is missing, none is made. With `only`, no
        other file is opened or made.

        Raises StoreUnavailable if the file cannot be opened as a database. One that `waits` tries
        again at each call instead.
        """
        self._path = path
        self._traces = traces
        self._only = only
        self._connections: list[sqlite3.Connection] = []
        self._local = threading.local()
        self._file: WatchedFile | None = None
        self._opening = threading.Lock()
        try:
            self._open()
        except StoreUnavailable as error:
            if not waits:
                raise
            log.warning("the store waits for its file: %s", error)

    @property
    def is_good(self) -> bool:
        """Whether the file is open, and was not lost when somebody last looked."""
        return self._file is not None and not self._file.lost

    def check(self) -> None:
        """Raises StoreUnavailable unless the file is open and has its name still."""
        if self._file is None:
            self._open()
        else:
            self._file.check()

    def confirm(self) -> None:
        """Before a commit is acknowledged. One look, after it and not before: a file can be moved
        away at any moment, and only behind the commit does the look cover all of them.

        Raises OutcomeUnknown if the commit went to a file that has lost its name: it is in there,
        and counts if the file comes back.
        """
        try:
            self.check()
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error

    def reader(self, deadline: Deadline) -> sqlite3.Connection:
        """The connection of the current thread. Raises sqlite3.Error and StoreUnavailable."""
        connection: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if connection is None:
            connection = self._local.reader = self._connect()
            # Only recovery after a crash and the last close can make a reader wait.
            connection.execute(f"PRAGMA busy_timeout = {int(deadline.remaining() * 1000)}")
        return connection

    def close(self) -> None:
        """Close all connections. The last one folds the log into the file."""
        while self._connections:
            self._connections.pop().close()

    def _open(self) -> None:
        if not self._opening.acquire(blocking=False):
            raise StoreUnavailable(f"{self._path} is being opened")
        try:
            if self._file is None:
                if self._only is None:
                    make_where_missing(self._path, self._traces)
                elif file_id(self._path) != self._only:
                    raise StoreUnavailable(
                        f"{self._path} is not the file that the service was started with"
                    )
                before = file_id(self._path)
                self.writer = self._writing_connection()
                watched = WatchedFile(self._path)
                if file_id(self._path) != before:
                    raise sqlite3.OperationalError("it was replaced meanwhile")
                self._file = watched
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise StoreUnavailable(f"cannot open {self._path}: {error}") from error
        finally:
            self._opening.release()

    def _writing_connection(self) -> sqlite3.Connection:
        writer = self._connect()
        writer.execute(f"PRAGMA busy_timeout = {int(_OPEN_SECONDS * 1000)}")
        use_log(writer, Deadline.after(_OPEN_SECONDS))
        sync_each_commit(writer)
        make_tables(writer)
        writer.execute("PRAGMA busy_timeout = 0")
        return writer

    def _connect(self) -> sqlite3.Connection:
        connection = connect(self._path)
        self._connections.append(connection)
        if self._file is not None:
            self._file.check()  # whether it was this one that was opened
        return connection
