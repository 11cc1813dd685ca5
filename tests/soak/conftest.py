"""What soak tests share: their figures, and the service over each store."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import without
from tests.support.cassandra_cluster import ThreeNodes
from tests.support.cassandra_jvm import VERSION
from tests.support.deployment import STORES, Deployment, deployed
from tests.support.measurements import Figures
from tests.support.processes import Unavailable
from tests.support.workload.storm import Weather
from tests.support.workload.world import PAXOS_V2, Reached, announced
from tests.support.wrong_clock import wrong_clock


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    """Rows for docs/measurements.md; written when all soak tests have run."""
    figures = Figures()
    yield figures
    figures.write(f"Cassandra {VERSION}, SQLite {sqlite3.sqlite_version}")


@pytest.fixture(scope="module", params=STORES)
def deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The service, over each store."""
    store: str = request.param
    with deployed(request, store, tmp_path_factory.mktemp(store)) as running:
        yield running


@pytest.fixture(scope="session")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes clocks wrong."""
    try:
        return wrong_clock(tmp_path_factory.mktemp("clock"))
    except Unavailable as reason:
        without("cc", reason)


def reachable_nodes(
    overrides: Mapping[str, Any] | None = None,
    each: Callable[[int], Mapping[str, Any]] = lambda _: {},
    *,
    in_groups: bool = False,
) -> ThreeNodes:
    """Three nodes, to be started, that tell clients the addresses of their proxies."""
    try:
        return ThreeNodes(
            {**PAXOS_V2, **(overrides or {})}, announces=announced, each=each, in_groups=in_groups
        )
    except Unavailable as reason:
        without("cassandra", reason)


@pytest.fixture
def weather(nodes: Reached, clock: Path, tmp_path: Path, figures: Figures) -> Weather:
    """Runs on the nodes of the module."""
    return Weather(nodes, clock, tmp_path, figures)
