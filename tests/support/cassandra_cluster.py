"""Beside the way of the data: a cluster of three Cassandra nodes that a test owns and breaks.

Each node has a loopback address of its own, 127.0.0.1 to 127.0.0.3, and all of them have the same
ports, as the driver expects it. Standard library and the driver only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from cassandra import ConsistencyLevel, DriverException
from cassandra.cluster import (
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    Session,
)
from cassandra.policies import WhiteListRoundRobinPolicy

from tests.support.cassandra_jvm import SYNCED_COMMIT_LOG, VERSION, JvmNode, say
from tests.support.processes import free_port, wait_until
from tests.support.threads import at_once

NODES = 3
COPIES: dict[str, str | int] = {"class": "SimpleStrategy", "replication_factor": NODES}
"""Replication for keyspaces here: every node has every row."""

START_SECONDS = 120

_TOKENS = 2**64


class ThreeNodes:
    """Three nodes that sync their commit logs before they acknowledge. Usable as a context manager.

    `overrides` are entries of cassandra.yaml, for all of them. With `announces` each tells clients
    the address that is given for its number (from 1): there somebody has to pass on to the node's
    own. `each` gives further arguments of the JvmNode of that number. Nodes `in_groups` run as a
    group each, which no other process has, see `Server`. Raises Unavailable without Java or the
    jars.
    """

    def __init__(
        self,
        overrides: Mapping[str, Any] | None = None,
        heap: str = "768M",
        announces: Callable[[int], str] | None = None,
        each: Callable[[int], Mapping[str, Any]] = lambda _: {},
        *,
        in_groups: bool = False,
    ) -> None:
        self.port = free_port()
        self.storage_port = free_port()
        self._overrides = {**SYNCED_COMMIT_LOG, **(overrides or {})}
        self._heap = heap
        self._announces = announces
        self._each = each
        self._in_groups = in_groups
        self.nodes = [self._node(number) for number in range(1, NODES + 1)]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The nodes' addresses."""
        return tuple(node.host for node in self.nodes)

    def start(self) -> None:
        """Start all nodes and return when each of them sees the others up."""
        say(f"starting three nodes of Cassandra {VERSION} on port {self.port} …")
        seed, *others = self.nodes
        try:
            seed.start()
            at_once(len(others), lambda number: others[number].start(), START_SECONDS)
            wait_until(self.is_whole, 60, "each node sees the others", 0.2)
        except BaseException:
            self.close()
            raise

    def successor(self, number: int) -> JvmNode:
        """End the node of this number for good, with its data. The new one that is returned has an
        address of its own and takes that place when it is started; it is one of `nodes` now."""
        before = self.nodes[number - 1]
        before.close()
        options = [f"-Dcassandra.replace_address_first_boot={before.host}"]
        other = number if before.host == _address(number + NODES) else number + NODES
        self.nodes[number - 1] = self._node(other, {"auto_bootstrap": True}, options)
        return self.nodes[number - 1]

    def is_whole(self) -> bool:
        """Tell whether every node answers, and reads from all others."""
        return all(map(_sees_all, self.nodes))

    def close(self) -> None:
        """End all nodes, with their data."""
        with ExitStack() as closing:
            for node in self.nodes:
                closing.callback(node.close)

    def _node(
        self, number: int, more: Mapping[str, Any] | None = None, options: Sequence[str] = ()
    ) -> JvmNode:
        announced = {"broadcast_rpc_address": self._announces(number)} if self._announces else {}
        return JvmNode(
            host=_address(number),
            port=self.port,
            heap=self._heap,
            options=options,
            overrides={
                **_in_ring(number, self.storage_port),
                **announced,
                **self._overrides,
                **(more or {}),
            },
            group=10 * self.storage_port + number if self._in_groups else None,
            **self._each(number),
        )


def _address(number: int) -> str:
    return f"127.0.0.{number}"


def _in_ring(number: int, storage_port: int) -> dict[str, Any]:
    provider = "org.apache.cassandra.locator.SimpleSeedProvider"
    seeds = [{"seeds": f"127.0.0.1:{storage_port}"}]
    return {
        "storage_port": storage_port,
        "seed_provider": [{"class_name": provider, "parameters": seeds}],
        # Given, so that nodes that start at once need not agree on them.
        "initial_token": str(-(2**63) + (number - 1) % NODES * _TOKENS // NODES),
    }


@contextmanager
def asking(node: JvmNode, consistency: int = ConsistencyLevel.ONE) -> Iterator[Session]:
    """A session that asks this node alone. Its rows are tuples with names."""
    alone = ExecutionProfile(WhiteListRoundRobinPolicy([node.host]), request_timeout=5)
    alone.consistency_level = consistency
    cluster = Cluster([node.host], node.port, execution_profiles={EXEC_PROFILE_DEFAULT: alone})
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def ring_of(node: JvmNode) -> dict[str, frozenset[str]]:
    """The tokens of each node that this one knows, by address. Nodes without tokens are left out,
    as clients leave them out: those that are joining, and those that were replaced, of which the
    new node keeps a row without tokens."""
    with asking(node) as session:
        own = session.execute("SELECT broadcast_address AS host, tokens FROM system.local")
        peers = session.execute("SELECT peer AS host, tokens FROM system.peers")
        return {row.host: frozenset(row.tokens) for row in (*own, *peers) if row.tokens}


def _sees_all(node: JvmNode) -> bool:
    """Tell whether the node coordinates a read of every copy of a row that all nodes have."""
    try:
        with asking(node, ConsistencyLevel.ALL) as session:
            session.execute("SELECT * FROM system_distributed.repair_history LIMIT 1")
    except (DriverException, NoHostAvailable):
        return False
    return True
