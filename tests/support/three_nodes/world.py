"""Two services, their clients and a witness, on three nodes that can be cut off from each other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.infrastructure.cassandra.migrations import migrate, read_migrations
from app.infrastructure.cassandra.session import Contact
from tests.support.cassandra_cluster import COPIES, ThreeNodes
from tests.support.processes import wait_until
from tests.support.project import MIGRATIONS
from tests.support.service import Service
from tests.support.three_nodes.load import Load, during
from tests.support.three_nodes.promises import BUDGET_SECONDS
from tests.support.three_nodes.reasons import Reasons
from tests.support.three_nodes.witness import witness

PAXOS: Mapping[str, Mapping[str, str]] = {
    "v1": {"paxos_variant": "v1"},
    "v2": {"paxos_variant": "v2", "paxos_state_purging": "repaired"},
}
"""What cassandra.yaml says for each version of Paxos."""

CLIENTS = 10
PAUSE_SECONDS = 1.6
"""Of each client: without a fault two cores that also carry three nodes do this and keep up."""
CALM_SECONDS = 4.0

_KEYSPACE = "registry"
_WARM = 250
"""Carriers: what a new cluster needs to compile its code."""


@dataclass(frozen=True, slots=True)
class World:
    """What is there to be broken, and to be looked at."""

    paxos: str
    cluster: ThreeNodes
    load: Load

    def calm(self) -> None:
        """Let things settle, and say what they are like when nothing is wrong."""
        wait_until(self.cluster.is_whole, 60, "each node sees the others", 0.5)
        now = time.monotonic()
        wait_until(lambda: self.load.has_followed(now), 20, "the feed has caught up", 0.1)
        reasons = Reasons(self.load.services)
        print(f"\nbefore: {during(self.load, CALM_SECONDS, lambda: None)}; {reasons}", flush=True)

    def named(self, what: str) -> str:
        """The name of a figure."""
        return f"{what}, Paxos {self.paxos}"


@contextmanager
def world(paxos: str, folder: Path) -> Iterator[World]:
    """All of it at work, and warm. Raises Unavailable without Java or the jars."""
    with ExitStack() as running:
        cluster = running.enter_context(ThreeNodes(PAXOS[paxos], in_groups=True))
        contact = Contact(cluster.hosts, cluster.port)
        migrate(contact, _KEYSPACE, COPIES, read_migrations(MIGRATIONS), lambda _: None)
        services = [_service(cluster, folder / name) for name in ("one", "another")]
        for number, service in enumerate(services):
            service.server.group = 10 * cluster.port + number
            running.enter_context(service)
        watched = folder / "witnessed"
        running.enter_context(witness(watched, [service.port for service in services]))
        load = running.enter_context(Load(services, CLIENTS, PAUSE_SECONDS, watched))
        _warm_up(load)
        yield World(paxos, cluster, load)


def _service(cluster: ThreeNodes, folder: Path) -> Service:
    return Service(
        folder,
        CASSANDRA_HOST=",".join(cluster.hosts),
        CASSANDRA_PORT=str(cluster.port),
        CASSANDRA_KEYSPACE=_KEYSPACE,
        REQUEST_TIMEOUT=str(BUDGET_SECONDS),
        WORKERS="1",
    )


def _warm_up(load: Load) -> None:
    reasons = Reasons(load.services)

    def enough() -> None:
        wait_until(lambda: len(load.acknowledged) >= _WARM, 120, "the cluster is warm", 0.2)

    print(f"\na new cluster: {during(load, 0, enough)}; {reasons}", flush=True)
