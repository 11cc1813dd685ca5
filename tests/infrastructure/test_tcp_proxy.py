"""The fault proxy, between a real driver and a real node: each fault does what its name says."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from cassandra import OperationTimedOut
from cassandra.cluster import (
    _NOT_SET,
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    Session,
)
from cassandra.connection import ConnectionException
from cassandra.policies import ConstantReconnectionPolicy, FallthroughRetryPolicy, RoundRobinPolicy
from cassandra.query import BatchStatement, PreparedStatement

from tests.support import tcp_proxy
from tests.support.cassandra_node import Node
from tests.support.cql_frames import STATEMENTS, Frame, Opcode
from tests.support.processes import wait_until
from tests.support.tcp_proxy import FaultProxy

KEYSPACE = "fault_proxy"
TIMEOUT_S = 0.3
LOST = (OperationTimedOut, NoHostAvailable, ConnectionException)

Connect = Callable[..., Session]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Sessions that never retry, all shut down after the test."""
    clusters: list[Cluster] = []

    def session(port: int, *, host: str = "127.0.0.1", **options: object) -> Session:
        profile = ExecutionProfile(
            load_balancing_policy=RoundRobinPolicy(),
            retry_policy=FallthroughRetryPolicy(),
            request_timeout=10,
        )
        cluster = Cluster(
            [host],
            port=port,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            reconnection_policy=ConstantReconnectionPolicy(0.05, max_attempts=None),
            **({"protocol_version": 4} | options),
        )
        clusters.append(cluster)
        return cluster.connect()

    yield session
    for cluster in clusters:
        cluster.shutdown()


@pytest.fixture
def direct(cassandra_node: Node, connect: Connect) -> Session:
    """A session past the proxy, with an empty table to look at."""
    session = connect(cassandra_node.port, host=cassandra_node.host)
    session.execute(
        f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} WITH replication = "
        "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    session.execute(f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.written (id uuid PRIMARY KEY)")
    return session


@pytest.fixture
def proxy(cassandra_node: Node) -> Iterator[FaultProxy]:
    """A proxy to the shared node; nothing is armed."""
    with FaultProxy(cassandra_node.host, cassandra_node.port) as proxy:
        yield proxy


class Writer:
    """Inserts rows through the proxy, one batch each, and sees past it which of them are there."""

    def __init__(self, through: Session, direct: Session) -> None:
        self.session = through
        self._direct = direct
        self._insert: PreparedStatement = through.prepare(
            f"INSERT INTO {KEYSPACE}.written (id) VALUES (?)"
        )

    def write(self, row: uuid.UUID, timeout_s: float = TIMEOUT_S) -> None:
        """Send one batch."""
        batch = BatchStatement()
        batch.add(self._insert, (row,))
        self.session.execute(batch, timeout=timeout_s)

    def is_written(self, row: uuid.UUID) -> bool:
        """Ask the node itself."""
        query = f"SELECT id FROM {KEYSPACE}.written WHERE id = %s"
        return self._direct.execute(query, (row,)).one() is not None

    def works_again(self) -> bool:
        """Tell whether a write goes through now."""
        try:
            self.write(uuid.uuid4(), timeout_s=10)
        except LOST:
            return False
        return True


@pytest.fixture
def writer(proxy: FaultProxy, direct: Session, connect: Connect) -> Writer:
    """A connected writer."""
    return Writer(connect(proxy.port), direct)


def test_passes_everything_while_nothing_is_armed(writer: Writer) -> None:
    """What is written through the proxy is on the node."""
    row = uuid.uuid4()
    writer.write(row)
    assert writer.is_written(row)


def test_the_driver_reaches_the_node_through_the_proxy_only(
    proxy: FaultProxy, direct: Session, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every connection that the node has from this driver is one of the proxy's."""
    name = f"driver-{uuid.uuid4()}"  # other tests connect to the node as well
    monkeypatch.setattr("cassandra.connection.DRIVER_NAME", name)
    session = connect(proxy.port)
    session.execute("SELECT release_version FROM system.local")
    clients = direct.execute("SELECT port, driver_name FROM system_views.clients")
    ports = {row.port for row in clients if row.driver_name == name}
    assert len(ports) >= 2, "the control connection and the pool's"
    assert ports <= proxy.upstream_ports
    assert {host.endpoint.port for host in session.cluster.metadata.all_hosts()} == {proxy.port}


def test_a_driver_that_proposes_a_newer_protocol_settles_for_version_4(
    proxy: FaultProxy, connect: Connect
) -> None:
    """A driver that pins no version connects, and speaks one that the proxy can read."""
    session = connect(proxy.port, protocol_version=_NOT_SET)
    assert session.cluster.protocol_version == 4


def test_drop_request(proxy: FaultProxy, writer: Writer) -> None:
    """The client times out and the row is not there."""
    fault = proxy.arm(tcp_proxy.DROP_REQUEST)
    row = uuid.uuid4()
    with pytest.raises(OperationTimedOut):
        writer.write(row)
    assert fault.wait_settled()
    assert not writer.is_written(row)


def test_drop_answer(proxy: FaultProxy, writer: Writer) -> None:
    """The client times out and the row is there."""
    fault = proxy.arm(tcp_proxy.DROP_ANSWER)
    row = uuid.uuid4()
    with pytest.raises(OperationTimedOut):
        writer.write(row)
    assert fault.wait_settled()
    assert writer.is_written(row)


def test_delay_request_past_the_timeout(proxy: FaultProxy, writer: Writer) -> None:
    """The row appears after the client has given up, and other requests do not wait for it."""
    fault = proxy.arm(tcp_proxy.delay_request(3 * TIMEOUT_S))
    late, other = uuid.uuid4(), uuid.uuid4()
    with pytest.raises(OperationTimedOut):
        writer.write(late)
    writer.write(other)
    assert writer.is_written(other)
    assert not writer.is_written(late)
    assert fault.wait_settled()
    assert writer.is_written(late)


def test_a_delayed_request_arrives_even_if_its_client_has_gone(
    proxy: FaultProxy, writer: Writer
) -> None:
    """A network does not take back what was sent on a connection that is then closed."""
    fault = proxy.arm(tcp_proxy.delay_request(2 * TIMEOUT_S))
    row = uuid.uuid4()
    with pytest.raises(OperationTimedOut):
        writer.write(row)
    writer.session.cluster.shutdown()
    assert fault.wait_settled()
    assert writer.is_written(row)


def test_delay_answer(proxy: FaultProxy, writer: Writer) -> None:
    """The row is there at once, the answer comes after the delay, and no sooner."""
    fault = proxy.arm(tcp_proxy.delay_answer(TIMEOUT_S))
    row = uuid.uuid4()
    began = time.monotonic()
    writer.write(row, timeout_s=10)
    assert time.monotonic() - began >= TIMEOUT_S
    assert fault.settled == 1
    assert writer.is_written(row)


def test_cut_before(proxy: FaultProxy, writer: Writer) -> None:
    """The client loses its connection, the row is not there, and the driver connects again."""
    fault = proxy.arm(tcp_proxy.CUT_BEFORE)
    row = uuid.uuid4()
    with pytest.raises(LOST):
        writer.write(row, timeout_s=10)
    assert fault.wait_settled()
    assert not writer.is_written(row)
    wait_until(writer.works_again, 10, "the driver has connected again")


def test_cut_after(proxy: FaultProxy, writer: Writer) -> None:
    """The client loses its connection, the row is there, and the driver connects again."""
    fault = proxy.arm(tcp_proxy.CUT_AFTER)
    row = uuid.uuid4()
    with pytest.raises(LOST):
        writer.write(row, timeout_s=10)
    assert fault.wait_settled()
    assert writer.is_written(row)
    wait_until(writer.works_again, 10, "the driver has connected again")


def test_strikes_so_often_and_no_more(proxy: FaultProxy, writer: Writer) -> None:
    """Of many requests at once, exactly as many are struck as were armed."""
    fault = proxy.arm(tcp_proxy.DROP_ANSWER, times=3)
    outcomes: list[bool] = []

    def write() -> None:
        try:
            writer.write(uuid.uuid4(), timeout_s=1)
        except OperationTimedOut:
            outcomes.append(False)
        else:
            outcomes.append(True)

    threads = [threading.Thread(target=write) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fault.struck == 3
    assert sorted(outcomes) == [False] * 3 + [True] * 13


def test_a_function_may_choose(proxy: FaultProxy, writer: Writer) -> None:
    """It sees the request's bytes; what it answers None to passes and is not counted."""
    bad, good = uuid.uuid4(), uuid.uuid4()

    def choose(frame: Frame) -> tcp_proxy.Fault | None:
        return tcp_proxy.DROP_REQUEST if bad.bytes in frame.body else None

    fault = proxy.arm(choose, times=None, opcodes={Opcode.BATCH})
    writer.write(good)
    with pytest.raises(OperationTimedOut):
        writer.write(bad)
    assert fault.struck == 1
    assert writer.is_written(good)
    assert not writer.is_written(bad)


def test_only_the_named_opcodes_are_struck(proxy: FaultProxy, writer: Writer) -> None:
    """A query passes a fault armed for writes, and is struck by one armed for statements."""
    query = "SELECT release_version FROM system.local"
    writes = proxy.arm(tcp_proxy.DROP_ANSWER)
    writer.session.execute(query, timeout=10)
    assert writes.struck == 0
    writes.disarm()
    statements = proxy.arm(tcp_proxy.DROP_ANSWER, opcodes=STATEMENTS)
    with pytest.raises(OperationTimedOut):
        writer.session.execute(query, timeout=TIMEOUT_S)
    assert statements.struck == 1


def test_cut_breaks_what_is_connected(proxy: FaultProxy, writer: Writer) -> None:
    """After a cut the driver, once it is used, comes back by itself."""
    before = set(proxy.upstream_ports)
    proxy.cut()
    wait_until(writer.works_again, 10, "the driver has connected again")
    assert proxy.upstream_ports - before


def test_close_leaves_no_thread(cassandra_node: Node, direct: Session, connect: Connect) -> None:
    """Closing ends the proxy's thread with requests held up and connections open."""
    with FaultProxy(cassandra_node.host, cassandra_node.port) as proxy:
        writer = Writer(connect(proxy.port), direct)
        proxy.arm(tcp_proxy.delay_request(60))
        with pytest.raises(OperationTimedOut):
            writer.write(uuid.uuid4())
    names = [thread.name for thread in threading.enumerate()]
    assert "fault-proxy" not in names
