"""The policy on a real Cassandra."""

from collections.abc import Iterator

import pytest

from app.application.ports.event_store import EventStore
from app.infrastructure.cassandra.session import Contact
from tests.contracts.policies import PolicyContract
from tests.support.stores import cassandra_store


class TestPolicies(PolicyContract):
    """All of the contract, in a registry of its own: at its beginning there is no policy."""

    @pytest.fixture(scope="class")
    def store(self, contact: Contact) -> Iterator[EventStore]:
        """One store for all tests here."""
        opened = cassandra_store(contact, "policies")
        yield opened
        opened.close()
