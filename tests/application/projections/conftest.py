"""A world for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.application.projections.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty store, its feed and its views."""
    opened = World(tmp_path)
    yield opened
    opened.close()
