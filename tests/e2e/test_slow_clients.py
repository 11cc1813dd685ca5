"""Clients that send late, read late or close late: they lose their connection, and nobody else
waits for them."""

import json
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.measurements import IS_FULL
from tests.support.processes import wait_until
from tests.support.service import Service, exchange

pytestmark = pytest.mark.alone

BUDGET = 2
"""REQUEST_TIMEOUT of the service, in seconds."""
LATE = BUDGET + 1.5
"""After so many seconds the service has noticed that the budget is spent."""
CARRIERS = 1200
HALF_HEAD = b"GET /health/live HTTP/1.1\r\nHost: local"
HEAD = b"POST /register-carrier HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SETTINGS = {
    "WORKERS": "1",
    "THREADS": "4",
    "LISTENERS": "2",
    "HEARTBEAT": "0.2",
    "REQUEST_TIMEOUT": str(BUDGET),
    "MAX_REQUEST_SIZE": "1000000",
}
STREAM = b"GET /events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
AUDIT = b"GET /audit.csv HTTP/1.1\r\nHost: localhost\r\n\r\n"
FILE = b"GET /carriers.csv HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One worker with few threads, and more carriers than a connection's buffers hold."""
    with Service(tmp_path_factory.mktemp("slow"), "127.0.0.1", None, **SETTINGS) as running:
        with closing(running.connect()) as connection:
            for number in range(CARRIERS):
                body = {"name": f"{number} ".ljust(190, "x"), "email": f"a{number}@fedex.com"}
                answer = exchange(connection, "POST", "/register-carrier", body)
                assert answer.status == 201, answer.body
        yield running
        assert not [line for line in running.log_lines() if line["level"] in {"error", "critical"}]


def connected(service: Service, request: bytes, receive_buffer: int = 0) -> socket.socket:
    """A connection on which this was sent."""
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(20)
    connection.connect((service.host, service.port))
    connection.sendall(request)
    return connection


@contextmanager
def many(service: Service, number: int, request: bytes) -> Iterator[list[socket.socket]]:
    """So many connections on which this was sent."""
    with ExitStack() as stack:
        yield [stack.enter_context(connected(service, request)) for _ in range(number)]


def answers_others(service: Service) -> None:
    """Others get an answer at once, also from a thread that had to be found."""
    for _ in range(10):
        started = time.monotonic()
        assert service.ask("GET", "/health/live").status == 200
        assert time.monotonic() - started < 1


def all_that_comes(connection: socket.socket) -> bytes:
    """Until the service closes."""
    received = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            received += part
    return received


def timed_out(answer: bytes) -> None:
    """It is a 408 in the envelope, and the last answer on its connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.upper().startswith(b"HTTP/1.1 408 REQUEST TIMEOUT\r\n"), answer
    assert b"\r\nconnection: close" in head.lower()
    assert json.loads(body)["error"]["code"] == 408


@pytest.mark.parametrize("number", [40, 120] if IS_FULL else [120])
def test_who_closes_late_holds_nobody_up(service: Service, number: int) -> None:
    """Each has its answer and leaves its connection open; others are answered meanwhile."""
    with many(service, number, b"GET / HTTP/1.0\r\n\r\n") as connections:
        answers_others(service)
        for connection in connections:
            assert all_that_comes(connection).startswith(b"HTTP/1.")


@pytest.mark.parametrize("number", [80, 500] if IS_FULL else [500])
def test_half_a_head_holds_no_thread(service: Service, number: int) -> None:
    """Others are answered meanwhile, and each is told in the end that it took too long."""
    started = time.monotonic()
    with many(service, number, HALF_HEAD) as connections:
        while time.monotonic() < started + BUDGET:
            answers_others(service)
        for connection in connections:
            timed_out(all_that_comes(connection))


def test_a_head_that_comes_in_pieces_is_a_request(service: Service) -> None:
    """However small they are, as long as the budget lasts; also the second one of a connection."""
    with connected(service, b"") as connection:
        for _ in range(2):
            for byte in b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n":
                connection.sendall(bytes([byte]))
            received = b""
            while not received.endswith(b'{"status": "alive"}}\n'):
                received += connection.recv(1000)
            assert received.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("length", [1000, 500_000] if IS_FULL else [500_000])
def test_half_a_body_is_answered_408(service: Service, length: int) -> None:
    """Once the budget is spent, whether a thread reads it (a large one) or not yet."""
    started = time.monotonic()
    request = HEAD + b"Content-Length: %d\r\n\r\n" % length + b" " * (length // 2)
    with connected(service, request) as connection:
        answers_others(service)
        timed_out(all_that_comes(connection))
    assert BUDGET - 0.2 < time.monotonic() - started < LATE


@pytest.mark.parametrize(
    "begun",
    [
        *((b"", HEAD, HEAD + b"Expect: 100-continue") if IS_FULL else ()),
        HEAD + b"Content-Length: 500000\r\n\r\n",
    ],
)
def test_a_trickle_is_bound_by_the_same_budget(service: Service, begun: bytes) -> None:
    """A byte now and then does not buy time: neither in the head nor in the body."""
    started = time.monotonic()
    with connected(service, begun) as connection:
        while not select.select([connection], [], [], 0.1)[0]:
            connection.sendall(b"A")
            assert time.monotonic() - started < LATE
        timed_out(all_that_comes(connection))
    assert time.monotonic() - started > BUDGET - 0.2


def test_who_says_nothing_at_all_is_let_go(service: Service) -> None:
    """Without an answer, as there was no request."""
    with connected(service, b"") as connection:
        assert all_that_comes(connection) == b""


@pytest.mark.parametrize(
    ("request_bytes", "places"), [(STREAM, 2), (FILE, 2), *([(AUDIT, 2)] if IS_FULL else [])]
)
def test_who_stops_reading_loses_its_place(
    service: Service, request_bytes: bytes, places: int
) -> None:
    """All places are held by clients that read nothing: others get one when nothing was taken from
    them for as long as the budget."""

    def admitted() -> bool:
        with connected(service, request_bytes) as connection:
            status = connection.recv(12)
        return status.endswith(b" 200")

    started = time.monotonic()
    with ExitStack() as stack:
        for _ in range(places):
            reader = stack.enter_context(connected(service, request_bytes, receive_buffer=4096))
            assert reader.recv(12).endswith(b" 200"), "a place was taken"
        all_taken = time.monotonic()
        wait_until(lambda: not admitted(), BUDGET, "all places to be taken")
        answers_others(service)
        wait_until(admitted, 2 * LATE, "a place")
        freed = time.monotonic()
        assert freed - started > BUDGET - 0.5
        assert freed - all_taken < LATE


@pytest.mark.parametrize("request_bytes", [STREAM, FILE] if IS_FULL else [FILE])
def test_a_slow_reader_gets_all_of_it(service: Service, request_bytes: bytes) -> None:
    """Much longer than the budget, as it goes on reading."""
    last = b"%d xxx" % (CARRIERS - 1)
    first = b"" if request_bytes == STREAM else b"0\r\n\r\n"
    started = time.monotonic()
    received = b""
    with connected(service, request_bytes, receive_buffer=4096) as connection:
        while last not in received or first not in received[-5:]:
            part = connection.recv(4096)
            assert part, "cut off"
            received += part
            time.sleep(0.05 if time.monotonic() - started < 3 * BUDGET else 0)
    assert time.monotonic() - started > 3 * BUDGET


def test_a_stop_does_not_wait_for_half_a_head(tmp_path: Path) -> None:
    """SIGTERM leaves a client that is sending two seconds, not the whole budget."""
    settings = {**SETTINGS, "REQUEST_TIMEOUT": "30"}
    with ExitStack() as stack:
        service = stack.enter_context(Service(tmp_path, "127.0.0.1", None, **settings))
        connection = stack.enter_context(connected(service, HALF_HEAD))
        answers_others(service)
        os.kill(service.server.pid, signal.SIGTERM)
        timed_out(all_that_comes(connection))
        assert service.server.wait(5) == 0


def test_more_half_heads_than_connections(tmp_path: Path) -> None:
    """With all connections of a worker taken the one that has waited longest makes room."""
    settings = {
        **SETTINGS,
        "REQUEST_TIMEOUT": "30",
        "GUNICORN_CMD_ARGS": "--worker-connections 50",
    }
    with ExitStack() as stack:
        service = stack.enter_context(Service(tmp_path, "127.0.0.1", None, **settings))
        connections = stack.enter_context(many(service, 200, HALF_HEAD))
        answers_others(service)
        timed_out(all_that_comes(connections[0]))
