"""The policy on SQLite."""

from tests.contracts.policies import PolicyContract


class TestPolicies(PolicyContract):
    """All of the contract."""
