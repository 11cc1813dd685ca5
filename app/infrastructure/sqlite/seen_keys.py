"""Keys of a file's rows in a temporary database of SQLite's own, which is on the disk once it is
large and gone once it is closed."""

import sqlite3
from collections.abc import Iterable


class SqliteSeenKeys:
    """See `ports.seen_keys.SeenKeys`. For one thread at a time."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, row INT) WITHOUT ROWID")

    def first(self, keys: Iterable[str]) -> int | None:
        """See `ports.seen_keys.SeenKeys`."""
        for key in keys:
            found = self._database.execute("SELECT row FROM seen WHERE key = ?", (key,)).fetchone()
            if found:
                return int(found[0])
        return None

    def note(self, keys: Iterable[str], row: int) -> None:
        """See `ports.seen_keys.SeenKeys`."""
        self._database.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?, ?)", ((key, row) for key in keys)
        )

    def close(self) -> None:
        """See `ports.seen_keys.SeenKeys`."""
        self._database.close()
