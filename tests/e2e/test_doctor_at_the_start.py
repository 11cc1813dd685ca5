"""What the service logs of its store as it starts: the findings of `carriers doctor`, once."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.answers import another
from tests.support.processes import wait_until
from tests.support.service import Service


def findings(service: Service) -> list[dict[str, Any]]:
    """The lines that the doctor has logged."""
    return [line for line in service.log_lines() if line["logger"] == "app.doctor"]


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder that the next restart of the machine empties."""
    folder = Path(f"/dev/shm/carriers-test-{os.getpid()}")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_a_risk_is_an_error_and_is_logged_once(tmp_path: Path, in_memory: Path) -> None:
    """However many workers there are, and although others replace them in a reload."""
    path = str(in_memory / "events.sqlite3")
    with Service(tmp_path, WORKERS="3", SQLITE_PATH=path) as service:
        wait_until(lambda: findings(service), 20, "the doctor has looked")
        before = service.workers()
        os.kill(service.server.pid, signal.SIGHUP)
        wait_until(lambda: not set(before) & set(service.workers()), 20, "others serve")
        assert service.ask("POST", "/register-carrier", another()).status == 201
        (line,) = [each for each in findings(service) if each["level"] == "error"]
    assert line["message"].startswith("file-system-in-memory: ")


def test_something_to_know_is_a_warning(tmp_path: Path) -> None:
    """With the code that `carriers doctor` shows."""
    with Service(tmp_path, "0.0.0.0", ALLOW_ANONYMOUS="true") as service:
        wait_until(lambda: "open-to-everybody: " in str(findings(service)), 20, "it has looked")
        assert {each["level"] for each in findings(service)} == {"warning"}


def test_a_store_that_is_away_keeps_nothing_from_starting(tmp_path: Path) -> None:
    """It is said that it was not looked at."""
    away = {"CASSANDRA_HOST": "127.0.0.1", "CASSANDRA_PORT": "1"}

    def lives(service: Service) -> bool:
        with suppress(OSError):
            return service.ask("GET", "/health/live").status == 200
        return False

    with Service(tmp_path, "127.0.0.1", lives, WORKERS="1", **away) as service:
        (line,) = wait_until(lambda: findings(service), 20, "the doctor has tried")
    assert line["level"] == "info"
    assert line["message"].startswith("the store was not examined: ")
