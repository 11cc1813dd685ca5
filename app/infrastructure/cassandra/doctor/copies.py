"""How many copies of each event there are, and where."""

from collections.abc import Iterator, Mapping, Sequence

from app.application.doctor import Finding, Severity, notice, risk
from app.infrastructure.cassandra.doctor.facts import ClusterFacts, KeyspaceFacts, NodeFacts
from app.infrastructure.cassandra.doctor.nodes import names
from app.infrastructure.cassandra.session import Contact

_SIMPLE = "SimpleStrategy"
_NONE_TO_SPARE = 2  # of two copies both are a quorum


def of_copies(facts: ClusterFacts, contact: Contact) -> Iterator[Finding]:
    """Too few copies, copies in unknown places, and copies on nodes that are down."""
    if (keyspace := facts.keyspace) is None:
        return
    centers = sorted({node.datacenter for node in facts.nodes})
    if keyspace.replication["class"] == _SIMPLE:
        yield from _of_simple_strategy(keyspace, facts.nodes, centers)
        return
    copies = _by_center(keyspace)
    if contact.local_dc is not None:
        yield from _of_local_center(keyspace, contact.local_dc, copies)
    for center, count in copies.items():
        # With a local data centre the others' copies decide nothing.
        if count and contact.local_dc in (None, center):
            nodes = [node for node in facts.nodes if node.datacenter == center]
            yield from _of_count(keyspace, count, nodes, f" in {center}")


def _of_simple_strategy(
    keyspace: KeyspaceFacts, nodes: Sequence[NodeFacts], centers: Sequence[str]
) -> Iterator[Finding]:
    if len(centers) > 1:
        yield risk(
            "simple-strategy",
            f"The keyspace {keyspace.name} has SimpleStrategy in a cluster of the data centres"
            f" {', '.join(centers)}, so that nobody knows which of them holds a copy of an event:"
            " ALTER KEYSPACE to NetworkTopologyStrategy, then nodetool repair --full.",
        )
    yield from _of_count(keyspace, int(keyspace.replication["replication_factor"]), nodes, "")


def _of_local_center(
    keyspace: KeyspaceFacts, center: str, copies: Mapping[str, int]
) -> Iterator[Finding]:
    if not copies.get(center):
        yield notice(
            "local-dc-without-copies",
            f"CASSANDRA_LOCAL_DC={center} holds no copy of the keyspace {keyspace.name}, so every"
            f" request fails: name one of {', '.join(copies)}.",
        )


def _of_count(
    keyspace: KeyspaceFacts, count: int, nodes: Sequence[NodeFacts], where: str
) -> Iterator[Finding]:
    name = keyspace.name
    if count == 1:
        severity = Severity.RISK if len(nodes) > 1 else Severity.NOTICE
        yield Finding(
            "one-copy",
            severity,
            f"The keyspace {name} keeps one copy of each event{where}, which is lost with its node:"
            " have three nodes and three copies (CASSANDRA_REPLICATION), or keep backups.",
        )
    if count == _NONE_TO_SPARE:
        yield notice(
            "no-node-to-spare",
            f"The keyspace {name} keeps two copies of each event{where}, and both are needed to"
            " decide: with one node down its streams get 503. Have three copies.",
        )
    if count > len(nodes):
        yield notice(
            "more-copies-than-nodes",
            f"The keyspace {name} asks for {count} copies of each event{where}, where"
            f" {len(nodes)} nodes are: add nodes, or ALTER KEYSPACE to fewer copies.",
        )
    yield from _of_nodes_down(count, [node for node in nodes if not node.answers])


def _of_nodes_down(count: int, down: Sequence[NodeFacts]) -> Iterator[Finding]:
    """`count` is how many copies there should be."""
    if not down:
        return
    if count > 1 and len(down) >= count - 1:
        severity, words = Severity.RISK, "one copy may be all that is left of some events"
    else:
        severity, words = Severity.NOTICE, "what is written meanwhile has fewer copies"
    yield Finding(
        "nodes-down",
        severity,
        f"{names(down)} gave no answer, so {words}: bring them back, or replace them and repair.",
    )


def _by_center(keyspace: KeyspaceFacts) -> dict[str, int]:
    """Copies by data centre; of "3/1", of which one is transient, 3."""
    return {
        name: int(text.partition("/")[0])
        for name, text in sorted(keyspace.replication.items())
        if name != "class"
    }
