"""Figures about the service as a whole: one scrape, of whichever worker, tells of all processes."""

import os
import platform
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import without
from tests.support.processes import Unavailable, wait_until
from tests.support.service import Service

PROCESSES = {"master", "follower", "worker-1", "worker-2", "worker-3"}
_CPU = "process_cpu_seconds_total"
PROCESS_FIGURES = {
    _CPU,
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Three workers. Each process has been at work for longer than the kernel's tick."""
    with Service(tmp_path_factory.mktemp("figures"), WORKERS="3") as service:
        wait_until(lambda: all(told(service, _CPU).get(each) for each in PROCESSES), 20, "work")
        yield service


def told(service: Service, name: str) -> dict[str, float]:
    """By process, what one scrape tells of this figure."""
    text = service.ask("GET", "/metrics").body.decode()
    return {
        sample.labels["process"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


@pytest.mark.parametrize("name", sorted(PROCESS_FIGURES))
def test_each_process_is_told_of(service: Service, name: str) -> None:
    """By every worker that is asked: the master, the follower, and three workers by their
    numbers."""
    for _ in range(9):
        figures = told(service, name)
        assert figures.keys() == PROCESSES
        assert all(value > 0 for value in figures.values()), figures


def test_the_figures_are_the_processes_own(service: Service) -> None:
    """As /proc has them: the master's files, and when it was started."""
    files = len(list(Path(f"/proc/{service.server.pid}/fd").iterdir()))
    assert told(service, "process_open_fds")["master"] == files
    started = told(service, "process_start_time_seconds")
    assert 0 <= min(started[each] for each in started if each != "master") - started["master"] < 60
    assert abs(time.time() - started["master"]) < 600


def test_a_worker_takes_over_the_number_of_the_one_before(service: Service) -> None:
    """So there are never more series than processes; the start time shows that it is another."""
    before = told(service, "process_start_time_seconds")
    (first, *_) = service.workers()
    number = Path(f"/proc/{first}/comm").read_text().strip().removeprefix("carriers-")
    os.kill(first, signal.SIGKILL)
    wait_until(
        lambda: len(now := service.workers()) == 3 and first not in now, 20, "another worker"
    )
    wait_until(
        lambda: told(service, "process_start_time_seconds").keys() == PROCESSES,
        20,
        "the figures of another worker",
    )
    after = told(service, "process_start_time_seconds")
    assert {name for name in PROCESSES if after[name] != before[name]} == {f"worker-{number}"}


def listeners(service: Service) -> dict[str, float]:
    """By way, how many one scrape says wait for events of the feed."""
    text = service.ask("GET", "/metrics").body.decode()
    families = {each.name: each for each in text_string_to_metric_families(text)}
    return {each.labels["way"]: each.value for each in families["feed_listeners"].samples}


def test_listeners_are_counted_while_they_wait(service: Service) -> None:
    """By the way they have chosen, whichever worker they are with; afterwards nobody is left."""
    assert listeners(service) == {"wait": 0, "stream": 0}
    with closing(service.connect()) as stream, closing(service.connect()) as wait:
        stream.request("GET", "/events/stream")
        wait.request("GET", "/events?wait=20")
        expected = {"wait": 1, "stream": 1}
        wait_until(lambda: listeners(service) == expected, 10, "both listeners in the figures")
    nobody = {"wait": 0, "stream": 0}
    wait_until(lambda: listeners(service) == nobody, 10, "the end of both")


def test_the_listeners_of_a_killed_worker_are_forgotten(service: Service) -> None:
    """The worker that takes its place begins without any."""
    before = service.workers()
    with closing(service.connect()) as stream:
        stream.request("GET", "/events/stream")
        wait_until(lambda: listeners(service)["stream"] == 1, 10, "a listener")
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: len(now := service.workers()) == 3 and not {*now} & {*before}, 20, "new workers"
        )
    wait_until(lambda: listeners(service)["stream"] == 0, 20, "no listener")


def test_the_release_is_told(service: Service) -> None:
    """And the Python that it runs on."""
    text = service.ask("GET", "/metrics").body.decode()
    (told_of,) = [
        sample
        for family in text_string_to_metric_families(text)
        if family.name == "carriers_build_info"
        for sample in family.samples
    ]
    assert told_of.value == 1
    assert told_of.labels == {
        "version": metadata.version("distributing-carriers"),
        "python": platform.python_version(),
    }


def test_promtool_accepts_the_figures(service: Service) -> None:
    """Prometheus itself reads them, and finds nothing to say against their names."""
    promtool = shutil.which("promtool")
    if promtool is None:
        without(
            "promtool", Unavailable("no promtool: install it (Debian: apt-get install prometheus)")
        )
    scraped = service.ask("GET", "/metrics").body
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=scraped, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr.decode()
