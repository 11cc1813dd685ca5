"""Scheduled changes on SQLite."""

from tests.contracts.scheduled import ScheduledContract


class TestScheduled(ScheduledContract):
    """All of the contract."""
