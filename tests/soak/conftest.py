"""The figures that soak tests share."""

import sqlite3
from collections.abc import Iterator

import pytest

from tests.support.cassandra_jvm import VERSION
from tests.support.measurements import Figures


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    """Rows for docs/measurements.md; written when all soak tests have run."""
    figures = Figures()
    yield figures
    figures.write(f"Cassandra {VERSION}, SQLite {sqlite3.sqlite_version}")
