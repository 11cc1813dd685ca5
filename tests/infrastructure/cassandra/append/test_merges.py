"""Merges on a real Cassandra."""

from collections.abc import Iterator

import pytest

from app.application.ports.event_store import EventStore
from app.infrastructure.cassandra.session import Contact
from tests.contracts.merges import MergeContract
from tests.support.stores import KEYSPACE, cassandra_store


@pytest.fixture(scope="module")
def store(contact: Contact) -> Iterator[EventStore]:
    """One store for all tests here."""
    opened = cassandra_store(contact, KEYSPACE)
    yield opened
    opened.close()


class TestMerges(MergeContract):
    """All of the contract."""

    @pytest.fixture
    def place(self, contact: Contact) -> str:
        """The store's keyspace."""
        return f"cassandra:{contact.hosts[0]}:{contact.port}:{KEYSPACE}"
