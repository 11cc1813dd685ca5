"""What happens to nodes of a cluster beyond what a signal does: full disks, and lines between nodes
that carry nothing while clients reach all of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from tests.support.cassandra_cluster import ThreeNodes, ring_of
from tests.support.cassandra_jvm import JvmNode
from tests.support.partition import Partition, Rule, sent_by, to
from tests.support.processes import wait_until
from tests.support.small_disk import fill, make_room
from tests.support.workload.faults import Trouble
from tests.support.workload.world import World, opened_line

NOTICED_SECONDS = 20.0

_FULL = ("No space left on device", "SIGBUS")
"""What a full disk is to a node; the second where a file of the commit log lies in its memory."""


def full_disk(node: JvmNode, folder: str) -> Trouble:
    """The disk that holds this folder of the node is full, and the node has noticed. In the end an
    operator makes room and starts the node anew: what could not write does not go on by itself."""
    disk = node.data / folder

    def strike() -> None:
        before = len(node.log())
        fill(disk)
        wait_until(
            lambda: any(sign in node.log()[before:] for sign in _FULL),
            NOTICED_SECONDS,
            f"node {node.host} notices that its disk is full",
            0.2,
        )

    def recover() -> None:
        make_room(disk)
        node.kill()
        node.start()

    return Trouble(f"the disk with the {folder} of node {node.host} is full", strike, recover)


def replaced(world: World, number: int) -> Trouble:
    """The node of this number is gone for good, with its data. A new one at another address takes
    its place: it has the range of the one before, which nobody knows any more, and clients find
    it."""
    cluster = world.cluster

    def strike() -> None:
        before, ring = cluster.nodes[number - 1], ring_of(cluster.nodes[0])
        successor = cluster.successor(number)
        world.lines[number - 1].close()
        world.lines[number - 1] = opened_line(successor)
        successor.start()
        ring[successor.host] = ring.pop(before.host)
        wait_until(
            lambda: all(ring_of(node) == ring for node in cluster.nodes),
            NOTICED_SECONDS,
            f"all nodes see {successor.host} in the place of {before.host}",
            0.2,
        )
        reached = world.lines[number - 1].upstream_ports
        wait_until(lambda: reached, NOTICED_SECONDS, f"the service reaches {successor.host}")

    return Trouble(f"node {number} is replaced", strike)


def cut_off(cluster: ThreeNodes, node: JvmNode) -> list[Trouble]:
    """The other nodes do not hear one of them, which hears them; or they do not reach it; or
    neither."""
    others = [other for other in cluster.nodes if other is not node]
    away = [silence(cluster, node, other) for other in others]
    back = [silence(cluster, other, node) for other in others]
    name = f"node {node.host}"
    return [
        _parted(f"{name} is not heard by the others", away),
        _parted(f"{name} does not hear the others", back),
        _parted(f"{name} is parted from the others", [*away, *back]),
    ]


def all_parted(cluster: ThreeNodes) -> Trouble:
    """No node hears another."""
    pairs = permutations(cluster.nodes, 2)
    return _parted("all nodes are parted", [silence(cluster, *pair) for pair in pairs])


def silence(cluster: ThreeNodes, source: JvmNode, target: JvmNode) -> Rule:
    """What one node says to another is lost."""
    return *to(target.host, cluster.storage_port), *sent_by(source.group)


def _parted(name: str, rules: Sequence[Rule]) -> Trouble:
    partition = Partition(*rules)

    def strike() -> None:
        partition.begin()
        wait_until(partition.lost, NOTICED_SECONDS, f"{name}: something is lost", 0.05)

    return Trouble(name, strike, partition.end)
