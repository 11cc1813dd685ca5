"""`.env` is changed while the service runs: nobody who is born later serves by it."""

import http.client
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.answers import another
from tests.support.processes import wait_until
from tests.support.service import Service


def lists(service: Service) -> int:
    """How many carriers the service lists; -1 without an answer."""
    with suppress(OSError, http.client.HTTPException, KeyError):
        return len(service.ask("GET", "/carriers").json["data"]["carriers"])
    return -1


def replace_worker(service: Service) -> None:
    """Kill the only worker, and wait for the next one."""
    (former,) = service.workers()
    os.kill(former, signal.SIGKILL)
    wait_until(lambda: set(service.workers()) - {former}, 20, "another worker")
    wait_until(lambda: lists(service) >= 0, 20, "it answers")


def test_a_worker_that_is_born_later_serves_the_same_registry(tmp_path: Path) -> None:
    """A name that comes into `.env` meanwhile is not for it: the other registry has no API keys."""
    with Service(tmp_path, WORKERS="1") as service:
        assert service.ask("POST", "/register-carrier", another()).status == 201
        (tmp_path / ".env").write_text(f"SQLITE_PATH={tmp_path}/other/events.sqlite3\n")
        replace_worker(service)
        assert lists(service) == 1
        assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("how", ["a worker dies", "SIGHUP"])
def test_a_file_that_was_broken_ends_no_service(tmp_path: Path, how: str) -> None:
    """Neither by the next worker nor by a reload, which says what is wrong with it."""
    with Service(tmp_path, WORKERS="1") as service:
        (tmp_path / ".env").write_text('FOO="bar\n')
        if how == "SIGHUP":
            before = set(service.workers())
            os.kill(service.server.pid, signal.SIGHUP)
            wait_until(lambda: before.isdisjoint(service.workers()), 30, "other workers")
            said = [line["message"] for line in service.log_lines() if line["level"] == "error"]
            assert len(said) == 1
            assert said[0].startswith(".env, line 1: ")
        else:
            replace_worker(service)
        assert service.ask("POST", "/register-carrier", another()).status == 201
        assert service.server.running
