"""Temporary folders that are full, gone or read-only: the service does not need any."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.answers import another
from tests.support.processes import wait_until
from tests.support.service import Service

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small tmpfs")

WORKERS = 2
PROCESSES = WORKERS + 1
"""The workers and their follower."""
SETTINGS = {"WORKERS": str(WORKERS), "THREADS": "2"}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for 4 MB and few files."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=4m,nr_inodes=50", "tmpfs", str(folder)]
    subprocess.run(["/bin/mount", *options], check=True)
    yield folder
    subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    """No byte and no file more fits."""
    with suppress(OSError), (folder / "bytes").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with suppress(OSError):
        for number in range(1000):
            (folder / f"file{number}").touch()


def make_read_only(folder: Path) -> None:
    """Nothing can be written there."""
    subprocess.run(["/bin/mount", "-o", "remount,ro", str(folder)], check=True)


def empty(folder: Path) -> None:
    """All that is in it is deleted."""
    for inside in folder.iterdir():
        shutil.rmtree(inside) if inside.is_dir() else inside.unlink()


def serves(service: Service) -> None:
    """New kinds of requests and old ones are answered and counted, and no worker has died."""
    before = counted(service)
    for number in range(20):
        assert service.ask("POST", "/register-carrier", another()).status == 201
        assert service.ask("GET", f"/carriers?limit={number + 1}").status == 200
        assert service.ask("GET", "/nowhere").status == 404
    assert counted(service) == before + 60 + 1  # the scrape before
    assert service.server.output().count("Booting worker") == PROCESSES


def counted(service: Service) -> float:
    """Requests that were answered, of all workers."""
    text = service.ask("GET", "/metrics").body.decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "http_requests_total"
    )


@pytest.mark.parametrize("damage", [fill, make_read_only])
def test_a_temporary_folder_of_no_use_at_the_start(
    tmp_path: Path, small: Path, damage: Callable[[Path], None]
) -> None:
    """It starts and serves, and knows its figures."""
    damage(small)
    with Service(tmp_path, "127.0.0.1", None, TMPDIR=str(small), **SETTINGS) as service:
        serves(service)


@pytest.mark.parametrize("damage", [fill, make_read_only, empty])
def test_a_temporary_folder_that_is_lost_while_running(
    tmp_path: Path, small: Path, damage: Callable[[Path], None]
) -> None:
    """It goes on, without a gap in its figures."""
    with Service(tmp_path, "127.0.0.1", None, TMPDIR=str(small), **SETTINGS) as service:
        assert service.ask("GET", "/health/live").status == 200
        damage(small)
        serves(service)


def test_a_worker_is_replaced_while_all_folders_for_heartbeats_are_full(
    tmp_path: Path, small: Path
) -> None:
    """The heartbeat is in memory: a full folder for it neither stops the start, nor a worker that
    takes the place of a dead one, whose count goes on."""
    fill(small)
    arguments = {"GUNICORN_CMD_ARGS": f"--worker-tmp-dir {small}", "TMPDIR": str(small)}
    with Service(tmp_path, "127.0.0.1", None, **arguments, **SETTINGS) as service:

        def booted() -> int:
            return service.server.output().count("Booting worker")

        wait_until(lambda: booted() == PROCESSES, 10, "all processes")
        before = counted(service)
        for line in service.log_lines():
            if "Booting worker" in line["message"]:
                os.kill(line["process_id"], signal.SIGKILL)
        wait_until(lambda: booted() == 2 * PROCESSES, 10, "new ones")
        assert service.ask("GET", "/health/live").status == 200
        assert counted(service) > before
