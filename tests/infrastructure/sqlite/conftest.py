"""A file of events for each test, and the store in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.infrastructure.sqlite.event_store import SqliteEventStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in a folder that does not exist yet."""
    return tmp_path / "var" / "events.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteEventStore]:
    """An empty store."""
    opened = SqliteEventStore(path)
    yield opened
    opened.close()
