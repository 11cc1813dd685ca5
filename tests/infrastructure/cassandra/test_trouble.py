"""Why Cassandra cannot be connected to, as it is logged: what failed, where, and no secret."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.infrastructure.cassandra.session import Contact
from app.infrastructure.cassandra.trouble import why_not_connected
from tests.support.cassandra_node import Node
from tests.support.processes import free_port
from tests.support.stores import said_of_connecting

KEYSPACE = "no_such_keyspace"


def said(contact: Contact) -> str:
    """What is said of an attempt to connect that fails."""
    return said_of_connecting(contact, KEYSPACE)


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


@pytest.mark.parametrize("error", [RuntimeError("a\nb" * 500), RuntimeError()])
def test_whatever_else_happens(error: Exception) -> None:
    """One line that is not too long, and never an empty one."""
    text = why_not_connected(("a", "b"), 1, KEYSPACE, error)
    assert text.startswith("a:1, b:1: ")
    assert 10 < len(text) < 250
    assert text.isprintable()
