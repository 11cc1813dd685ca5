"""Every promise on three nodes of Cassandra whose clocks are an hour fast, an hour slow and right:
schema, Paxos ballots and the dates of all that is stored come from these."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path

import pytest

from tests.soak.conftest import reachable_nodes
from tests.support.cassandra_cluster import asking
from tests.support.cassandra_jvm import JvmNode
from tests.support.workload.faults import Trouble, of_node, of_service
from tests.support.workload.storm import Storm, Weather, calm
from tests.support.workload.world import HOUR, Reached, World, reached
from tests.support.wrong_clock import clock_settings

pytestmark = [pytest.mark.soak, pytest.mark.alone, pytest.mark.full]

OFFSETS = {1: HOUR, 2: -HOUR, 3: 0}
"""Seconds by the number of the node."""

PAXOS = {"v2": {}, "v1": {"paxos_variant": "v1", "paxos_state_purging": "legacy"}}


@pytest.fixture(scope="module", params=PAXOS)
def nodes(request: pytest.FixtureRequest, clock: Path) -> Iterator[Reached]:
    """Three nodes with another clock each, by Paxos v1 or v2."""
    cluster = reachable_nodes(
        PAXOS[request.param],
        lambda number: {"environment": clock_settings(clock, OFFSETS[number])},
    )
    with reached(cluster) as nodes:
        yield nodes


def distance(node: JvmNode) -> float:
    """Seconds that the node's clock is ahead of ours, as it tells a client of its own."""
    with asking(node) as session:
        now = session.execute("SELECT toTimestamp(now()) AS now FROM system.local").one().now
    return float(now.replace(tzinfo=UTC).timestamp() - time.time())


def troubled(world: World, chance: random.Random) -> Sequence[Trouble]:
    """Nodes are killed, frozen and out of reach, and so are instances of the service."""
    nodes = zip(world.cluster.nodes, world.lines, strict=True)
    return [
        *(trouble for node, line in nodes for trouble in of_node(node, line, chance)),
        *(trouble for each in world.services for trouble in of_service(each, chance)),
    ]


def test_each_node_has_another_clock(nodes: Reached) -> None:
    """As asked of the nodes themselves."""
    for number, node in enumerate(nodes.cluster.nodes, 1):
        assert abs(distance(node) - OFFSETS[number]) < 60


RUNS = {"alone": calm, "with other faults": troubled}


@pytest.mark.parametrize("run", RUNS)
def test_promises_with_wrong_node_clocks(run: str, weather: Weather) -> None:
    """Whichever node coordinates a request, what came later counts, and schema changes hold."""
    weather.keeps_promises(f"the clocks of nodes an hour off, {run}", Storm(RUNS[run]))
