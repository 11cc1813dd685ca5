"""The audit on a real Cassandra."""

from tests.contracts.audit import AuditContract
from tests.infrastructure.cassandra.feed.test_sequencer import OnASite


class TestAudit(OnASite, AuditContract):
    """All of the contract."""
