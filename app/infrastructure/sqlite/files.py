"""Notices when an open SQLite file is moved, deleted or replaced.

A connection goes on with the file that it opened, even if another file has the name now, and what
it writes would be acknowledged and lost. So the name is looked up again and compared with the file
that was opened.
"""

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.infrastructure.private_files import keep_private, make_file, make_folder

log = logging.getLogger(__name__)

LOG, INDEX = "-wal", "-shm"
"""The suffixes of SQLite's write-ahead log and of the log's index."""

_OPEN_SECONDS = 5.0
_POLL_SECONDS = 0.005

FileId = tuple[int, int]
"""Device and inode, which no other file gets while this one is open."""


def file_id(path: Path | str) -> FileId | None:
    """The id of the file at `path`; None if there is none, or it cannot be looked up."""
    try:
        found = os.stat(path)  # noqa: PTH116 - of text: half the time, for each commit
    except OSError:
        return None
    return found.st_dev, found.st_ino


def companion(path: Path, suffix: str) -> Path:
    """The path of SQLite's companion file with this suffix, with symbolic links resolved."""
    return Path(os.path.realpath(path) + suffix)


def connect(path: Path, wait_seconds: float = _OPEN_SECONDS) -> sqlite3.Connection:
    """Open an existing file together with its log. Raises sqlite3.Error, also if somebody locks
    the whole file for longer than `wait_seconds`.

    By default SQLite makes a missing file, and opens the log only at the first statement: by then
    another file may have the name, and the log would be that file's.
    """
    before = file_id(path)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        # With a log only recovery after a crash makes it wait; without one, another's write does.
        timeout=min(wait_seconds, _OPEN_SECONDS),
        isolation_level=None,
        check_same_thread=False,
        uri=True,
    )
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    if before is None or file_id(path) != before:
        connection.close()
        raise sqlite3.OperationalError("the file was replaced while it was being opened")
    return connection


def make_where_missing(path: Path, traces: Iterable[Path] = ()) -> None:
    """Make an empty file and its folder if they are missing, and make an existing file and its log
    unreadable for other users. Raises OSError.

    Raises StoreUnavailable if the file is missing or empty, but its log or one of `traces` has
    content: SQLite would begin a new file, throw away the log of the lost one, and the service
    would run without the API keys in it.
    """
    # Traces first: another process makes the file before it leaves traces.
    found = [each for each in (companion(path, LOG), *traces) if _has_content(each)]
    if found and not _has_content(path):
        raise StoreUnavailable(
            f"{path} is missing, but {found[0]}, which belongs to it, is there: put the file back,"
            f" or move {found[0].name} away as well to begin anew"
        )
    make_folder(path.parent)
    if not path.exists():
        make_file(path)
    for each in (path, companion(path, LOG), companion(path, INDEX)):
        keep_private(each)


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


class Names:
    """Looks up the names of a file and of its log. A file without its log lacks the last commits,
    and a process that opens it begins another log beside the one in use."""

    def __init__(self, path: Path) -> None:
        self._paths = str(path), str(companion(path, LOG))

    def now(self) -> tuple[FileId | None, FileId | None]:
        """The ids of the file and of its log. Both stay the same while a connection is open."""
        path, its_log = self._paths
        return file_id(path), file_id(its_log)


class WatchedFile:
    """An open file, which is watched for being moved, deleted or replaced. Shared by threads.

    It is `lost` as long as its name, or its log's name, belongs to no file or to another one.
    """

    def __init__(self, path: Path) -> None:
        """A connection must be open now, and stay open."""
        self.path = path
        self.lost = False
        self._names = Names(path)
        self._opened = self._names.now()
        self._mutex = threading.Lock()

    def check(self) -> None:
        """Raises StoreUnavailable while the file is lost."""
        if self._names.now() != self._opened:
            self._note(lost=True)
            raise StoreUnavailable(f"{self.path} is not the file that was opened: put it back")
        if self.lost:
            self._note(lost=False)

    def _note(self, *, lost: bool) -> None:
        """Log a change of state once, not for each request."""
        with self._mutex:
            if self.lost is not lost:
                self.lost = lost
                if lost:
                    log.error(
                        "%s, or the log beside it, was moved, deleted or replaced: nothing is read"
                        " or written until the same file is back; to go on with another, restart",
                        self.path,
                    )
                else:
                    log.warning("%s is back", self.path)


@contextmanager
def locked_folder(folder: Path, deadline: Deadline) -> Iterator[None]:
    """Hold the folder's lock, for making, moving and removing files in it. Raises OSError, and
    StoreUnavailable if another process holds the lock until the deadline."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if deadline.expired:
                raise StoreUnavailable(f"another process keeps {folder} locked")
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)
