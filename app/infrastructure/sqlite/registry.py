"""The registry's id, and the event at a position. Used by `views/file.py` to check that a file of
views was made from this registry's events."""

from collections.abc import Callable
from pathlib import Path

from app.application.deadline import Deadline
from app.infrastructure.sqlite.connections import Connections
from app.infrastructure.sqlite.files import connect

_ID = "SELECT id FROM registry"
_HEAD = "SELECT max(position) FROM events"
_EVENT_ID = "SELECT event_id FROM events WHERE position = ?"


class SqliteRegistry:
    """Reads the event store's file; `check` is that of `SqliteFeed`. Every method raises
    StoreUnavailable."""

    def __init__(self, path: Path, check: Callable[[], None] | None = None) -> None:
        self._connections = Connections(lambda: connect(path), check)
        self._check = check

    def check(self) -> None:
        """Raise StoreUnavailable if the file was moved, deleted or replaced."""
        if self._check is not None:
            self._check()

    def id(self, deadline: Deadline) -> str:
        """The registry's id, which is made with the file; copies keep it."""
        with self._connections.lent(deadline) as connection:
            return str(connection.execute(_ID).fetchone()[0])

    def head(self, deadline: Deadline) -> int:
        """The feed's last position; 0 if there is none."""
        with self._connections.lent(deadline) as connection:
            head: int | None = connection.execute(_HEAD).fetchone()[0]
        return head or 0

    def event_id(self, position: int, deadline: Deadline) -> str | None:
        """The id of the event at this position; None if there is none."""
        with self._connections.lent(deadline) as connection:
            found: tuple[str] | None = connection.execute(_EVENT_ID, (position,)).fetchone()
        return found[0] if found else None

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()
