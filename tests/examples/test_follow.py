"""examples/…/follow: every event exactly once, in order, whenever the follower is killed."""

import random
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from app.infrastructure.sqlite.keys import SqliteKeyStore
from tests.support.answers import another
from tests.support.examples import command, each_language, environment, followed, run
from tests.support.keys import add_key
from tests.support.processes import wait_until
from tests.support.service import Service, exchange
from tests.support.unreliable import Fault, unreliable

KILLS = 12


def target(folder: Path, language: str) -> Path:
    """What it writes into."""
    return folder / ("followed.sqlite3" if language == "python" else "followed")


def feed(service: Service) -> list[dict[str, Any]]:
    """Position, id and type of all events, as the service has them."""
    found: list[dict[str, Any]] = []
    while True:
        after = len(found)
        page = service.ask("GET", f"/events?limit=1000&after={after}").json["data"]["events"]
        if not page:
            return found
        found += [{name: event[name] for name in ("position", "id", "type")} for event in page]


@contextmanager
def writing(service: Service) -> Iterator[None]:
    """Somebody registers carriers all the while."""
    over = threading.Event()

    def write() -> None:
        with closing(service.connect()) as connection:
            while not over.is_set():
                assert exchange(connection, "POST", "/register-carrier", another()).status == 201
                over.wait(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


@each_language
def test_killed_at_any_point_it_misses_nothing_and_repeats_nothing(
    service: Service, url: str, tmp_path: Path, language: str
) -> None:
    """kill -9, over and over, while somebody writes."""
    into = target(tmp_path, language)
    arguments = [*command(language, "follow"), "--url", url, "--into", str(into)]
    with writing(service):
        for _ in range(KILLS):
            # A group of its own, so that curl does not outlive the shell.
            with subprocess.Popen(arguments, env=environment(), process_group=0) as follower:
                time.sleep(random.uniform(0.02, 0.5))  # the point at which it is killed
                assert follower.poll() is None
                subprocess.run(["/bin/kill", "-9", "--", f"-{follower.pid}"], check=True)
    done = run(language, "follow", "--url", url, "--into", str(into), "--once")
    assert done.returncode == 0, done.stderr
    expected = feed(service)
    assert len(expected) > KILLS
    assert followed(language, into) == expected


def test_an_effect_that_must_not_happen_twice_does_not(service: Service, tmp_path: Path) -> None:
    """The Python example counts in the transaction that holds the position."""
    into = tmp_path / "followed.sqlite3"
    with writing(service), unreliable(service.port, *[Fault.CUT] * 3) as line:
        for _ in range(3):
            assert run("python", "follow", "--url", line.url, "--into", str(into), "--once")
    with closing(sqlite3.connect(into)) as database:
        counted = dict(database.execute("SELECT type, times FROM happened").fetchall())
    assert counted == Counter(event["type"] for event in followed("python", into))


@each_language
def test_two_at_once_are_as_one(service: Service, url: str, tmp_path: Path, language: str) -> None:
    """Into the same place: nothing is there twice."""
    into = target(tmp_path, language)
    arguments = [*command(language, "follow"), "--url", url, "--into", str(into), "--once"]
    with writing(service):
        both = [subprocess.Popen(arguments, env=environment()) for _ in range(2)]
        assert [each.wait(60) for each in both] == [0, 0]
    assert run(language, "follow", "--url", url, "--into", str(into), "--once").returncode == 0
    assert followed(language, into) == feed(service)


@each_language
def test_an_answer_that_did_not_come_is_asked_for_again(
    service: Service, tmp_path: Path, language: str
) -> None:
    """Or came in half, or was that the service is busy."""
    into = target(tmp_path, language)
    with unreliable(service.port, Fault.BUSY, Fault.LOST, Fault.CUT) as line:
        done = run(language, "follow", "--url", line.url, "--into", str(into), "--once")
    assert done.returncode == 0, done.stderr
    assert followed(language, into) == feed(service)


@each_language
def test_it_waits_for_what_happens_next(
    service: Service, url: str, tmp_path: Path, language: str
) -> None:
    """Without --once an event is there soon after it has happened."""
    into = target(tmp_path, language)
    assert run(language, "follow", "--url", url, "--into", str(into), "--once").returncode == 0
    arguments = [*command(language, "follow"), "--url", url, "--into", str(into)]
    with subprocess.Popen(arguments, env=environment(), process_group=0) as follower:
        before = len(followed(language, into))
        service.ask("POST", "/register-carrier", another())
        wait_until(lambda: len(followed(language, into)) == before + 1, 10, "the event")
        subprocess.run(["/bin/kill", "-9", "--", f"-{follower.pid}"], check=True)


@each_language
def test_what_is_refused_ends_it(tmp_path: Path, language: str) -> None:
    """Without a key where one is needed: 1, and what the service said; with it, all goes well."""
    folder = tmp_path / "service"
    (folder / "var").mkdir(parents=True)
    text = add_key(SqliteKeyStore(folder / "var/events.sqlite3"))
    with Service(folder, WORKERS="1") as service:
        url = f"http://{service.host}:{service.port}"
        into = target(tmp_path, language)
        arguments = ("follow", "--url", url, "--into", str(into), "--once")
        refused = run(language, *arguments)
        assert refused.returncode == 1
        assert "needs an API key" in refused.stderr
        registered = ("register", "--url", url, "--name", "FedEx", "--email", "contact@fedex.com")
        assert run(language, *registered, key=text).returncode == 0
        assert run(language, *arguments, key=text).returncode == 0
        assert len(followed(language, into)) == 1
        listed = run(language, "directory", "--url", url, key=text)
        assert listed.returncode == 0, listed.stderr
