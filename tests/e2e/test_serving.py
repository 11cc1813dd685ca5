"""The service as an operator runs it: started, loaded, stopped, killed, started again."""

import http.client
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.answers import another
from tests.support.processes import wait_until
from tests.support.service import (
    GUNICORN,
    Service,
    exchange,
    has_read_all,
    service_environment,
)
from tests.support.threads import at_once

CLIENTS = 16
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these look into /proc")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Three workers that share one file; for tests that leave it running."""
    with Service(tmp_path_factory.mktemp("service"), WORKERS="3", THREADS="4") as running:
        yield running


def test_what_was_registered_survives_kill_9(tmp_path: Path) -> None:
    """Master and workers are killed at once; started again, the service shows what it
    acknowledged, and takes more."""
    service = Service(tmp_path)
    with service:
        places = [service.ask("POST", "/register-carrier", another()).headers["Location"]]
        service.server.kill()
        assert not service.server.running
        service.server.start()
        places.append(service.ask("POST", "/register-carrier", another()).headers["Location"])
        for place in places:
            assert service.ask("GET", place).json["data"]["name"] == "FedEx"
        assert len(service.events()) == 2


def test_kill_9_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Every id in an answer is in the store, whatever was under way."""
    service = Service(tmp_path)
    with service:
        load = Load(service)
        wait_until(lambda: len(load.acknowledged) > 50, 20, "some load")
        service.server.kill()
        load.end()
        service.server.start()
        stored = {stream for stream, _ in service.events()}
    assert load.unexpected == []
    assert set(load.acknowledged) <= stored


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_graceful_stop_answers_all_it_has_read(tmp_path: Path, keep_alive: bool) -> None:
    """SIGTERM while clients send as fast as they can. What got no answer was not done: each
    event in the store belongs to a 201 that a client holds, and each 201 to an event. No other
    status is seen, and it ends by itself with 0."""
    service = Service(tmp_path)
    with service:
        load = Load(service, keep_alive=keep_alive)
        wait_until(lambda: len(load.acknowledged) > 50, 20, "some load")
        os.kill(service.server.pid, signal.SIGTERM)
        assert service.server.wait(20) == 0
        load.end()
    assert load.unexpected == []
    assert sorted(load.acknowledged) == sorted(stream for stream, _ in service.events())


def test_a_request_in_flight_is_answered_before_the_stop(tmp_path: Path) -> None:
    """It waits for a lock when SIGTERM comes; it is carried out and answered, then the service
    ends."""
    service = Service(tmp_path, WORKERS="1")
    with service, closing(service.connect()) as connection:
        with closing(sqlite3.connect(service.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            connection.connect()
            answers: list[int] = []
            thread = threading.Thread(
                target=lambda: answers.append(
                    exchange(connection, "POST", "/register-carrier", another()).status
                )
            )
            thread.start()
            wait_until(lambda: has_read_all(service.port), 10, "the request to be read")
            os.kill(service.server.pid, signal.SIGTERM)
            wait_until(lambda: "Handling signal: term" in service.server.output(), 10, "the signal")
            assert service.server.running
            assert answers == []
            other.execute("ROLLBACK")
        thread.join(20)
        assert answers == [201]
        assert service.server.wait(20) == 0
    assert len(service.events()) == 1


def booting(service: Service) -> bool:
    """Whether the first worker has been made."""
    return "Booting worker" in service.server.output()


def test_a_stop_during_the_start(tmp_path: Path) -> None:
    """SIGTERM while workers are being made reaches them all: none is waited for in vain."""
    service = Service(tmp_path, ready=booting, WORKERS="6")
    service.server.start()
    os.kill(service.server.pid, signal.SIGTERM)
    try:
        assert service.server.wait(15) == 0
    finally:
        service.server.kill()


class Load:
    """Clients that register carriers as fast as they can, until the service is gone."""

    def __init__(self, service: Service, *, keep_alive: bool = True) -> None:
        self.acknowledged: list[str] = []
        self.unexpected: list[int] = []
        self._service = service
        self._keep_alive = keep_alive
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Wait for all clients; none may hang."""
        self._over.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a client waits for ever"

    def _run(self) -> None:
        while not self._over.is_set():
            with closing(self._service.connect()) as connection:
                try:
                    self._register(connection)
                except TimeoutError:
                    raise
                except (OSError, http.client.HTTPException):
                    continue  # refused, or closed without an answer

    def _register(self, connection: http.client.HTTPConnection) -> None:
        headers = {} if self._keep_alive else {"Connection": "close"}
        while not self._over.is_set():
            answer = exchange(connection, "POST", "/register-carrier", another(), headers)
            if answer.status == 201:
                self.acknowledged.append(answer.json["data"]["carrier_id"])
            else:
                self.unexpected.append(answer.status)
            if not self._keep_alive:
                return


def test_workers_share_the_file_under_load(service: Service) -> None:
    """Sixteen clients, three processes: every request is answered with 201 and then found; no
    "database is locked"."""

    def register(client: int) -> list[str]:
        places = []
        with closing(service.connect()) as connection:
            for number in range(25):
                body = {"name": f"{client} {number}", "email": f"{client}.{number}@fedex.com"}
                answer = exchange(connection, "POST", "/register-carrier", body)
                assert answer.status == 201, answer.body
                places.append(answer.headers["Location"])
        return places

    before = len(service.events())
    places = at_once(CLIENTS, register, 60)
    assert len(service.events()) == before + CLIENTS * 25
    for client, mine in enumerate(places):
        shown = service.ask("GET", mine[-1]).json["data"]["name"]
        assert shown == f"{client} 24", "another worker wrote it, perhaps"


def test_figures_add_up_over_the_workers(service: Service) -> None:
    """One scrape, of whichever worker, counts the requests of all."""

    def counted() -> float:
        text = service.ask("GET", "/metrics").body.decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "http_requests_total"
            and sample.labels["route"] == "/carriers/<uuid:carrier_id>"
        )

    before = counted()
    answers = at_once(
        CLIENTS, lambda _: [service.ask("GET", f"/carriers/{uuid4()}").status for _ in range(10)]
    )
    assert answers == [[404] * 10] * CLIENTS
    assert {counted() for _ in range(10)} == {before + CLIENTS * 10}


def test_every_worker_takes_its_part(service: Service) -> None:
    """The access lines come from all three processes; what the tests above rely on."""
    at_once(CLIENTS, lambda _: [service.ask("GET", "/health/live").status for _ in range(20)])

    def processes() -> set[int]:
        lines = service.log_lines()
        return {line["process_id"] for line in lines if line["logger"] == "app.access"}

    wait_until(lambda: len(processes()) == 3, 5, "lines of three workers")


def test_a_dead_worker_is_replaced(service: Service) -> None:
    """kill -9 of one worker costs nobody else anything."""
    before = service.workers()
    assert len(before) == 3
    os.kill(before[0], signal.SIGKILL)
    wait_until(
        lambda: len(after := service.workers()) == 3 and before[0] not in after,
        10,
        "a new worker",
    )
    assert service.ask("POST", "/register-carrier", another()).status == 201


def test_there_is_no_control_socket(service: Service) -> None:
    """gunicorn's would let anyone of the same user stop the service."""
    sockets = [path for path in service.folder.rglob("*") if stat.S_ISSOCK(path.lstat().st_mode)]
    assert sockets == []
    inodes = {
        match[1]
        for path in Path(f"/proc/{service.server.pid}/fd").iterdir()
        if (match := re.fullmatch(r"socket:\[(\d+)\]", str(path.readlink())))
    }
    named = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    assert [columns[7:] for columns in named if columns[6] in inodes and columns[7:]] == []


def test_every_line_is_json_and_names_its_request(tmp_path: Path) -> None:
    """On stderr and in logs/app.log the same lines: start, requests, refusals, stop. None holds
    an address or a name, whatever was sent."""
    address = "contact@fedex.com"
    headers = {"X-Request-ID": "my-request", "User-Agent": address, "Cookie": address}
    with Service(tmp_path, APP_ENV="development", APP_LOG_LEVEL="debug") as service:
        service.ask("POST", "/register-carrier", another(), headers)
        service.ask("POST", "/register-carrier", {**another(), address: 1})
        service.ask("GET", f"/{address}?{address}")
        service.ask("GET", "/x", headers={"X-Request-ID": address})
        service.send(f"{address}\r\n\r\n".encode())
        service.send(f"GET /{address} HTTP/1.1\r\n{address}: x\r\n\r\n".encode())
        service.send(f"GET / HTTP/1.1\r\nA: {address * 1000}\r\n\r\n".encode())
        assert service.server.stop() == 0
    lines = service.log_lines()
    assert sorted(map(str, lines)) == sorted(
        str(line) for line in map(json.loads, (tmp_path / "logs/app.log").read_text().splitlines())
    )
    access = [line for line in lines if line["logger"] == "app.access"]
    assert "my-request" in {line["request_id"] for line in access}
    assert all(re.fullmatch(r"[\w.-]{1,128}", line["request_id"]) for line in access)
    assert [line for line in lines if line["level"] in {"error", "critical"}] == []
    for text in (service.server.output(), (tmp_path / "logs/app.log").read_text()):
        assert address not in text
        assert "FedEx" not in text


def test_it_says_where_it_is_and_how_to_try_it(service: Service) -> None:
    """With the page that shows what it takes; the line for people can be pasted into a shell, and
    works."""
    place, curl = service.printed.read_text().splitlines()
    (docs,) = re.findall(r"http://\S+(/docs)\b", place)
    assert service.ask("GET", docs).status == 200
    done = subprocess.run(
        ["/bin/sh", "-c", curl.replace("curl -i", "curl -si --max-time 10")],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert done.stdout.startswith("HTTP/1.1 201")


@pytest.mark.parametrize("host", ["127.0.0.2", "::1"])
def test_another_address(tmp_path: Path, host: str) -> None:
    """HOST and PORT say where, IPv6 included."""
    if host == "::1" and not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with Service(tmp_path, host, WORKERS="1") as service:
        assert service.ask("GET", "/health/live").status == 200
        shown = f"http://[{host}]:" if ":" in host else f"http://{host}:"
        assert f"{shown}{service.port}" in service.printed.read_text()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("APP_DEBUG", "true", "APP_DEBUG=true is not allowed with APP_ENV=production"),
        ("PORT", "none", "PORT=none is not valid: it must be a whole number from 1 to 65535."),
        ("EVENT_STORE", "cassandra", "CASSANDRA_HOST is empty but EVENT_STORE=cassandra"),
    ],
)
def test_a_bad_setting_stops_the_start(tmp_path: Path, name: str, value: str, says: str) -> None:
    """With one line, and an exit code that is not 0."""
    changes = service_environment(tmp_path, APP_ENV="production", **{name: value})
    merged = {**os.environ, **changes}
    done = subprocess.run(
        GUNICORN,
        env={key: text for key, text in merged.items() if text is not None},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode != 0
    (line,) = (done.stdout + done.stderr).splitlines()
    assert line.startswith(says)
    assert list(tmp_path.iterdir()) == [], "it left something behind"
