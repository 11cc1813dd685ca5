"""A real store for the application's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.application.ports import EventStore
from app.infrastructure.sqlite_store import SqliteEventStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    """An empty SQLite store in a file of its own."""
    opened = SqliteEventStore(tmp_path / "events.sqlite3")
    yield opened
    opened.close()
