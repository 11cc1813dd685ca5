"""The application on a real store, for its own tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.infrastructure.sqlite.event_store import SqliteEventStore
from tests.support.application import FEDEX, Application, BusyStore
from tests.support.counting_reads import CountingReads
from tests.support.directory import Filled


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BusyStore]:
    """An empty store in its own file."""
    opened = BusyStore(tmp_path / "events.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[CountingReads]:
    """A store whose reads are counted."""
    opened = CountingReads(tmp_path / "events.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def app(store: BusyStore) -> Application:
    """The application on that store."""
    return Application(store)


@pytest.fixture
def others(tmp_path: Path) -> Iterator[Application]:
    """Another process on the same file."""
    opened = SqliteEventStore(tmp_path / "events.sqlite3")
    yield Application(opened)
    opened.close()


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    """An empty view of the directory."""
    made = Filled(tmp_path)
    yield made
    made.views.close()


@pytest.fixture
def fedex(app: Application) -> str:
    """The id of a registered carrier."""
    return app.do(FEDEX).stream
