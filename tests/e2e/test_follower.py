"""The service follows the feed in a process of its own: one command starts, watches and ends it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.support.answers import another
from tests.support.cassandra_node import Node
from tests.support.offered_load import Crowd
from tests.support.processes import wait_until
from tests.support.service import Service
from tests.support.stores import KEYSPACE, make_keyspace

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/comm").exists(), reason="these look into /proc"
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two workers and a follower; each test leaves it running."""
    with Service(tmp_path_factory.mktemp("service")) as running:
        wait_until(running.follower, 10, "a follower")
        yield running


def register(service: Service) -> str:
    """Register a carrier; return the Consistency-Token of that write."""
    answer = service.ask("POST", "/register-carrier", another())
    assert answer.status == 201
    return answer.headers["Consistency-Token"]


def counted(service: Service, token: str | None = None) -> int:
    """How many carriers the view of statistics counts, once it holds the write of the token."""
    headers = {"Consistency-Token": token} if token else {}
    answer = service.ask("GET", "/statistics", headers=headers)
    assert answer.status == 200, answer.body
    total: int = answer.json["data"]["total"]
    return total


def the_follower(service: Service) -> int:
    """The process id of the follower that there is."""
    found = service.follower()
    assert found is not None
    return found


def other_follower(service: Service, former: int) -> int:
    """Wait for another follower than the former one; return its process id."""

    wait_until(lambda: service.follower() not in {None, former}, 30, "another follower")
    return the_follower(service)


def test_there_is_one_follower_beside_the_workers(service: Service) -> None:
    """Only its process takes events in: after a write is in the views, no worker has a thread that
    could have done it."""
    assert len(service.workers()) == 2
    counted(service, register(service))
    for pid in service.workers():
        names = {each.read_text().strip() for each in Path(f"/proc/{pid}/task").glob("*/comm")}
        assert "projections" not in names


def test_a_write_is_in_the_views_for_whoever_waits_for_it(service: Service) -> None:
    """The query wakes the follower, which is another process: writes and reads in turn see
    each other, and none waits for a poll."""
    before = counted(service, register(service))
    begun = time.monotonic()
    for number in range(20):
        assert counted(service, register(service)) == before + 1 + number
    assert time.monotonic() - begun < 20, "each waited for a poll of a second"


def test_a_killed_follower_is_back_and_nothing_is_lost_or_counted_twice(service: Service) -> None:
    """On SQLite; see `survives_its_follower`."""
    survives_its_follower(service)


def test_the_same_on_cassandra(cassandra_node: Node, tmp_path: Path) -> None:
    """There the follower also gives the events their positions."""
    make_keyspace(cassandra_node)
    settings = {
        "CASSANDRA_HOST": cassandra_node.host,
        "CASSANDRA_PORT": str(cassandra_node.port),
        "CASSANDRA_KEYSPACE": KEYSPACE,
    }
    with Service(tmp_path, "127.0.0.1", None, **settings) as service:
        wait_until(service.follower, 10, "a follower")
        survives_its_follower(service)


def survives_its_follower(service: Service) -> None:
    """kill -9 under load. Registrations go on; another follower begins at once, and afterwards the
    views hold every carrier once."""
    before = counted(service, register(service))
    crowd = Crowd(service.port, 8)
    with crowd.at_work():
        for kill in range(2):
            wait_until(lambda: crowd.statuses()[201] > 50 * (1 + kill), 20, "load")  # noqa: B023
            killed = the_follower(service)
            os.kill(killed, signal.SIGKILL)
            other_follower(service, killed)
    assert crowd.statuses().keys() == {201}
    token = {"Consistency-Token": register(service)}

    def hold_it() -> bool:
        """On a busy machine the last follower may begin later than a request waits."""
        return service.ask("GET", "/statistics", headers=token).status == HTTPStatus.OK

    wait_until(hold_it, 20, "views that hold the last carrier")
    assert counted(service) == before + crowd.statuses()[201] + 1
    assert "was sent SIGKILL" in service.server.output()


def test_a_frozen_follower_holds_up_no_command_and_is_replaced(service: Service) -> None:
    """Commands and queries are answered while the follower stands still; who waits for a write to
    be in the views is told, and finds it there once another follower has come."""
    counted(service, register(service))
    frozen = the_follower(service)
    os.kill(frozen, signal.SIGSTOP)
    token = register(service)
    counted(service)
    waited = service.ask("GET", "/statistics", headers={"Consistency-Token": token})
    assert waited.status == 503
    assert "Retry-After" in waited.headers
    other_follower(service, frozen)
    counted(service, token)


def test_a_reload_replaces_the_follower_too(service: Service) -> None:
    """SIGHUP: another one follows and the former one is gone."""
    before = counted(service, register(service))
    former = the_follower(service)
    workers = set(service.workers())
    os.kill(service.server.pid, signal.SIGHUP)
    wait_until(lambda: workers.isdisjoint(service.workers()), 30, "other workers")
    other_follower(service, former)
    assert len(service.workers()) == 2
    assert counted(service, register(service)) == before + 1


def test_one_serves_and_one_follows_however_few_there_are(service: Service) -> None:
    """SIGTTOU takes workers away, but not the last one, nor the follower; SIGTTIN adds one."""
    follower = the_follower(service)
    for _ in range(3):
        os.kill(service.server.pid, signal.SIGTTOU)
        wait_until(lambda: len(service.workers()) == 1, 20, "one worker")
    os.kill(service.server.pid, signal.SIGTTIN)
    wait_until(lambda: len(service.workers()) == 2, 20, "two workers")
    assert service.follower() == follower
    counted(service, register(service))


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_all_of_it(tmp_path: Path, stop: signal.Signals) -> None:
    """SIGTERM to the master, or Ctrl-C, which the terminal sends to every process: all of them
    end soon, with exit code 0."""
    with Service(tmp_path) as service:
        processes = [*service.workers(), wait_until(service.follower, 10, "a follower")]
        send = os.killpg if stop is signal.SIGINT else os.kill
        send(service.server.pid, stop)
        assert service.server.wait(20) == 0
        for pid in processes:
            assert pid is not None
            wait_until(lambda: not Path(f"/proc/{pid}").exists(), 5, "the end of it")  # noqa: B023
    assert not [line for line in service.log_lines() if line["level"] in {"error", "critical"}]


def test_workers_follow_only_when_they_are_told_to(tmp_path: Path) -> None:
    """WORKERS_FOLLOW=true: there is no follower, and the views are kept up all the same."""
    with Service(tmp_path, WORKERS="1", WORKERS_FOLLOW="true") as service:
        counted(service, register(service))
        assert service.follower() is None
        assert len(service.workers()) == 1


def test_somebody_else_follows(tmp_path: Path) -> None:
    """FOLLOWER=false, on a machine that leaves it to another: workers only."""
    with Service(tmp_path, WORKERS="1", FOLLOWER="false", WORKERS_FOLLOW="false") as service:
        register(service)
        assert service.follower() is None
        assert len(service.workers()) == 1
