"""Backup and restore of a registry on SQLite, for operators.

A backup is a copy of the whole file at SQLITE_PATH: events, claims, no-op records and API keys.
Views are not copied, as they are rebuilt from the events.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.application.access.sessions import end_all_sessions
from app.application.deadline import Deadline
from app.infrastructure.private_files import make_folder
from app.infrastructure.sqlite.feed import renew_copy
from app.infrastructure.sqlite.keys import SqliteKeyStore

_SECONDS = 60.0
"""Time enough for the keys of a copy that nobody else uses."""

_LOGS = ("", "-wal", "-shm")
_ALONE = ("-journal", *_LOGS)


class BackupRefused(Exception):
    """Nothing was changed; the message is one sentence that says what is wrong and what to do."""


class NoRegistry(BackupRefused):
    """There is no registry to copy."""


@dataclass(frozen=True, slots=True)
class Restored:
    """`feed` is the feed's new id and `head` its last position; `active_keys` is how many API keys
    the copy has that are not revoked; `set_aside` is the path of the former registry, None if there
    was none."""

    feed: str
    head: int
    active_keys: int
    set_aside: Path | None


def back_up(registry: Path, copy: Path) -> int:
    """Copy the registry, which may be in use; return the feed's head in the copy.

    Raises BackupRefused, sqlite3.Error or OSError.
    """
    if not registry.is_file():
        raise NoRegistry(f"There is no registry at {registry}: look at SQLITE_PATH")
    if copy.exists():
        raise BackupRefused(f"{copy} is there already: name a file that is not")
    with _copied(registry, copy) as part:
        head = _head_of(part)
        _put(part, copy)
    return head


def restore(copy: Path, registry: Path, views: Path, *, replace: bool) -> Restored:
    """Restore the registry from a copy, give its feed a new id, and end the sessions of its keys.
    No process may use it.

    Raises BackupRefused, StoreUnavailable, OutcomeUnknown, sqlite3.Error or OSError.
    """
    if not copy.is_file():
        raise BackupRefused(f"There is no file {copy}")
    if registry.exists() and copy.samefile(registry):
        raise BackupRefused(f"{copy} is the registry itself: name a copy of it")
    _refuse_damaged(copy)
    if registry.exists() and not replace:
        raise BackupRefused(
            f"There is a registry at {registry}: with --replace it is set aside, and the copy put"
            " in its place"
        )
    _refuse_in_use(registry)
    make_folder(registry.parent)
    with _copied(copy, registry) as part:
        feed, head, keys = renew_copy(part), _head_of(part), SqliteKeyStore(part)
        end_all_sessions(keys, datetime.now(UTC), Deadline.after(_SECONDS))
        active_keys = sum(each.active for each in keys.read_all(Deadline.after(_SECONDS)))
        _refuse_in_use(registry)  # once more: it may have been started meanwhile
        set_aside = _set_aside(registry)
        # Before the copy is in place, so that no process sees it with views of other events.
        for log in _LOGS:
            Path(f"{views}{log}").unlink(missing_ok=True)
        _put(part, registry)
    return Restored(feed, head, active_keys, set_aside)


@contextmanager
def _copied(source: Path, target: Path) -> Iterator[Path]:
    """A consistent copy of the source beside the target, in one file that only its owner can read.
    It is removed at the end unless it was renamed."""
    part = target.with_name(f"{target.name}.part")
    _remove(part)  # of a run that was killed
    try:
        _copy(source, part)
        yield part
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    for log in _ALONE:
        Path(f"{part}{log}").unlink(missing_ok=True)


def _copy(source: Path, part: Path) -> None:
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(_opened(source)) as reading, closing(sqlite3.connect(part)) as writing:
        reading.backup(writing)
        # Without a write-ahead log, so that the copy is complete in its one file.
        writing.execute("PRAGMA journal_mode = DELETE")


def _put(part: Path, target: Path) -> None:
    """Rename the copy to its target; content and name are on the disk when this returns."""
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)


def _refuse_damaged(copy: Path) -> None:
    try:
        with closing(_opened(copy)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            connection.execute("SELECT max(position) FROM events")
    except sqlite3.DatabaseError as error:
        raise BackupRefused(f"{copy} is no copy of a registry: {error}") from error
    if found != "ok":
        raise BackupRefused(f"{copy} is damaged ({found}): take another copy")


def _refuse_in_use(registry: Path) -> None:
    """Raise BackupRefused if another process has the file open: leaving the write-ahead log takes a
    lock that is not given then."""
    if not registry.is_file():
        return
    with closing(_opened(registry)) as connection:
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise BackupRefused(
                    f"A process has {registry} open: stop the service first"
                ) from error
            raise
        except sqlite3.DatabaseError:  # damaged: that is why it is restored
            return


def _set_aside(registry: Path) -> Path | None:
    """Rename the registry's files, and return the new path. A log without its file is renamed too,
    as SQLite would apply it to the copy."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = registry.with_name(f"{registry.name}.replaced-{moment}")
    was_there = registry.exists()
    for log in _ALONE:
        with suppress(FileNotFoundError):
            Path(f"{registry}{log}").rename(f"{aside}{log}")
    return aside if was_there else None


def _head_of(path: Path) -> int:
    with closing(_opened(path)) as connection:
        return int(connection.execute("SELECT max(position) FROM events").fetchone()[0] or 0)
