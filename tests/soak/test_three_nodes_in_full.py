"""Two services on three nodes of Cassandra: each fault of each node in turn, short and long.

A line of progress for each fault; a little over an hour in all. For some of them alone:
`SOAK=full .venv/bin/pytest -n 0 --no-cov -s FILE -k "v2 and frozen"` with the name of this file.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.conftest import without
from tests.support.cassandra_cluster import NODES
from tests.support.measurements import Figures
from tests.support.partition import require_iptables
from tests.support.processes import Unavailable
from tests.support.three_nodes.faults import FAULTS, cut_off_from_nodes, of_majority
from tests.support.three_nodes.load import during
from tests.support.three_nodes.promises import (
    HEALED_MAJORITY_SECONDS,
    HEALED_SECONDS,
    acknowledges_nothing,
    is_in_time,
    is_no_outage,
    is_normal,
)
from tests.support.three_nodes.reasons import Reasons
from tests.support.three_nodes.world import CALM_SECONDS, PAXOS, World, world
from tests.support.workload.faults import Trouble

pytestmark = [pytest.mark.soak, pytest.mark.alone, pytest.mark.full]

SHORT_SECONDS = 15
LONG_SECONDS = 75


@pytest.fixture(scope="module", params=PAXOS, name="world")
def _world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Three nodes by Paxos v1 or v2, and ten clients of two services on them."""
    try:
        require_iptables()
    except Unavailable as reason:
        without("iptables", reason)
    try:
        running = world(request.param, tmp_path_factory.mktemp("services"))
        with running as there:
            yield there
    except Unavailable as reason:
        without("cassandra", reason)


def goes_by(world: World, trouble: Trouble, number: int, seconds: float, figures: Figures) -> None:
    """The trouble of a node comes, and goes again: an outage for nobody, and soon forgotten."""
    world.calm()
    reasons = Reasons(world.load.services)
    try:
        seen = during(world.load, seconds, trouble.begin)
    finally:
        healing = during(world.load, HEALED_SECONDS, trouble.end)
    after = during(world.load, CALM_SECONDS, lambda: None)
    what = f"node {number + 1} of three {trouble.name} for {seconds} s"
    told = f"{seen}; until {HEALED_SECONDS:g} s after the heal: {healing}"
    figures.add(world.named(what), 1, f"{told}; then: {after}")
    print(reasons, flush=True)
    is_no_outage(seen)
    is_no_outage(healing)
    is_normal(after)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("number", range(NODES))
def test_a_short_fault_of_a_node_is_no_outage(
    world: World, number: int, kind: str, figures: Figures
) -> None:
    """Each node in turn: the others do its work, and every instance stays ready."""
    goes_by(world, FAULTS[kind](world.cluster, number), number, SHORT_SECONDS, figures)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("number", range(NODES))
def test_a_long_fault_of_a_node_is_no_outage(
    world: World, number: int, kind: str, figures: Figures
) -> None:
    """Long enough for the other nodes, and for the driver, to take the node for dead. With Paxos v1
    each kind strikes one node only, which saves twenty minutes."""
    if world.paxos == "v1" and number != list(FAULTS).index(kind) % NODES:
        pytest.skip("with Paxos v1 a long fault of this kind strikes another node")
    goes_by(world, FAULTS[kind](world.cluster, number), number, LONG_SECONDS, figures)


@pytest.mark.parametrize("kind", ["frozen", "peers", "all"])
def test_without_a_majority_nothing_is_acknowledged(
    world: World, kind: str, figures: Figures
) -> None:
    """Every client is told so within its budget, and a second after the heal all is well."""
    world.calm()
    trouble = of_majority(FAULTS[kind], world.cluster)
    reasons = Reasons(world.load.services)
    began = time.monotonic()
    try:
        lost = during(world.load, SHORT_SECONDS, trouble.begin)
    finally:
        healing = during(world.load, HEALED_MAJORITY_SECONDS, trouble.end)
    after = during(world.load, CALM_SECONDS, lambda: None)
    what = f"of three nodes one {trouble.name}, for {SHORT_SECONDS} s"
    figures.add(world.named(what), 1, f"{lost}; in a second after: {healing}; then: {after}")
    print(reasons, flush=True)
    acknowledges_nothing(lost, began)
    is_in_time(lost)
    is_normal(after)


def test_an_instance_that_is_cut_off_should_leave(world: World, figures: Figures) -> None:
    """It alone: the instance says in a sentence why it is not ready, and tells its clients in time.
    The other one stays ready, and answers."""
    world.calm()
    here, _ = world.load.services
    assert here.server.group is not None
    partition = cut_off_from_nodes(world.cluster, here.server.group)
    try:
        seen = during(world.load, SHORT_SECONDS, partition.begin)
        told = here.ask("GET", "/health/ready")
    finally:
        partition.end()
    figures.add(world.named("one instance of two is cut off from all nodes"), 1, str(seen))
    assert told.status == 503
    assert "reaches no part of its store" in told.json["error"]["message"]
    there = [each for each in seen.commands if each.service == 1]
    assert there
    assert all(each.status < 500 for each in there), str(seen)
    is_in_time(seen)
    begin = seen.probes[0].began
    unready = [each for each in seen.probes if each.status != 200]
    assert {each.service for each in unready} == {0}
    assert unready[0].began - begin < 2
    ready = [each for each in seen.probes if each.status == 200 and each.service == 0]
    assert all(each.began < unready[0].began for each in ready), str(ready)


def test_in_the_end_nothing_is_missing(world: World, figures: Figures) -> None:
    """Everything that was acknowledged is in the feed, whose positions are dense and the same for
    all; no read with a token has found another carrier than the one that was just registered."""
    world.calm()
    for positions in world.load.positions:
        assert positions == list(range(1, len(positions) + 1))
    assert world.load.wrong == []
    what = world.named("all faults of nodes, one after the other")
    figures.add(what, 1, f"{len(world.load.acknowledged)} registrations")
