"""Every promise at once: clients send every command that there is, with faults meanwhile, and a
judge looks at the history of the run alone.

A failure names the seed and the file of the history. SEED=… makes the same choices again, and
`python -m tests.support.history FILE` judges the same run again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.cassandra_node import Node
from tests.support.history.judgement import broken, described
from tests.support.history.order import feed_order
from tests.support.history.records import History
from tests.support.measurements import IS_FULL, Figures
from tests.support.service import Service
from tests.support.stores import make_keyspace
from tests.support.tcp_proxy import FaultProxy
from tests.support.workload.faults import of_line, of_service
from tests.support.workload.run import first_seed, recorded_run

pytestmark = pytest.mark.soak

SEEDS = 10 if IS_FULL else 1
SECONDS = 15.0 if IS_FULL else 6.0


@pytest.fixture(scope="module", params=range(SEEDS))
def seed(request: pytest.FixtureRequest) -> int:
    """Ten in a full run."""
    number: int = request.param
    return first_seed() + number


def keeps_its_promises(history: History, seed: int, file: Path) -> str:
    """What was seen; fails with the verdicts if a promise was not kept."""
    verdicts = broken(history)
    assert not verdicts, "\n".join([f"SEED={seed}, {file}", *map(str, verdicts)])
    return f"seed {seed}: {described(history)}; {feed_order(history)}; every promise kept"


def test_promises_over_sqlite(seed: int, tmp_path: Path, figures: Figures) -> None:
    """The service, or a worker, is killed (-9) again and again, and workers are frozen."""
    service = Service(tmp_path / "service", WORKERS="2", THREADS="8")
    file = tmp_path / "history.jsonl"
    with service:
        troubles = of_service(service, random.Random(seed))
        history = recorded_run([service], file, seed, SECONDS, troubles)
    seen = keeps_its_promises(history, seed, file)
    figures.add("all commands, the service killed and frozen, sqlite", 1, seen)


@pytest.mark.skipif(not IS_FULL, reason="SOAK=full measures the order of the feed")
def test_the_order_of_the_feed(cassandra_node: Node, tmp_path: Path, figures: Figures) -> None:
    """Without any fault: how many commands stand behind one that was sent after they were answered.
    No promise is broken by that, and OpenAPI says so at `GET /events`."""
    seed, file = first_seed(), tmp_path / "history.jsonl"
    keyspace = f"promises_{uuid4().hex[:8]}"
    make_keyspace(cassandra_node, keyspace)
    service = Service(
        tmp_path / "service",
        CASSANDRA_HOST=cassandra_node.host,
        CASSANDRA_PORT=str(cassandra_node.port),
        CASSANDRA_KEYSPACE=keyspace,
        WORKERS="2",
        THREADS="8",
    )
    with service:
        history = recorded_run([service], file, seed, SECONDS)
    keeps_its_promises(history, seed, file)
    figures.add("the order of the feed, without a fault, cassandra", 1, str(feed_order(history)))


@pytest.fixture
def proxy(cassandra_node: Node) -> Iterator[FaultProxy]:
    """Between the service and the node."""
    with FaultProxy(cassandra_node.host, cassandra_node.port) as proxy:
        yield proxy


def test_promises_over_cassandra(
    cassandra_node: Node, proxy: FaultProxy, seed: int, tmp_path: Path, figures: Figures
) -> None:
    """Besides, the line to the node is cut, is slow, and loses requests and answers."""
    keyspace = f"promises_{uuid4().hex[:8]}"
    make_keyspace(cassandra_node, keyspace)
    service = Service(
        tmp_path / "service",
        CASSANDRA_HOST="127.0.0.1",
        CASSANDRA_PORT=str(proxy.port),
        CASSANDRA_KEYSPACE=keyspace,
        REQUEST_TIMEOUT="3",
        WORKERS="2",
        THREADS="8",
    )
    file = tmp_path / "history.jsonl"
    chance = random.Random(seed)
    with service:
        troubles = of_line(proxy, chance) + of_service(service, chance)
        history = recorded_run([service], file, seed, SECONDS, troubles)
    seen = keeps_its_promises(history, seed, file)
    figures.add("all commands, the service and its line to the store disturbed, cassandra", 1, seen)
