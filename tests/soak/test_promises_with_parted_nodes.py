"""Every promise on three nodes of Cassandra that do not hear each other, while clients reach all of
them; alone, and with frozen nodes and killed services besides."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from tests.conftest import without
from tests.soak.conftest import reachable_nodes
from tests.support.partition import require_iptables
from tests.support.processes import Unavailable
from tests.support.workload.faults import Trouble, of_node, of_service
from tests.support.workload.node_faults import all_parted, cut_off
from tests.support.workload.storm import Storm, Weather
from tests.support.workload.world import Reached, World, reached

pytestmark = [pytest.mark.soak, pytest.mark.alone, pytest.mark.full]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Reached]:
    """Three nodes, each of which can be parted from the others."""
    try:
        require_iptables()
    except Unavailable as reason:
        without("iptables", reason)
    with reached(reachable_nodes(in_groups=True)) as nodes:
        yield nodes


def one_parted(world: World, _: random.Random) -> Sequence[Trouble]:
    """One node and the others do not hear each other, one way or both."""
    cluster = world.cluster
    return [trouble for node in cluster.nodes for trouble in cut_off(cluster, node)]


def none_heard(world: World, _: random.Random) -> Sequence[Trouble]:
    """No node hears another."""
    return [all_parted(world.cluster)]


def parted(world: World, chance: random.Random) -> Sequence[Trouble]:
    """Either."""
    return [*one_parted(world, chance), *none_heard(world, chance)]


def nodes_frozen(world: World, chance: random.Random) -> Sequence[Trouble]:
    """One of the nodes stands still."""
    nodes = zip(world.cluster.nodes, world.lines, strict=True)
    troubles = [trouble for node, line in nodes for trouble in of_node(node, line, chance)]
    return [trouble for trouble in troubles if "frozen" in trouble.name]


def services_killed(world: World, chance: random.Random) -> Sequence[Trouble]:
    """An instance, or its worker, is killed or frozen."""
    return [trouble for each in world.services for trouble in of_service(each, chance)]


RUNS = {
    "one node is parted from the others": Storm(one_parted, seconds=25),
    "all nodes are parted": Storm(none_heard),
    "parted and frozen nodes, killed services": Storm(
        parted, (nodes_frozen, services_killed), seconds=40
    ),
    "parted and frozen nodes, killed services, once more": Storm(
        parted, (nodes_frozen, services_killed), seconds=40
    ),
}


@pytest.mark.parametrize("run", RUNS)
def test_promises_with_parted_nodes(run: str, weather: Weather) -> None:
    """Who reaches a majority is served, who does not is told so, and all come together again."""
    weather.keeps_promises(run, RUNS[run])
