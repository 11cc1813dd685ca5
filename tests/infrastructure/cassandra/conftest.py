"""What each module here has on the node that all tests share: its KEYSPACE, and ways to it."""

from collections.abc import Iterator

import pytest
from cassandra.cluster import Session

from app.infrastructure.cassandra.session import CassandraSession, Contact
from tests.support.cassandra_node import Node
from tests.support.stores import driver_session, make_keyspace


@pytest.fixture(scope="module")
def contact(cassandra_node: Node, request: pytest.FixtureRequest) -> Contact:
    """Where the node is; the schema has been applied to the module's KEYSPACE."""
    return make_keyspace(cassandra_node, request.module.KEYSPACE)


@pytest.fixture(scope="module")
def session(contact: Contact, request: pytest.FixtureRequest) -> Iterator[CassandraSession]:
    """The connections of all tests of a module."""
    session = CassandraSession(contact, request.module.KEYSPACE)
    yield session
    session.close()


@pytest.fixture(scope="module")
def direct(contact: Contact, request: pytest.FixtureRequest) -> Iterator[Session]:
    """A session of the driver's own, past what is tested."""
    with driver_session(contact, request.module.KEYSPACE) as session:
        yield session
