"""How one of three nodes fails, and comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from tests.support.cassandra_cluster import ThreeNodes
from tests.support.cassandra_jvm import JvmNode
from tests.support.partition import (
    Partition,
    Rule,
    answers_of,
    sent_by,
    sent_by_others,
    to,
    to_others,
)
from tests.support.workload.faults import Trouble

Rules = Callable[[ThreeNodes, JvmNode], list[Rule]]
Fault = Callable[[ThreeNodes, int], Trouble]
"""The fault of the node with that index."""


def _unheard(cluster: ThreeNodes, node: JvmNode) -> list[Rule]:
    """What the node sends does not reach its peers."""
    return [(*to_others(node.host, cluster.storage_port), *sent_by(node.group))]


def _deaf(cluster: ThreeNodes, node: JvmNode) -> list[Rule]:
    """What its peers send does not reach the node."""
    return [(*to(node.host, cluster.storage_port), *sent_by_others(node.group))]


def _from_peers(cluster: ThreeNodes, node: JvmNode) -> list[Rule]:
    return _unheard(cluster, node) + _deaf(cluster, node)


def _from_clients(_: ThreeNodes, node: JvmNode) -> list[Rule]:
    return [to(node.host, node.port), answers_of(node.host, node.port)]


def _from_all(cluster: ThreeNodes, node: JvmNode) -> list[Rule]:
    return _from_peers(cluster, node) + _from_clients(cluster, node)


def _killed(cluster: ThreeNodes, index: int) -> Trouble:
    node = cluster.nodes[index]
    return Trouble("is killed", node.kill, node.start)


def _frozen(cluster: ThreeNodes, index: int) -> Trouble:
    node = cluster.nodes[index]
    return Trouble("is frozen", node.pause, node.resume)


def _cut_off(how: str, rules: Rules, cluster: ThreeNodes, index: int) -> Trouble:
    partition = Partition(*rules(cluster, cluster.nodes[index]))
    return Trouble(how, partition.begin, partition.end)


def _one_way(cluster: ThreeNodes, index: int) -> Trouble:
    """One direction for the middle node, the other for its neighbours."""
    if index == 1:
        return _cut_off("is heard by its peers and hears none", _deaf, cluster, index)
    return _cut_off("hears its peers and is not heard", _unheard, cluster, index)


FAULTS: Mapping[str, Fault] = {
    "killed": _killed,
    "frozen": _frozen,
    "peers": partial(_cut_off, "is cut off from its peers", _from_peers),
    "one-way": _one_way,
    "clients": partial(_cut_off, "is cut off from all clients", _from_clients),
    "all": partial(_cut_off, "is cut off from peers and clients", _from_all),
}
"""Of one that is cut off connections stay open, and what is sent gets no answer."""


def of_majority(fault: Fault, cluster: ThreeNodes) -> Trouble:
    """The same fault of two nodes at once."""
    both = [fault(cluster, index) for index in (0, 1)]

    def begin() -> None:
        for each in both:
            each.begin()

    def end() -> None:
        for each in both:
            each.end()

    return Trouble(f"{both[0].name}, and another too", begin, end)


def cut_off_from_nodes(cluster: ThreeNodes, group: int) -> Partition:
    """Nothing that processes of the group send reaches any node."""
    nodes = cluster.nodes
    return Partition(*((*to(node.host, node.port), *sent_by(group)) for node in nodes))
