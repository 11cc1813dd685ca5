"""Metrics of the release and of the server's processes, read from /proc at each scrape.

prometheus-client's own `process_*` describe only the process that answers, and are missing in its
multi-process mode. Here the worker that is scraped reports gunicorn's master and every worker. A
worker is labelled by a number, which its successor takes over, so that there are never more series
than processes, and a restart shows as one. A worker writes its number into its name in /proc.
"""

import logging
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from prometheus_client import PROCESS_COLLECTOR, ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

from app.version import version

log = logging.getLogger(__name__)

_PROC = Path("/proc")
_NAME = "carriers-"  # the kernel keeps 15 characters
_FOLLOWER = "follow"
FOLLOWER = f"{_NAME}{_FOLLOWER}"
"""What the follower calls itself in /proc."""
# proc(5), stat: comm, state, ppid
_WORKER = re.compile(rf"\({_NAME}([0-9]+|{_FOLLOWER})\) . ([0-9]+) ")


def become_worker(number: int) -> None:
    """Make this process known as the worker of that number; its parent is the master."""
    _become(str(number))


def become_follower() -> None:
    """Make this process known as the follower of its server; its parent is the master."""
    _become(_FOLLOWER)


def _become(role: str) -> None:
    with suppress(KeyError):
        REGISTRY.unregister(PROCESS_COLLECTOR)
    try:
        (_PROC / "self/comm").write_text(f"{_NAME}{role}")
    except OSError as error:
        log.info("there will be no metrics about this process: %s", error)


class BuildInfo(Collector):
    """The running release and its Python version."""

    def collect(self) -> Iterable[Metric]:
        """See `prometheus_client.registry.Collector`."""
        text = "The release that is running (1)."
        family = GaugeMetricFamily("carriers_build_info", text, labels=["version", "python"])
        family.add_metric([version(), platform.python_version()], 1)
        yield family


class ProcessFigures(Collector):
    """prometheus-client's `process_*` metrics for the master and each worker. Outside of a worker
    there are none."""

    def collect(self) -> Iterable[Metric]:
        """See `prometheus_client.registry.Collector`."""
        families: dict[str, Metric] = {}
        for process, pid in _processes().items():
            for metric in _metrics_of(pid):
                family = families.setdefault(
                    metric.name, Metric(metric.name, metric.documentation, metric.type)
                )
                for sample in metric.samples:
                    family.add_sample(sample.name, {"process": process}, sample.value)
        return families.values()


def _metrics_of(pid: int) -> Iterable[Metric]:
    return ProcessCollector(pid=lambda: pid, registry=None).collect()


def _processes() -> Mapping[str, int]:
    """The process ids of the master and its workers by name; empty if this process is no worker."""
    own = _worker(os.getpid())
    if own is None:
        return {}
    _, master = own
    return {"master": master} | dict(sorted(_workers_of(master)))


def _workers_of(master: int) -> Iterator[tuple[str, int]]:
    for folder in _PROC.glob("[0-9]*"):
        pid = int(folder.name)
        found = _worker(pid)
        if found is not None and found[1] == master:
            yield found[0], pid


def _worker(pid: int) -> tuple[str, int] | None:
    """The worker's name and its parent's process id; None if `pid` is no worker."""
    try:
        match = _WORKER.search((_PROC / str(pid) / "stat").read_text())
    except (OSError, UnicodeDecodeError):  # the process has ended, or its name is not UTF-8
        return None
    if match is None:
        return None
    return "follower" if match[1] == _FOLLOWER else f"worker-{match[1]}", int(match[2])
