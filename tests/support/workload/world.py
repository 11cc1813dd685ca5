"""What a run on three nodes disturbs: nodes, the lines to them, and two instances of the service
whose clocks are an hour fast and an hour slow.

Each node announces the address of a proxy, so the lines from the service to it can be cut, slowed
and made lossy for one node alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from app.infrastructure.cassandra.migrations import migrate, read_migrations
from app.infrastructure.cassandra.session import Contact
from tests.support.cassandra_cluster import COPIES, ThreeNodes
from tests.support.cassandra_jvm import JvmNode
from tests.support.processes import wait_until
from tests.support.project import MIGRATIONS
from tests.support.service import Service
from tests.support.tcp_proxy import FaultProxy
from tests.support.workload.faults import Trouble
from tests.support.wrong_clock import clock_settings

HOUR = 3600
PAXOS_V2 = {"paxos_variant": "v2", "paxos_state_purging": "repaired"}


@dataclass(frozen=True)
class Reached:
    """Three nodes, and the proxies through which clients reach them."""

    cluster: ThreeNodes
    lines: list[FaultProxy]


@dataclass(frozen=True)
class World(Reached):
    """Besides, the instances of the service."""

    services: Sequence[Service]


Troubles = Callable[[World, random.Random], Sequence[Trouble]]
"""What happens in a run: troubles of a world, which make their choices by the seed."""


def announced(number: int) -> str:
    """The address of the proxy of a node."""
    return f"127.0.1.{number}"


@contextmanager
def reached(cluster: ThreeNodes) -> Iterator[Reached]:
    """The nodes, which announce themselves as `announced` says, are started; and their proxies."""
    with cluster:
        lines = [opened_line(node) for node in cluster.nodes]
        try:
            yield Reached(cluster, lines)
        finally:
            for line in lines:
                line.close()


def opened_line(node: JvmNode) -> FaultProxy:
    """The proxy of the node, which listens where the node says that it is."""
    number = int(node.host.rpartition(".")[2])
    line = FaultProxy(node.host, node.port, host=announced(number), port=node.port)
    line.start()
    return line


@contextmanager
def served(nodes: Reached, clock: Path, folder: Path) -> Iterator[World]:
    """Two instances over a new keyspace, whose clocks the library makes wrong."""
    cluster, lines = nodes.cluster, nodes.lines
    wait_until(cluster.is_whole, 60, "all nodes are there", 0.2)
    keyspace = f"promises_{uuid4().hex[:8]}"
    contact = Contact(tuple(line.host for line in lines), cluster.port)
    migrate(contact, keyspace, COPIES, read_migrations(MIGRATIONS), lambda _: None)
    settings = {
        "CASSANDRA_HOST": ",".join(contact.hosts),
        "CASSANDRA_PORT": str(cluster.port),
        "CASSANDRA_KEYSPACE": keyspace,
        "WORKERS": "1",
        "THREADS": "8",
    }
    with ExitStack() as running:
        services = [
            Service(folder / name, "127.0.0.1", None, **settings, **clock_settings(clock, offset))
            for name, offset in (("fast", HOUR), ("slow", -HOUR))
        ]
        for service in services:
            running.enter_context(service)
        yield World(cluster, lines, services)
