"""What a Cassandra cluster says about itself. Asks each node by itself, and writes nothing.

A node that gives no answer in time is a fact, too; only a cluster of which no node answers raises.
"""

import queue
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cassandra import ConsistencyLevel, InvalidRequest, Unauthorized
from cassandra.cluster import NoHostAvailable, Session
from cassandra.pool import Host
from cassandra.query import SimpleStatement

from app.application.deadline import Deadline
from app.application.ports.clock import Clock
from app.application.ports.errors import StoreUnavailable
from app.infrastructure.cassandra.errors import DRIVER_ERRORS
from app.infrastructure.cassandra.session import Contact, Row, make_cluster
from app.infrastructure.cassandra.trouble import why_not_connected

NODE_SECONDS = 2.0
"""A node that is silent for so long counts as down."""

MAX_NODES_AT_ONCE = 16
_POLL_SECONDS = 0.05
_TIMES = 3

SETTINGS = (
    "commitlog_sync",
    "commitlog_sync_period",
    "commit_failure_policy",
    "disk_failure_policy",
    "authenticator",
    "authenticator.class_name",
    "authorizer",
    "authorizer.class_name",
    "paxos_variant",
    "paxos_state_purging",
)
_NAMES = ", ".join(f"'{name}'" for name in SETTINGS)
_SETTINGS = f"SELECT name, value FROM system_views.settings WHERE name IN ({_NAMES})"  # noqa: S608 - of our own
_NOW = "SELECT toTimestamp(now()) AS now FROM system.local"
_DISKS = "SELECT rpc_address, disk_usage FROM system_views.gossip_info"
_KEYSPACE = (
    "SELECT replication, durable_writes FROM system_schema.keyspaces WHERE keyspace_name = %s"
)


@dataclass(frozen=True, slots=True)
class NodeClock:
    """How far a node's clock is ahead of this machine's, in seconds, and by how much that may be
    wrong: half of the time that the answer took."""

    ahead: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node. `settings` is None if the role may not read them; `disk` is what the node says of
    its disk to the others (SPACIOUS, STUFFED, FULL), None if it says nothing."""

    address: str
    datacenter: str
    answers: bool
    settings: Mapping[str, str] | None = None
    clock: NodeClock | None = None
    disk: str | None = None


@dataclass(frozen=True, slots=True)
class KeyspaceFacts:
    """`replication` is CQL's map, with the last part of the class's name; `migrations` maps the
    name of each that was applied to its checksum, None if they cannot be read now."""

    name: str
    replication: Mapping[str, str]
    durable_writes: bool
    migrations: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """`keyspace` is None if there is none of that name."""

    nodes: Sequence[NodeFacts]
    keyspace: KeyspaceFacts | None


def gather(contact: Contact, keyspace: str, clock: Clock) -> ClusterFacts:
    """Ask every node of all data centres. Raises StoreUnavailable if none can be asked."""
    try:
        # With a local data centre the driver would not connect to the others.
        cluster = make_cluster(replace(contact, local_dc=None))
    except (*DRIVER_ERRORS, OSError) as error:
        raise _unavailable(contact, keyspace, error) from error
    cluster.connect_timeout = NODE_SECONDS
    try:
        session = cluster.connect()
        hosts = sorted(cluster.metadata.all_hosts(), key=lambda host: str(host.address))
        with ThreadPoolExecutor(min(len(hosts), MAX_NODES_AT_ONCE)) as pool:
            nodes = list(pool.map(lambda host: _node(session, host, clock), hosts))
        disks = _disks(session)
        nodes = [replace(node, disk=disks.get(node.address)) for node in nodes]
        return ClusterFacts(nodes, _keyspace(session, keyspace))
    except (*DRIVER_ERRORS, OSError) as error:
        raise _unavailable(contact, keyspace, error) from error
    finally:
        cluster.shutdown()


def _unavailable(contact: Contact, keyspace: str, error: Exception) -> StoreUnavailable:
    why = why_not_connected(contact.hosts, contact.port, keyspace, error)
    return StoreUnavailable(f"Cassandra cannot be asked: {why}")


def _node(session: Session, host: Host, clock: Clock) -> NodeFacts:
    address, deadline = str(host.address), Deadline.after(NODE_SECONDS)
    facts = NodeFacts(address, host.datacenter or "", answers=False)
    while not deadline.expired:
        try:
            times = [_clock(session, host, clock, deadline) for _ in range(_TIMES)]
            best = min(times, key=lambda each: each.uncertainty)
            return replace(
                facts, answers=True, clock=best, settings=_settings(session, host, deadline)
            )
        except NoHostAvailable:  # perhaps it is only not connected to yet
            time.sleep(_POLL_SECONDS)
        except (*DRIVER_ERRORS, TimeoutError):
            break
    return facts


def _clock(session: Session, host: Host, clock: Clock, deadline: Deadline) -> NodeClock:
    before, started = clock(), time.monotonic()
    now: datetime = _rows(session, _NOW, deadline, host=host)[0]["now"]
    half = (time.monotonic() - started) / 2
    ahead = now.replace(tzinfo=UTC) - (before + timedelta(seconds=half))
    return NodeClock(ahead.total_seconds(), half)


def _settings(session: Session, host: Host, deadline: Deadline) -> Mapping[str, str] | None:
    try:
        rows = _rows(session, _SETTINGS, deadline, host=host)
    except (Unauthorized, InvalidRequest):  # the latter before Cassandra 4
        return None
    return {row["name"]: row["value"] for row in rows if row["value"] is not None}


def _disks(session: Session) -> Mapping[str, str]:
    try:
        rows = _rows(session, _DISKS, Deadline.after(NODE_SECONDS))
    except (Unauthorized, InvalidRequest):
        return {}
    return {str(row["rpc_address"]): row["disk_usage"] for row in rows if row["disk_usage"]}


def _keyspace(session: Session, name: str) -> KeyspaceFacts | None:
    rows = _rows(session, _KEYSPACE, Deadline.after(NODE_SECONDS), name)
    if not rows:
        return None
    replication = dict(rows[0]["replication"])
    replication["class"] = replication["class"].rpartition(".")[2]
    return KeyspaceFacts(name, replication, rows[0]["durable_writes"], _migrations(session, name))


def _migrations(session: Session, keyspace: str) -> Mapping[str, str] | None:
    select = f'SELECT name, checksum FROM "{keyspace}".schema_migrations'  # noqa: S608 - a name that settings allow
    try:
        rows = _rows(session, select, Deadline.after(NODE_SECONDS))
    except InvalidRequest:  # there is no such table: nothing was ever applied
        return {}
    except (*DRIVER_ERRORS, TimeoutError):
        return None
    return {row["name"]: row["checksum"] for row in rows}


def _rows(
    session: Session, cql: str, deadline: Deadline, *values: object, host: Host | None = None
) -> list[Row]:
    """The first page. Raises TimeoutError, or an error of the driver's."""
    # One copy will do: a cluster that is short of copies is what this looks for.
    statement = SimpleStatement(cql, consistency_level=ConsistencyLevel.ONE)
    future = session.execute_async(
        statement, values or None, timeout=deadline.remaining() or 0.001, host=host
    )
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    put: Callable[[Any], None] = answers.put
    future.add_callbacks(put, put)
    try:
        answer = answers.get(timeout=deadline.remaining() or 0.001)
    except queue.Empty:
        raise TimeoutError("no answer in time") from None
    if isinstance(answer, Exception):
        raise answer
    return list(answer or ())
