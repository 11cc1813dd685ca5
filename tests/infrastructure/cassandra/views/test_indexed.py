"""The contract of view stores, with rows that a storage-attached index finds."""

import pytest

from app.application.ports.views import ViewStore
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Contact
from app.infrastructure.cassandra.views.indexed import IndexedViewRows
from app.infrastructure.cassandra.views.store import CassandraViewStore
from tests.contracts.view_store import ViewStoreContract

KEYSPACE = "indexed_views"


class TestIndexedViewStore(ViewStoreContract):
    """All of the contract."""

    @pytest.fixture
    def views(self, session: CassandraSession, contact: Contact) -> ViewStore:
        requests = Requests(session, contact.serial_consistency)
        return CassandraViewStore(requests, IndexedViewRows(requests))
