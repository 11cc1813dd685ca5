"""What soak tests share: their figures, and the service over each store."""

import sqlite3
from collections.abc import Iterator

import pytest

from tests.support.cassandra_jvm import VERSION
from tests.support.deployment import STORES, Deployment, deployed
from tests.support.measurements import IS_FULL, Figures


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, unless SOAK=full, what has no small form."""
    if IS_FULL:
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    """Rows for docs/measurements.md; written when all soak tests have run."""
    figures = Figures()
    yield figures
    figures.write(f"Cassandra {VERSION}, SQLite {sqlite3.sqlite_version}")


@pytest.fixture(scope="module", params=STORES)
def deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The service, over each store."""
    store: str = request.param
    with deployed(request, store, tmp_path_factory.mktemp(store)) as running:
        yield running
