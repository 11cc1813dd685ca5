"""Merges on SQLite."""

from pathlib import Path

import pytest

from tests.contracts.merges import MergeContract


class TestMerges(MergeContract):
    """All of the contract."""

    @pytest.fixture
    def place(self, path: Path) -> str:
        """The store's file."""
        return f"sqlite:{path}"
