"""The policy on a real Cassandra, in a registry of its own: at its beginning there is none."""

from collections.abc import Iterator

import pytest

from app.application.ports.event_store import EventStore
from app.infrastructure.cassandra.session import Contact
from tests.contracts.policies import PolicyContract
from tests.support.stores import KEYSPACE, cassandra_store


@pytest.fixture(scope="module")
def store(contact: Contact) -> Iterator[EventStore]:
    """One store for all tests here."""
    opened = cassandra_store(contact, KEYSPACE)
    yield opened
    opened.close()


class TestPolicies(PolicyContract):
    """All of the contract."""
