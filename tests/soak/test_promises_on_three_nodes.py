"""Every promise on three nodes of Cassandra and two instances of the service, whose clocks are an
hour fast and an hour slow: with one fault at a time, and with all of them mixed.

One run for each name; SEEDS=10 makes ten of each, and SEED=… the choices of one of them again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from tests.soak.conftest import reachable_nodes
from tests.support.workload.faults import (
    Trouble,
    of_line,
    of_node,
    of_service,
    restart_in_turn,
    without_majority,
)
from tests.support.workload.storm import Storm, Weather, calm
from tests.support.workload.world import (
    Reached,
    Troubles,
    World,
    reached,
)

pytestmark = [pytest.mark.soak, pytest.mark.alone, pytest.mark.full]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Reached]:
    """Three nodes, and the proxies through which they are reached."""
    with reached(reachable_nodes()) as nodes:
        yield nodes


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
    "wrong clocks alone": calm,
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
def test_promises_on_three_nodes(run: str, weather: Weather) -> None:
    """Whatever happens, every promise is kept."""
    weather.keeps_promises(run, Storm(RUNS[run]))
