"""Why Cassandra cannot be connected to, as it is logged: what failed, where, and no secret."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.infrastructure.cassandra.session import Contact, make_cluster
from app.infrastructure.cassandra.trouble import why_not_connected
from tests.support.cassandra_node import JvmNode, Node
from tests.support.processes import free_port, wait_until

KEYSPACE = "no_such_keyspace"


def said(contact: Contact) -> str:
    """What is said of an attempt to connect that fails."""
    cluster = None
    try:
        cluster = make_cluster(contact)
        cluster.connect(KEYSPACE)
    except Exception as error:  # noqa: BLE001 - as the session has it
        text = why_not_connected(contact.hosts, contact.port, KEYSPACE, error)
        assert text.isprintable()
        return text
    finally:
        if cluster is not None:
            cluster.shutdown()
    raise AssertionError("it connected")


@contextlib.contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """The port of a server that says this to everyone, then closes."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(1024)
                    connection.sendall(answer)

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_name_that_nobody_knows() -> None:
    """Each host that was given is named."""
    contact = Contact(("one.invalid", "two.invalid"), 9042)
    assert said(contact) == (
        "one.invalid:9042: the name is not known; two.invalid:9042: the name is not known"
    )


def test_a_port_that_nothing_listens_on() -> None:
    """In the system's words."""
    port = free_port()
    assert said(Contact(("127.0.0.1",), port)) == f"127.0.0.1:{port}: Connection refused"


def test_a_host_that_says_nothing() -> None:
    """It accepts and is silent, as a firewall may be."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        assert said(Contact(("127.0.0.1",), port)) == f"127.0.0.1:{port}: no answer in time"


def test_something_else_listens_there() -> None:
    """A web server, say."""
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert said(Contact(("127.0.0.1",), port)) == (
            f"127.0.0.1:{port}: what answers there does not speak Cassandra's protocol"
        )


def test_a_node_without_tls(cassandra_node: Node) -> None:
    """TLS is asked for, and the node does not know it."""
    authorities = Path("/etc/ssl/certs/ca-certificates.crt")
    contact = Contact((cassandra_node.host,), cassandra_node.port, tls_ca=authorities)
    assert said(contact).startswith(f"{cassandra_node.host}:{cassandra_node.port}: TLS failed: ")


def test_a_keyspace_that_is_not_there(cassandra_node: Node) -> None:
    """It is named."""
    contact = Contact((cassandra_node.host,), cassandra_node.port)
    assert said(contact).endswith(f": there is no keyspace {KEYSPACE}")


def test_a_login_that_is_refused(start_cassandra: Callable[..., JvmNode]) -> None:
    """Neither the name nor the password is repeated, only which settings hold them."""
    node = start_cassandra(overrides={"authenticator": "PasswordAuthenticator"})
    here = f"{node.host}:{node.port}"
    contact = Contact((node.host,), node.port, username="somebody", password="s3cret")
    refused = "the login was refused: look at CASSANDRA_USERNAME and CASSANDRA_PASSWORD"
    wait_until(lambda: said(contact) == f"{here}: {refused}", 60, "the roles are there")
    assert said(Contact((node.host,), node.port)) == f"{here}: {refused}"


@pytest.mark.parametrize("error", [RuntimeError("a\nb" * 500), RuntimeError()])
def test_whatever_else_happens(error: Exception) -> None:
    """One line that is not too long, and never an empty one."""
    text = why_not_connected(("a", "b"), 1, KEYSPACE, error)
    assert text.startswith("a:1, b:1: ")
    assert 10 < len(text) < 250
    assert text.isprintable()
