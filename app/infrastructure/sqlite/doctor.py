"""What could lose or leak data that is in a file of SQLite: facts, and what follows from them.

Looks at the file and its folder and changes neither. The checks on views and keys are the
application's.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from app.application.doctor import Finding, risk
from app.application.ports.errors import StoreUnavailable
from app.infrastructure.file_system import FileSystem, file_system_of, of_durability, of_room
from app.infrastructure.private_files import exposed
from app.infrastructure.sqlite.connections import sync_each_commit
from app.infrastructure.sqlite.files import INDEX, LOG, companion, connect

_FULL = 2
_KEPT_ON_DISK = frozenset({"wal", "delete", "truncate", "persist"})
_WITHOUT_SYNC = "NO_SYNC"


@dataclass(frozen=True, slots=True)
class Durability:
    """How a connection commits. `journal_mode` and `synchronous` are SQLite's own values;
    `can_sync`: this build of SQLite syncs at all."""

    journal_mode: str
    synchronous: int
    can_sync: bool


@dataclass(frozen=True, slots=True)
class SqliteFacts:
    """The file of events, and where it is."""

    path: Path
    file_system: FileSystem
    durability: Durability


def gather(path: Path) -> SqliteFacts:
    """Raises StoreUnavailable if the file is not there or cannot be opened as a database."""
    if not path.exists():
        raise StoreUnavailable(f"there is no registry at SQLITE_PATH={path}")
    try:
        with closing(connect(path)) as connection:
            sync_each_commit(connection)
            durability = durability_of(connection)
        return SqliteFacts(path, file_system_of(path.parent), durability)
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"cannot look at {path}: {error}") from error


def durability_of(connection: sqlite3.Connection) -> Durability:
    """Raises sqlite3.Error."""
    options = {name for (name,) in connection.execute("PRAGMA compile_options")}
    return Durability(
        str(connection.execute("PRAGMA journal_mode").fetchone()[0]),
        int(connection.execute("PRAGMA synchronous").fetchone()[0]),
        _WITHOUT_SYNC not in options,
    )


def check(facts: SqliteFacts) -> Iterator[Finding]:
    """Of the disk, and of how commits get there."""
    yield from of_durability(facts.file_system)
    yield from of_room(facts.file_system)
    yield from of_commits(facts.durability)


def of_commits(durability: Durability) -> Iterator[Finding]:
    """Whether a commit is on the disk before it is acknowledged."""
    if durability.synchronous < _FULL or durability.journal_mode not in _KEPT_ON_DISK:
        yield risk(
            "sync-too-weak",
            "SQLite does not wait for the disk at each commit (synchronous is"
            f" {durability.synchronous}, journal_mode {durability.journal_mode}), so a power cut"
            " loses acknowledged events: restart the service with a release that sets FULL.",
        )
    if not durability.can_sync:
        yield risk(
            "sync-left-out",
            "Python's SQLite was built with SQLITE_NO_SYNC, so a power cut loses acknowledged"
            " events: use another build of SQLite.",
        )


def exposed_files(path: Path, views_path: Path) -> Iterator[Finding]:
    """Files of the registry that other users can read. Ask before a store opens them: a store
    takes its own files away from others."""
    bases = (path, views_path)
    yield from exposed(each for base in bases for each in _with_companions(base))


def _with_companions(path: Path) -> tuple[Path, ...]:
    return path, companion(path, LOG), companion(path, INDEX)
