"""A shell without settings, in a folder of its own."""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.infrastructure.observability.json_logging import LineQueue
from app.infrastructure.sqlite.event_store import SqliteEventStore
from tests.support.service import MORE_SETTINGS, SETTINGS


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting from outside, and no .env."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(SETTINGS + MORE_SETTINGS):
            del os.environ[name]
    monkeypatch.chdir(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a command that serves has configured for its process ends with the test."""
    root, driver = logging.getLogger(), logging.getLogger("cassandra")
    before = root.level, driver.level, sys.excepthook, threading.excepthook
    yield
    for handler in [each for each in root.handlers if isinstance(each, LineQueue)]:
        handler.close()
        root.removeHandler(handler)
        logging.captureWarnings(False)
    root.level, driver.level, sys.excepthook, threading.excepthook = before


@pytest.fixture
def empty_registry(bare_environment: None) -> None:
    """The file is there: a command that only looks makes none."""
    SqliteEventStore(Path("var/events.sqlite3")).close()
