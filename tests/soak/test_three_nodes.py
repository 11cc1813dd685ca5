"""The service on three nodes of Cassandra, one of which fails: an outage for nobody.

A frozen node (SIGSTOP) is the hard case. It keeps its connections open and its peers take it for
alive for many seconds, while nothing that is sent to it is answered. Every other fault, of each
node in turn, long and short: test_three_nodes_in_full.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from app.infrastructure.cassandra.migrations import migrate, read_migrations
from app.infrastructure.cassandra.session import Contact
from tests.conftest import without
from tests.support.cassandra_cluster import COPIES, ThreeNodes
from tests.support.measurements import Figures
from tests.support.processes import Unavailable, wait_until
from tests.support.project import MIGRATIONS
from tests.support.service import Service
from tests.support.three_nodes.load import Load, during
from tests.support.three_nodes.promises import BUDGET_SECONDS, FEED_SECONDS
from tests.support.three_nodes.seen import Seen

pytestmark = [pytest.mark.soak, pytest.mark.alone]

KEYSPACE = "registry"
LATEST_SECONDS = BUDGET_SECONDS + 0.5
"""The budget, and what clients wait for a turn on a machine that also runs three nodes."""
BACK_SECONDS = 5.0
FAULT_SECONDS = 4.0
CALM_SECONDS = 2.0
WARM = 100
"""Carriers: what a new cluster needs to compile its code."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[ThreeNodes]:
    """Three nodes with the project's schema."""
    try:
        nodes = ThreeNodes({"paxos_variant": "v2", "paxos_state_purging": "repaired"})
    except Unavailable as reason:
        without("cassandra", reason)
    with nodes:
        contact = Contact(nodes.hosts, nodes.port)
        migrate(contact, KEYSPACE, COPIES, read_migrations(MIGRATIONS), lambda _: None)
        yield nodes


@pytest.fixture(scope="module")
def load(cluster: ThreeNodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    """Clients of a service on the cluster, that have been at work for a while."""
    service = Service(
        tmp_path_factory.mktemp("service"),
        CASSANDRA_HOST=",".join(cluster.hosts),
        CASSANDRA_PORT=str(cluster.port),
        CASSANDRA_KEYSPACE=KEYSPACE,
        REQUEST_TIMEOUT=str(BUDGET_SECONDS),
        WORKERS="2",
    )
    with service, Load([service]) as clients:
        wait_until(lambda: len(clients.acknowledged) >= WARM, 120, "the cluster is warm", 0.2)
        yield clients


def calm(load: Load) -> None:
    """Let things settle, and see that they are well."""
    seen = during(load, CALM_SECONDS, lambda: None)
    now = time.monotonic()
    wait_until(lambda: load.has_followed(now), 20, "the feed has caught up", 0.1)
    assert seen.longest_gap < 2, str(seen)


def keeps_its_promises(seen: Seen) -> None:
    """What is promised while one node of three is away."""
    assert seen.answered >= 0.995, str(seen)
    assert seen.longest_gap <= 2, str(seen)
    assert seen.slowest <= LATEST_SECONDS, str(seen)
    assert seen.feed_lag <= FEED_SECONDS, str(seen)
    # In a few seconds one of them is more than one in a hundred.
    assert seen.not_found <= 1, str(seen)
    # A load balancer takes an instance out after several in a row.
    assert seen.unready <= 1, str(seen)


def test_a_frozen_node_is_no_outage(cluster: ThreeNodes, load: Load, figures: Figures) -> None:
    """The other nodes do its work at once, and the service stays ready."""
    calm(load)
    node = cluster.nodes[0]
    try:
        seen = during(load, FAULT_SECONDS, node.pause)
    finally:
        node.resume()
    figures.add("a node of three is frozen", 1, str(seen))
    keeps_its_promises(seen)


@pytest.mark.full  # one that is frozen is the harder case, and in every run
def test_a_killed_node_is_no_outage(cluster: ThreeNodes, load: Load, figures: Figures) -> None:
    """Nor is its return."""
    calm(load)
    node = cluster.nodes[2]
    seen = during(load, FAULT_SECONDS, node.kill)
    figures.add("a node of three is killed", 1, str(seen))
    keeps_its_promises(seen)
    back = during(load, 1, node.start)
    wait_until(cluster.is_whole, 60, "the node is back", 0.2)
    keeps_its_promises(back)


def test_without_a_majority_nothing_is_acknowledged(
    cluster: ThreeNodes, load: Load, figures: Figures
) -> None:
    """Every client is told so within its budget; soon after the nodes are back commands are carried
    out again."""
    calm(load)

    def freeze() -> None:
        for node in cluster.nodes[:2]:
            node.pause()

    def thaw() -> None:
        for node in cluster.nodes[:2]:
            node.resume()

    began = time.monotonic()
    try:
        lost = during(load, FAULT_SECONDS, freeze)
    finally:
        after = during(load, BACK_SECONDS, thaw)
    # The kernel stops a node's threads one after the other.
    late = [each for each in lost.commands if each.began > began + 0.5 and each.status == 201]
    figures.add("two nodes of three are frozen", 1, f"{lost}; afterwards {after}")
    assert late == []
    assert lost.slowest <= LATEST_SECONDS, str(lost)
    assert after.longest_gap < BACK_SECONDS, str(after)


def test_in_the_end_nothing_is_missing(load: Load, figures: Figures) -> None:
    """Everything that was acknowledged is in the feed, whose positions are dense, and no read with
    a token has found another carrier than the one that was just registered."""
    calm(load)
    for positions in load.positions:
        assert positions == list(range(1, len(positions) + 1))
    assert load.wrong == []
    figures.add(
        "all faults of nodes, one after the other", 1, f"{len(load.acknowledged)} registrations"
    )
