"""Every promise on three nodes of Cassandra and two instances of the service, whose clocks are an
hour fast and an hour slow: with one fault at a time, and with all of them mixed.

Each node announces the address of a proxy, so the lines from the service to it can be cut, slowed
and made lossy for one node alone.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from app.infrastructure.cassandra.migrations import migrate, read_migrations
from app.infrastructure.cassandra.session import Contact
from tests.conftest import without
from tests.soak.test_promises import judge, seen
from tests.support.cassandra_cluster import COPIES, ThreeNodes
from tests.support.measurements import Figures
from tests.support.processes import Unavailable, wait_until
from tests.support.project import MIGRATIONS
from tests.support.service import Service
from tests.support.tcp_proxy import FaultProxy
from tests.support.workload.faults import (
    Trouble,
    of_line,
    of_node,
    of_service,
    restart_in_turn,
    without_majority,
)
from tests.support.workload.run import first_seed, recorded_run
from tests.support.wrong_clock import clock_settings, wrong_clock

pytestmark = [
    pytest.mark.soak,
    pytest.mark.alone,
    pytest.mark.full,
]

HOUR = 3600
SECONDS = 15.0
LONGEST_TROUBLE_SECONDS = 4.0


@dataclass(frozen=True)
class World:
    """What can be disturbed."""

    cluster: ThreeNodes
    lines: Sequence[FaultProxy]
    services: Sequence[Service]


def announced(number: int) -> str:
    """The address of the proxy of a node."""
    return f"127.0.1.{number}"


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes clocks wrong."""
    try:
        return wrong_clock(tmp_path_factory.mktemp("clock"))
    except Unavailable as reason:
        without("cc", reason)


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[ThreeNodes, Sequence[FaultProxy]]]:
    """Three nodes, and the proxies through which they are reached."""
    try:
        nodes = ThreeNodes(
            {"paxos_variant": "v2", "paxos_state_purging": "repaired"}, announces=announced
        )
    except Unavailable as reason:
        without("cassandra", reason)
    with ExitStack() as running:
        running.enter_context(nodes)
        lines = [
            running.enter_context(
                FaultProxy(node.host, node.port, host=announced(number), port=node.port)
            )
            for number, node in enumerate(nodes.nodes, 1)
        ]
        yield nodes, lines


@pytest.fixture
def world(
    cluster: tuple[ThreeNodes, Sequence[FaultProxy]], clock: Path, tmp_path: Path
) -> Iterator[World]:
    """Two instances over a new keyspace."""
    nodes, lines = cluster
    wait_until(nodes.is_whole, 60, "all nodes are there", 0.2)
    keyspace = f"promises_{uuid4().hex[:8]}"
    contact = Contact(tuple(line.host for line in lines), nodes.port)
    migrate(contact, keyspace, COPIES, read_migrations(MIGRATIONS), lambda _: None)
    settings = {
        "CASSANDRA_HOST": ",".join(contact.hosts),
        "CASSANDRA_PORT": str(nodes.port),
        "CASSANDRA_KEYSPACE": keyspace,
        "WORKERS": "1",
        "THREADS": "8",
    }
    with ExitStack() as running:
        services = [
            Service(tmp_path / name, "127.0.0.1", None, **settings, **clock_settings(clock, offset))
            for name, offset in (("fast", HOUR), ("slow", -HOUR))
        ]
        for service in services:
            running.enter_context(service)
        yield World(nodes, lines, services)


Troubles = Callable[[World, random.Random], Sequence[Trouble]]


def nodes_only(*names: str) -> Troubles:
    """What happens to any of the nodes, or to the line to it, by these names."""

    def troubles(world: World, chance: random.Random) -> Sequence[Trouble]:
        return [
            trouble
            for node, line in zip(world.cluster.nodes, world.lines, strict=True)
            for trouble in of_node(node, line, chance)
            if any(name in trouble.name for name in names)
        ]

    return troubles


def services_only(world: World, chance: random.Random) -> Sequence[Trouble]:
    """What happens to the two instances."""
    return [trouble for each in world.services for trouble in of_service(each, chance)]


def everything(world: World, chance: random.Random) -> Sequence[Trouble]:
    """All of it."""
    lines = [trouble for line in world.lines for trouble in of_line(line, chance)]
    return [
        *nodes_only("kill", "frozen")(world, chance),
        *lines,
        *services_only(world, chance),
        restart_in_turn(world.services),
        without_majority(world.cluster.nodes),
    ]


RUNS: dict[str, Troubles] = {
    "wrong clocks alone": lambda _, __: (),
    "nodes are killed": nodes_only("kill"),
    "nodes are frozen": nodes_only("frozen"),
    "nodes are out of reach": nodes_only("black hole", "cut"),
    "lines are slow and lose answers": nodes_only("latency", "lost"),
    "services are killed and frozen": services_only,
    "a rolling restart": lambda world, _: [restart_in_turn(world.services)],
    "the majority is frozen": lambda world, _: [without_majority(world.cluster.nodes)],
    "all of it, mixed": everything,
    "all of it, mixed, once more": everything,
}


@pytest.mark.parametrize("run", RUNS)
def test_promises_on_three_nodes(run: str, world: World, tmp_path: Path, figures: Figures) -> None:
    """Whatever happens, every promise is kept."""
    seed = first_seed()
    file = tmp_path / "history.jsonl"
    troubles = RUNS[run](world, random.Random(seed))
    history = recorded_run(world.services, file, seed, SECONDS, troubles, LONGEST_TROUBLE_SECONDS)
    judge(history, seed, file)
    figures.add(f"every command on three nodes, clocks an hour off: {run}", 1, seen(history))


def test_a_wrong_clock_is_wrong_and_waits_are_right(clock: Path) -> None:
    """The time of day is an hour off, and a sleep takes as long as it should."""
    program = "import time; a = time.monotonic(); time.sleep(0.2);"
    program += "print(time.time(), time.monotonic() - a)"
    environment = {**os.environ, **clock_settings(clock, HOUR)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True
    )
    now, slept = map(float, done.stdout.split())
    assert abs(now - time.time() - HOUR) < 60
    assert 0.2 <= slept < 5
