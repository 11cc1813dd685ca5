"""Keys of a file's rows in a temporary database of SQLite's own, which is on the disk once it is
large and gone once it is closed."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from app.application.ports.errors import StoreUnavailable

_FIND = "SELECT row FROM seen WHERE key = ?"
_NOTE = "INSERT OR IGNORE INTO seen VALUES (?, ?)"


class SqliteSeenKeys:
    """See `ports.seen_keys.SeenKeys`. For one thread at a time. Raises StoreUnavailable if the disk
    for temporary files does not take them."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        with _errors_translated():
            self._database.execute("PRAGMA journal_mode = OFF")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute(
                "CREATE TABLE seen (key TEXT PRIMARY KEY, row INT) WITHOUT ROWID"
            )

    def first(self, keys: Iterable[str]) -> int | None:
        """See `ports.seen_keys.SeenKeys`."""
        with _errors_translated():
            for key in keys:
                found = self._database.execute(_FIND, (key,)).fetchone()
                if found:
                    return int(found[0])
        return None

    def note(self, keys: Iterable[str], row: int) -> None:
        """See `ports.seen_keys.SeenKeys`."""
        with _errors_translated():
            self._database.executemany(_NOTE, ((key, row) for key in keys))

    def close(self) -> None:
        """See `ports.seen_keys.SeenKeys`."""
        self._database.close()


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(f"a temporary file cannot be written: {error}") from error
