"""The audit on a real Cassandra."""

from collections.abc import Callable

import pytest

from app.application.ports.event_store import EventStore
from app.application.ports.feed import Feed
from tests.contracts.audit import AuditContract
from tests.infrastructure.cassandra.feed.test_sequencer import CountingStore
from tests.support.sequencing import Site, until
from tests.support.stores import CountingTelemetry


class TestAudit(AuditContract):
    """All of the contract."""

    @pytest.fixture
    def store(self, site: Site) -> EventStore:
        return CountingStore(site.requests(), CountingTelemetry())

    @pytest.fixture
    def feed(self, site: Site) -> Feed:
        return site.feed

    @pytest.fixture
    def sequenced(self, site: Site, store: CountingStore) -> Callable[[], object]:
        sequencer, start = site.sequencer(), site.head()
        return lambda: until(sequencer, lambda: site.head() >= start + store.acknowledged)
