"""Every promise on three nodes of Cassandra, two of which are gone for good, one after the other: a
new node takes the place of each while clients are at work."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from tests.soak.conftest import reachable_nodes
from tests.support.workload.faults import Trouble
from tests.support.workload.node_faults import replaced
from tests.support.workload.storm import Storm, Weather
from tests.support.workload.world import Reached, World, reached

pytestmark = [pytest.mark.soak, pytest.mark.alone, pytest.mark.full]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Reached]:
    """Three nodes, of which the first stays: the others find each other through it."""
    with reached(reachable_nodes()) as nodes:
        yield nodes


def replacements(world: World, _: random.Random) -> Sequence[Trouble]:
    """Of those that others do not need to find each other."""
    return [replaced(world, 2), replaced(world, 3)]


def test_promises_with_a_replaced_node(weather: Weather) -> None:
    """The new node has what the one before was responsible for, and nothing is missed."""
    weather.keeps_promises("a node is replaced", Storm(replacements, seconds=60))
