"""The service while its files are moved, deleted, replaced and damaged under it, by real hands."""

import http.client
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.answers import another
from tests.support.processes import NotReady, wait_until
from tests.support.service import Service, service_environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these look into /proc")

CARRIERS = 30


def views_of(service: Service) -> Path:
    """The file of views."""
    return service.database.with_name(f"{service.database.name}.views.sqlite3")


def register(service: Service, count: int = 1) -> list[str]:
    """So many carriers; their ids."""
    answers = [service.ask("POST", "/register-carrier", another()) for _ in range(count)]
    assert {answer.status for answer in answers} == {201}
    return [answer.json["data"]["carrier_id"] for answer in answers]


def listed(service: Service) -> tuple[int, int]:
    """Status, and how many carriers are on the page."""
    answer = service.ask("GET", "/carriers?limit=100")
    found = len(answer.json["data"]["carriers"]) if answer.status == 200 else 0
    if answer.status == 503:
        assert answer.headers["Retry-After"]
    return answer.status, found


def carriers(service: Service, *arguments: str) -> None:
    """The command, run beside the service."""
    merged = {**os.environ, **service_environment(service.folder)}
    subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env={name: value for name, value in merged.items() if value is not None},
        cwd=service.folder,
        capture_output=True,
        timeout=60,
        check=True,
    )


def lists_all(service: Service, count: int = CARRIERS) -> Callable[[], bool]:
    """Whether both workers do, as far as a number of requests tells."""
    return lambda: all(listed(service) == (200, count) for _ in range(10))


@contextmanager
def asking(service: Service) -> Iterator[Counter[tuple[int, int]]]:
    """Lists asked for without a pause, and what they answered."""
    seen: Counter[tuple[int, int]] = Counter()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            with suppress(OSError, http.client.HTTPException):
                seen[listed(service)] += 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join(30)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Two workers, and some carriers that both list."""
    with Service(tmp_path, WORKERS="2") as running:
        register(running, CARRIERS)
        wait_until(lists_all(running), 20, "the list")
        yield running


def only_whole_lists(seen: Counter[tuple[int, int]]) -> bool:
    """Nothing but all carriers, or 503."""
    return set(seen) <= {(200, CARRIERS), (503, 0)}


@pytest.mark.parametrize("companions", [True, False])
def test_views_that_are_deleted_are_made_anew(service: Service, *, companions: bool) -> None:
    """At once, by both workers; no list is empty or a part meanwhile, and commands go on."""
    with asking(service) as seen:
        for _ in range(5):
            for file in service.database.parent.glob(
                f"{views_of(service).name}{'*' if companions else ''}"
            ):
                file.unlink(missing_ok=True)
            wait_until(lists_all(service), 5, "the list")
    assert only_whole_lists(seen), seen
    assert service.ask("GET", "/health/ready").status == 200
    assert "is made anew" in service.server.output()


def test_views_that_are_damaged_are_set_aside(service: Service) -> None:
    """Also while a worker starts: the service goes on, and the log names the file."""
    with asking(service) as seen:
        with closing(sqlite3.connect(views_of(service))) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with views_of(service).open("r+b") as file:
            file.write(os.urandom(140))
        os.kill(service.workers()[0], signal.SIGKILL)
        wait_until(lambda: list(service.database.parent.glob("*.damaged-*")), 10, "it is set aside")
        wait_until(lists_all(service), 10, "the list")
    assert only_whole_lists(seen), seen
    assert service.server.running
    assert f"{views_of(service).relative_to(service.folder)} is damaged" in service.server.output()


def test_damaged_views_do_not_keep_the_service_from_starting(service: Service) -> None:
    """They are made anew instead."""
    service.server.stop()
    views_of(service).write_bytes(os.urandom(140))
    service.server.start()
    wait_until(lists_all(service), 10, "the list")


def test_views_of_an_earlier_release_are_told_of(service: Service) -> None:
    """They are not picked up, as they may be another registry's; a line says that they can go."""
    service.server.stop()
    former = service.database.with_name("events.views.sqlite3")
    former.write_bytes(b"views")
    service.server.start()
    wait_until(lists_all(service), 10, "the list")
    assert "var/events.views.sqlite3 is of an earlier release" in service.server.output()
    assert former.read_bytes() == b"views"


def test_a_rebuild_without_a_pause_costs_no_list(service: Service) -> None:
    """The former generation is dropped under those who read it: they read the next one."""
    with asking(service) as seen:
        for _ in range(3):
            carriers(service, "projections", "rebuild", "carriers", "--pause", "0")
    assert set(seen) == {(200, CARRIERS)}, seen


def test_events_that_are_moved_away_stop_the_service(service: Service) -> None:
    """Nothing is acknowledged and nothing read until the same file is back; then all of it is."""
    elsewhere = service.database.with_name("elsewhere")
    (carrier, *_) = register(service)
    service.database.rename(elsewhere)
    statuses = {service.ask("POST", "/register-carrier", another()).status for _ in range(20)} | {
        service.ask("GET", f"/carriers/{carrier}").status for _ in range(20)
    }
    assert statuses == {503}
    assert service.ask("GET", "/health/ready").status == 503
    assert not service.database.exists()
    lines = [
        line for line in service.log_lines() if "moved, deleted or replaced" in line["message"]
    ]
    assert len(lines) == len({line["process_id"] for line in lines}) <= 3
    os.kill(service.workers()[0], signal.SIGKILL)
    wait_until(lambda: len(service.workers()) == 2, 10, "another worker")
    wait_until(lambda: service.ask("GET", "/health/ready").status == 503, 10, "an answer")
    assert not service.database.exists()
    elsewhere.rename(service.database)
    wait_until(
        lambda: all(service.ask("GET", "/health/ready").status == 200 for _ in range(10)),
        10,
        "it goes on",
    )
    # Of two workers one may be ready a moment before the other one.
    wait_until(
        lambda: all(service.ask("GET", f"/carriers/{carrier}").status == 200 for _ in range(10)),
        10,
        "all of it is back",
    )
    register(service)


def test_events_that_are_moved_away_under_load_lose_nothing(service: Service) -> None:
    """Each 201 is in the file that comes back, wherever the move met its commit."""
    acknowledged: list[str] = []
    others: Counter[int] = Counter()
    over = threading.Event()

    def load() -> None:
        while not over.is_set():
            answer = service.ask("POST", "/register-carrier", another())
            if answer.status == 201:
                acknowledged.append(answer.json["data"]["carrier_id"])
            else:
                others[answer.status] += 1

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    elsewhere = service.database.with_name("elsewhere")
    for _ in range(5):
        before = len(acknowledged)
        wait_until(lambda before=before: len(acknowledged) > before + 20, 20, "load")  # type: ignore[misc]
        service.database.rename(elsewhere)
        refused = others[503]
        wait_until(lambda refused=refused: others[503] > refused + 10, 20, "it is noticed")  # type: ignore[misc]
        elsewhere.rename(service.database)
    over.set()
    for thread in threads:
        thread.join(30)
    assert set(others) == {503}
    service.server.stop()
    assert set(acknowledged) <= {stream for stream, _ in service.events()}


@pytest.mark.parametrize("replaced", [True, pytest.param(False, marks=pytest.mark.full)])
def test_nobody_is_let_in_because_the_keys_are_gone(service: Service, *, replaced: bool) -> None:
    """With the events' file go the API keys: who sends none is refused all the same, for good, also
    by a worker that starts then."""
    carriers(service, "keys", "create", "--name", "alice", "--scope", "write")
    wait_until(
        lambda: all(service.ask("GET", "/carriers").status == 401 for _ in range(10)), 20, "a key"
    )
    for file in service.database.parent.iterdir():
        file.unlink()
    if replaced:
        service.database.touch()
    os.kill(service.workers()[0], signal.SIGKILL)  # the next one has never seen the key
    due = time.monotonic() + 12  # longer than keys are kept without asking
    while time.monotonic() < due:
        assert service.ask("POST", "/register-carrier", another()).status in {401, 503}
        assert service.ask("GET", "/carriers").status in {401, 503}
        time.sleep(0.2)
    assert service.ask("GET", "/health/ready").status == 503
    assert replaced == (service.database.exists() and not service.database.stat().st_size)


def test_a_service_whose_events_are_missing_does_not_start(service: Service) -> None:
    """Its views tell that there was a registry: one line says what to do."""
    service.server.stop()
    service.database.unlink()
    with pytest.raises(NotReady, match="is missing, but"):
        service.server.start()


def test_files_are_the_services_alone(service: Service) -> None:
    """Nobody else reads addresses, digests of keys, or the log."""
    for folder in (service.folder / "var", service.folder / "logs"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
        assert set(modes.values()) == {0o600}, modes
