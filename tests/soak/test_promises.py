"""Every promise at once: clients send every command that there is, with faults meanwhile, and a
judge looks at the history of the run alone.

A failure names the seed and the file of the history. SEED=… makes the same choices again, and
`python -m tests.support.history FILE` judges the same run again.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from app.domain.commands import SENTENCES
from tests.support.cassandra_node import Node
from tests.support.history.order import feed_order
from tests.support.measurements import IS_FULL, Figures
from tests.support.service import Service
from tests.support.stores import KEYSPACE, make_keyspace
from tests.support.tcp_proxy import FaultProxy
from tests.support.workload.choices import WEIGHTS
from tests.support.workload.faults import of_line, of_service
from tests.support.workload.run import first_seed, recorded_run, seeds
from tests.support.workload.verdict import judge, seen

pytestmark = pytest.mark.soak

SEEDS = 10 if IS_FULL else 1
SECONDS = 15.0 if IS_FULL else 6.0


def test_clients_send_every_command() -> None:
    """None that is declared is left out, but those on two carriers, which have tests of their own
    (`tests/application/test_merges_at_random.py`, `tests/soak/test_disturbed_merges.py`)."""
    assert set(WEIGHTS) == set(SENTENCES) - {"merge", "unmerge"}


def test_promises_over_sqlite(tmp_path: Path, figures: Figures) -> None:
    """The service, or a worker, is killed (-9) again and again, and workers are frozen."""
    histories = []
    for seed in seeds(SEEDS):
        service = Service(tmp_path / f"service-{seed}", WORKERS="2", THREADS="8")
        file = tmp_path / f"history-{seed}.jsonl"
        with service:
            troubles = of_service(service, random.Random(seed))
            history = recorded_run([service], file, seed, SECONDS, troubles)
        histories.append(judge(history, seed, file))
    count = len(histories)
    figures.add("every command, the service killed and frozen, sqlite", count, seen(*histories))


@pytest.mark.full
def test_the_order_of_the_feed(cassandra_node: Node, tmp_path: Path, figures: Figures) -> None:
    """Without any fault: how many commands stand behind one that was sent after they were answered.
    No promise is broken by that, and OpenAPI says so at `GET /events`."""
    seed, file = first_seed(), tmp_path / "history.jsonl"
    with over_cassandra(cassandra_node, cassandra_node.port, tmp_path) as service:
        history = recorded_run([service], file, seed, SECONDS)
    judge(history, seed, file)
    figures.add("the order of the feed, without a fault, cassandra", 1, str(feed_order(history)))


def test_promises_over_cassandra(cassandra_node: Node, tmp_path: Path, figures: Figures) -> None:
    """Besides, the line to the node is cut, is slow, and loses requests and answers."""
    histories = []
    for seed in seeds(SEEDS):
        file = tmp_path / f"history-{seed}.jsonl"
        chance = random.Random(seed)
        with (
            FaultProxy(cassandra_node.host, cassandra_node.port) as line,
            over_cassandra(cassandra_node, line.port, tmp_path / str(seed)) as service,
        ):
            troubles = of_line(line, chance) + of_service(service, chance)
            history = recorded_run([service], file, seed, SECONDS, troubles)
        histories.append(judge(history, seed, file))
    figures.add(
        "every command, the service and its line to the store disturbed, cassandra",
        len(histories),
        seen(*histories),
    )


def over_cassandra(node: Node, port: int, folder: Path) -> Service:
    """The service over an empty keyspace of the node, which it reaches at this port of this
    machine."""
    make_keyspace(node)
    return Service(
        folder,
        CASSANDRA_HOST="127.0.0.1",
        CASSANDRA_PORT=str(port),
        CASSANDRA_KEYSPACE=KEYSPACE,
        REQUEST_TIMEOUT="3",
        WORKERS="2",
        THREADS="8",
    )
