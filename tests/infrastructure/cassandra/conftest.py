"""What each module here has on the node that all tests share: an empty KEYSPACE, and ways to it."""

from collections.abc import Iterator

import pytest
from cassandra.cluster import Session

from app.infrastructure.cassandra.session import CassandraSession, Contact
from tests.support.cassandra_node import Node
from tests.support.stores import KEYSPACE, driver_session, make_keyspace


@pytest.fixture(scope="module")
def contact(cassandra_node: Node) -> Contact:
    """Where the node is; the schema has been applied to KEYSPACE."""
    return make_keyspace(cassandra_node)


@pytest.fixture(scope="module")
def session(contact: Contact) -> Iterator[CassandraSession]:
    """The connections of all tests of a module."""
    session = CassandraSession(contact, KEYSPACE)
    yield session
    session.close()


@pytest.fixture(scope="module")
def direct(contact: Contact) -> Iterator[Session]:
    """A session of the driver's own, past what is tested."""
    with driver_session(contact, KEYSPACE) as session:
        yield session
