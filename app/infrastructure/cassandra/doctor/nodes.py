"""Which nodes a finding names."""

import ipaddress
from collections.abc import Callable, Sequence

from app.infrastructure.cassandra.doctor.facts import NodeFacts


def nodes_where(
    nodes: Sequence[NodeFacts], name: str, holds: Callable[[str], bool]
) -> list[NodeFacts]:
    """The nodes that show the setting of that name with such a value."""
    return [node for node in nodes if name in (node.settings or {}) and holds(value(node, name))]


def value(node: NodeFacts, name: str) -> str:
    """A setting, a class without its package; empty where it is not shown."""
    return (node.settings or {}).get(name, "").rpartition(".")[2]


def names(nodes: Sequence[NodeFacts]) -> str:
    """As a sentence lists them."""
    return ", ".join(node.address for node in nodes)


def is_loopback(node: NodeFacts) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(node.address).is_loopback
    except ValueError:
        return node.address == "localhost"
