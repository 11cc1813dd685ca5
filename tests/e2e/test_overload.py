"""More is asked of the service than its store can do in time: what will not be answered is refused
at once, and everything else goes on."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.support.cassandra_node import Node
from tests.support.offered_load import Crowd, slowest
from tests.support.processes import wait_until
from tests.support.service import Answer, Service
from tests.support.stores import KEYSPACE, make_keyspace
from tests.support.tcp_proxy import FaultProxy, delay_answer

pytestmark = pytest.mark.alone

BUDGET = 2.0
"""REQUEST_TIMEOUT of the service, in seconds."""
PLACES = 4
SETTINGS = {
    "WORKERS": "1",
    "THREADS": str(PLACES - 1),
    "LISTENERS": "1",
    "REQUEST_TIMEOUT": str(BUDGET),
}
TIMES = 10
"""How many clients there are for one that the service can serve at a time."""
PEAK_SECONDS = 3.0
OVERLOAD_SECONDS = 5.0
NORMAL_SECONDS = 5.0


@contextmanager
def slow_sqlite(service: Service) -> Iterator[None]:
    """Somebody else writes to the file all the time, for half a second each."""
    over = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(service.database, isolation_level=None, timeout=30)) as other:
            while not over.is_set():
                other.execute("BEGIN IMMEDIATE")
                over.wait(0.5)
                other.execute("COMMIT")
                over.wait(0.05)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


@contextmanager
def slow_cassandra(proxy: FaultProxy) -> Iterator[None]:
    """Each write takes a tenth of a second more; a registration is several."""
    proxy.arm(delay_answer(0.1), times=None)
    try:
        yield
    finally:
        proxy.disarm()


Slow = Callable[[], object]


@pytest.fixture(params=["sqlite", pytest.param("cassandra", marks=pytest.mark.full)])
def served(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Service, Callable[[], ExitStack]]]:
    """A service of one worker with few threads, and what makes its store slow."""
    settings = dict(SETTINGS)
    with ExitStack() as stack:
        if request.param == "cassandra":
            node: Node = request.getfixturevalue("cassandra_node")
            make_keyspace(node)
            proxy = stack.enter_context(FaultProxy(node.host, node.port))
            settings |= {
                "CASSANDRA_HOST": "127.0.0.1",
                "CASSANDRA_PORT": str(proxy.port),
                "CASSANDRA_KEYSPACE": KEYSPACE,
            }
        service = stack.enter_context(Service(tmp_path, "127.0.0.1", None, **settings))

        def slow() -> ExitStack:
            made = slow_cassandra(proxy) if request.param == "cassandra" else slow_sqlite(service)
            slowed = ExitStack()
            slowed.enter_context(made)
            return slowed

        yield service, slow


def peak(service: Service) -> float:
    """Registrations per second with as many clients as the service has threads."""
    crowd = Crowd(service.port, PLACES)
    with crowd.at_work():
        time.sleep(PEAK_SECONDS)
    began = min(each.at for each in crowd.answers)
    return crowd.acknowledged(began, began + PEAK_SECONDS) / PEAK_SECONDS


def probed(service: Service, probes: list[Answer], over: threading.Event) -> None:
    """Ask both questions of health again and again."""
    while not over.wait(0.1):
        probes += [service.ask("GET", "/health/live"), service.ask("GET", "/health/ready")]


def all_went_well(crowd: Crowd) -> bool:
    """Whether whatever was sent in the last second, and answered, was done: by each client."""
    statuses = crowd.statuses(time.monotonic() - 1)
    return statuses.keys() == {201} and statuses[201] >= TIMES * PLACES


def test_what_cannot_be_answered_in_time_is_refused_at_once(
    served: tuple[Service, Callable[[], ExitStack]],
) -> None:
    """Ten times the clients that a slow store can serve: 201 within the budget, or 503 at once with
    `not-started` and Retry-After. Meanwhile as much is carried out as at best, and health is
    answered; once the store is well again nobody is refused."""
    service, slow = served
    over, probes = threading.Event(), list[Answer]()
    crowd = Crowd(service.port, TIMES * PLACES)
    with slow():
        best = peak(service)
        prober = threading.Thread(target=probed, args=(service, probes, over))
        with crowd.at_work():
            prober.start()
            time.sleep(BUDGET)
            since = time.monotonic()
            time.sleep(OVERLOAD_SECONDS)
            until = time.monotonic()
            over.set()
        prober.join()
    refused = [each.answer for each in crowd.answers if each.answer and each.status == 503]
    figures = (
        f"best {best:.1f}/s, {crowd.acknowledged(since, until) / OVERLOAD_SECONDS:.1f}/s,"
        f" {crowd.statuses()}, refused in {slowest(crowd.seconds(503, since), 50):.3f} s,"
        f" 99 %: {slowest(crowd.seconds(503, since), 99):.3f} s,"
        f" done in {slowest(crowd.seconds(201), 50):.2f} s, max {max(crowd.seconds(201)):.2f} s"
    )
    print(figures)
    assert crowd.statuses().keys() == {201, 503}, figures
    for answer in refused:
        assert answer.headers["Retry-After"] == "1"
        assert answer.json["error"]["details"] == {"outcome": "not-started"}
    assert slowest(crowd.seconds(503, since), 90) < 0.1, figures
    assert max(each.seconds for each in crowd.answers) < BUDGET + 0.5, figures
    assert crowd.acknowledged(since, until) >= 0.8 * best * OVERLOAD_SECONDS, figures
    assert {probe.status for probe in probes} == {200}
    assert len(probes) > 2 * OVERLOAD_SECONDS

    after = Crowd(service.port, TIMES * PLACES)
    with after.at_work():
        wait_until(lambda: all_went_well(after), NORMAL_SECONDS, "normal again")
    count = len(refused) + after.statuses()[503]
    text = service.ask("GET", "/metrics").body.decode()
    assert f'http_requests_refused_total{{cause="overload"}} {count}.0' in text
