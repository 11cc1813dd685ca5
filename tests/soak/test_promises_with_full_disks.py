"""Every promise on three nodes of Cassandra while a disk of one of them is full: that of the commit
log, or that of the tables."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest

from tests.conftest import without
from tests.soak.conftest import reachable_nodes
from tests.support.processes import Unavailable
from tests.support.small_disk import small_disk
from tests.support.workload.faults import Trouble
from tests.support.workload.node_faults import full_disk
from tests.support.workload.storm import Storm, Weather
from tests.support.workload.world import Reached, World, reached

pytestmark = [pytest.mark.soak, pytest.mark.alone, pytest.mark.full]

# So that tables are written to their disk every few seconds.
SMALL_LOG = {"commitlog_segment_size": "1MiB", "commitlog_total_space": "2MiB"}

DISKS = {"commitlog": 48, "data": 96}
"""The folders of a node that are disks of their own, and the MiB that these hold."""


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    """Three nodes with small disks."""
    cluster = reachable_nodes(SMALL_LOG)
    with ExitStack() as running:
        for node in cluster.nodes:
            for folder, size in DISKS.items():
                disk = tmp_path_factory.mktemp(folder)
                try:
                    running.enter_context(small_disk(disk, size))
                except Unavailable as reason:
                    without("mount", reason)
                (node.data / folder).symlink_to(disk)
        yield running.enter_context(reached(cluster))


@pytest.mark.parametrize("folder", DISKS)
def test_promises_with_full_disks(folder: str, weather: Weather) -> None:
    """A node that can write no more is no worse than one that is gone, and comes back whole."""

    def full(world: World, _: random.Random) -> Sequence[Trouble]:
        return [full_disk(node, folder) for node in world.cluster.nodes]

    weather.keeps_promises(f"the disk with the {folder} of a node is full", Storm(full, seconds=40))
