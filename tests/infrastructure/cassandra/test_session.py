"""Connecting to Cassandra: by itself, in the background, as often as it takes."""

import contextlib
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cassandra import ConsistencyLevel
from cassandra.io.libevreactor import LibevConnection
from cassandra.policies import DCAwareRoundRobinPolicy, FallthroughRetryPolicy, RoundRobinPolicy

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import NO_STREAM
from app.infrastructure.cassandra.session import Contact, make_cluster
from app.infrastructure.cassandra.suspicion import SuspectsLast
from tests.support.cassandra_node import JvmNode, Node
from tests.support.processes import free_port, wait_until
from tests.support.stores import cassandra_store, commit, make_schema, soon

KEYSPACE = "sessions"


def answers(store: object) -> bool:
    """Whether a ping comes back."""
    with contextlib.suppress(StoreUnavailable):
        store.ping(Deadline.after(0.5))  # type: ignore[attr-defined]
        return True
    return False


def test_starts_while_cassandra_is_down_and_recovers(
    start_cassandra: Callable[..., JvmNode],
) -> None:
    """Without a node it says so at once; without a schema it goes on trying; then it works."""
    port = free_port()
    contact = Contact(("127.0.0.1",), port)
    store = cassandra_store(contact, KEYSPACE)
    with pytest.raises(StoreUnavailable, match="not connected"):
        store.read("s", soon())
    commit_id, events = commit()
    with pytest.raises(StoreUnavailable):
        store.append("s", NO_STREAM, events, commit_id, soon())
    node = start_cassandra(port=port)
    assert not answers(store)
    make_schema(contact, KEYSPACE)
    wait_until(lambda: answers(store), 30, "the store has connected by itself")
    assert store.append("s", NO_STREAM, events, commit_id, soon()).version == 1

    node.pause()
    # The kernel stops the node's threads one after the other; until then it may still answer.
    wait_until(lambda: not answers(store), 10, "the node has stopped")
    later_id, later = commit()
    # Not even prepared, so nothing of it was or will be appended.
    with pytest.raises(StoreUnavailable):
        store.append("s", 1, later, later_id, Deadline.after(0.5))
    with pytest.raises(StoreUnavailable):
        store.read("s", Deadline.after(0.5))
    node.resume()
    wait_until(lambda: answers(store), 30, "the store answers after the pause")

    node.stop()
    wait_until(lambda: not answers(store), 10, "the store has seen that the node is gone")
    with pytest.raises((StoreUnavailable, OutcomeUnknown)):
        store.append("t", NO_STREAM, events, commit_id, Deadline.after(3))
    node.restart()
    wait_until(lambda: answers(store), 40, "the store has connected again")
    assert store.append("t", NO_STREAM, events, commit_id, soon()).version == 1
    store.close()


def test_the_driver_is_set_up_as_measured(cassandra_node: Node) -> None:
    """libev, TCP_NODELAY, no retries of its own, and QUORUM with SERIAL where no DC is named."""
    cluster = make_cluster(Contact((cassandra_node.host,), cassandra_node.port))
    profile = cluster.profile_manager.default
    assert cluster.connection_class is LibevConnection
    assert isinstance(profile.retry_policy, FallthroughRetryPolicy)
    assert isinstance(profile.load_balancing_policy, SuspectsLast)
    assert isinstance(profile.load_balancing_policy._child._child_policy, RoundRobinPolicy)
    assert profile.consistency_level == ConsistencyLevel.QUORUM
    assert profile.serial_consistency_level == ConsistencyLevel.SERIAL
    assert cluster.reconnection_policy.max_delay == 1
    assert (cluster.idle_heartbeat_interval, cluster.idle_heartbeat_timeout) == (1, 2)
    assert (cluster.connect_timeout, cluster.control_connection_timeout) == (2, 10)
    assert cluster.reconnection_policy.max_attempts is None
    cluster.shutdown()


def test_a_local_datacenter_keeps_decisions_in_it() -> None:
    """With CASSANDRA_LOCAL_DC both consistencies are the local ones."""
    contact = Contact(("127.0.0.1",), local_dc="dc1")
    cluster = make_cluster(contact)
    profile = cluster.profile_manager.default
    assert isinstance(profile.load_balancing_policy._child._child_policy, DCAwareRoundRobinPolicy)
    assert contact.consistency == ConsistencyLevel.LOCAL_QUORUM
    assert contact.serial_consistency == ConsistencyLevel.LOCAL_SERIAL
    cluster.shutdown()


def test_credentials_tls_and_protocol_are_passed_on(tmp_path: Path) -> None:
    """User, password and CA reach the driver; the nodes' certificates must be of that CA."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    cluster = make_cluster(
        Contact(
            ("127.0.0.1",),
            username="registry",
            password="secret",
            tls_ca=certificate,
            tls_cert=certificate,
            tls_key=key,
            protocol_version=4,
        )
    )
    assert (cluster.auth_provider.username, cluster.auth_provider.password) == (
        "registry",
        "secret",
    )
    assert cluster.ssl_context.verify_mode == ssl.CERT_REQUIRED
    assert cluster.protocol_version == 4
    cluster.shutdown()
