"""The file of views, whatever happens to it: it can always be made anew from the events.

It is looked at before each use. If it is missing, is another file than the one that is open, is
damaged, or is of other events than those of the registry, a sound one takes its place. Processes
that find this at the same time do so one after the other, under a lock on the folder; whoever has
the former file open notices at the next use.
"""

import glob
import logging
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.infrastructure.private_files import keep_private, make_file, make_folder
from app.infrastructure.sqlite.connections import Connections
from app.infrastructure.sqlite.files import (
    INDEX,
    LOG,
    FileId,
    Names,
    companion,
    connect,
    file_id,
    locked_folder,
)
from app.infrastructure.sqlite.registry import SqliteRegistry
from app.infrastructure.sqlite.views.schema import Origin, make_tables, open_writer

log = logging.getLogger(__name__)

MAX_SET_ASIDE = 3
"""So many damaged files are kept. A disk that damages one after the other must not be filled."""

_DAMAGES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# What has no code of its own: text that is none, a table that is missing, an index of words that
# cannot be read.
_SIGNS = ("Could not decode to UTF-8", "no such table", "vtable constructor failed")

_REGISTRY = "SELECT registry FROM origin"
_CHECKPOINTS = "SELECT checkpoint, event_id FROM views WHERE checkpoint > 0"
_GENERATION_NUMBERS = 10**9


@dataclass(frozen=True, slots=True)
class _Opened:
    """One file, and the connections to it. One is never used: as long as it is open, SQLite does
    not put another log in the place of the one that the names stand for."""

    names: tuple[FileId | None, FileId | None]
    keeper: sqlite3.Connection
    readers: Connections
    writers: Connections

    def close(self) -> None:
        self.readers.close()
        self.writers.close()
        self.keeper.close()


class ViewFile:
    """Opened at the first use. One a process, shared by threads."""

    def __init__(self, path: Path, registry: SqliteRegistry | None) -> None:
        self._path = path
        self._registry = registry
        self._names = Names(path)
        self._mutex = threading.Lock()
        self._opened: _Opened | None = None
        self._closed = False

    @contextmanager
    def lent(self, deadline: Deadline, *, writes: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection to a sound file. Raises StoreUnavailable, also if it turns out not to be
        sound: then the next use finds another one."""
        opened = self._current(deadline)
        connections = opened.writers if writes else opened.readers
        try:
            with connections.lent(deadline) as connection:
                yield connection
        except StoreUnavailable as error:
            if _is_damage(error.__cause__):
                self._replace_damaged(opened.names[0], error.__cause__)
            raise

    def close(self) -> None:
        """Give back the connections."""
        self._closed = True
        if self._opened is not None:
            self._opened.close()

    def _current(self, deadline: Deadline) -> _Opened:
        if self._registry is not None:
            self._registry.check()  # views of a registry that is lost do not answer either
        opened = self._opened
        if opened is not None and self._names.now() == opened.names and not self._closed:
            return opened
        with self._alone(deadline):
            if self._closed:
                raise StoreUnavailable("the file of views has been closed")
            opened = self._opened
            if opened is None or self._names.now() != opened.names:
                without_log = opened is not None and file_id(self._path) == opened.names[0]
                if opened is not None:
                    opened.close()
                opened = self._opened = self._open(deadline, trusted=not without_log)
            return opened

    @contextmanager
    def _alone(self, deadline: Deadline) -> Iterator[None]:
        """One thread at a time, and one process. Raises StoreUnavailable."""
        if not self._mutex.acquire(timeout=deadline.remaining()):
            raise StoreUnavailable(f"{self._path} is being opened")
        try:
            make_folder(self._path.parent)
            with locked_folder(self._path.parent, deadline):
                yield
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"cannot use {self._path}: {error}") from error
        finally:
            self._mutex.release()

    def _open(self, deadline: Deadline, *, trusted: bool) -> _Opened:
        """Open the file. A file whose log was taken away is not trusted: commits are missing in
        it."""
        try:
            fits = trusted and self._path.exists() and self._is_of_these_events(deadline)
        except sqlite3.Error as error:
            if not _is_damage(error):
                raise
            self._set_aside(error)
            fits = False
        if not fits:
            self._make(deadline)
        keeper = connect(self._path)
        for each in (self._path, companion(self._path, LOG), companion(self._path, INDEX)):
            keep_private(each)
        names = self._names.now()

        def check() -> None:
            if self._names.now() != names:
                raise StoreUnavailable(f"{self._path} was replaced a moment ago")

        return _Opened(
            names,
            keeper,
            Connections(lambda: connect(self._path), check),
            Connections(lambda: open_writer(self._path), check),
        )

    def _is_of_these_events(self, deadline: Deadline) -> bool:
        """Compare the registry, and the event at each view's checkpoint: one of an older copy that
        was put back, and has gone on since, is another."""
        with closing(connect(self._path)) as connection:
            registries = connection.execute(_REGISTRY).fetchall()
            checkpoints = connection.execute(_CHECKPOINTS).fetchall()
        if self._registry is None:
            return True
        if registries == [(self._registry.id(deadline),)] and all(
            self._registry.event_id(position, deadline) == event_id
            for position, event_id in checkpoints
        ):
            return True
        log.warning("%s holds views of other events than there are", self._path)
        return False

    def _make(self, deadline: Deadline) -> None:
        """A draft takes the name once it has all tables. What another file's log has left goes
        first: SQLite would take it for the new one's."""
        registry = self._registry
        head = 0 if registry is None else registry.head(deadline)
        origin = Origin("" if registry is None else registry.id(deadline), _first_generation(head))
        draft = self._path.with_name(f".{self._path.name}.draft")
        for former in (draft, self._path):
            for suffix in ("", LOG, INDEX):
                companion(former, suffix).unlink(missing_ok=True)
        make_file(draft)
        with closing(connect(draft)) as connection:
            make_tables(connection, origin)
        draft.rename(self._path)
        if head:
            log.warning("%s is made anew from %d events; lists wait for it", self._path, head)

    def _replace_damaged(self, damaged: FileId | None, error: BaseException | None) -> None:
        """Unless another process has done so."""
        with suppress(StoreUnavailable), self._alone(Deadline.after(1)):
            if file_id(self._path) == damaged:
                self._set_aside(error)

    def _set_aside(self, error: BaseException | None) -> None:
        """Raises OSError."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = self._path.with_name(f"{self._path.name}.damaged-{moment}")
        earlier = sorted(self._path.parent.glob(f"{glob.escape(self._path.name)}.damaged-*Z"))
        for each in earlier[: max(0, len(earlier) - MAX_SET_ASIDE + 1)]:
            for suffix in ("", LOG):
                each.with_name(each.name + suffix).unlink(missing_ok=True)
        log.error("%s is damaged (%s): it is set aside as %s", self._path, error, aside.name)
        companion(self._path, INDEX).unlink(missing_ok=True)
        self._path.rename(aside)
        with suppress(FileNotFoundError):
            companion(self._path, LOG).rename(aside.with_name(aside.name + LOG))


def _first_generation(head: int) -> int:
    """Numbers of generations do not come again: who knows one of a former file must not take one
    of this file for it. Where there are no events yet, there was no former file either."""
    return 2 + secrets.randbelow(_GENERATION_NUMBERS) if head else 1


def _is_damage(error: BaseException | None) -> bool:
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", 0)
    # A log that is shorter than its index says was put in the place of another.
    cut = code == sqlite3.SQLITE_IOERR_SHORT_READ
    return cut or code & 0xFF in _DAMAGES or str(error).startswith(_SIGNS)
