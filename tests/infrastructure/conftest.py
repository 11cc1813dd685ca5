"""What several tests of the feed and the intent log on Cassandra work on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from app.infrastructure.cassandra.feed import sequencer as cassandra_sequencer
from tests.support.cassandra_node import Node
from tests.support.sequencing import Beside, Site, open_site


@pytest.fixture(scope="module")
def site(cassandra_node: Node) -> Iterator[Site]:
    """A keyspace with other tests' logs in it; no sequencer stands by for long."""
    with open_site(cassandra_node) as site, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cassandra_sequencer, "STAND_BY_SECONDS", 0.05)
        yield site


@pytest.fixture
def start(site: Site) -> int:
    """The head before the test."""
    return site.head()


@pytest.fixture
def beside() -> Iterator[Beside]:
    """Runs a writer or sequencer that is held up."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit


@pytest.fixture
def stream() -> str:
    """A stream that is not there yet."""
    return str(uuid4())
