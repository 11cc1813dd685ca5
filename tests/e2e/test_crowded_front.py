"""Slow, idle and stalled clients in crowds before nginx: others notice nothing."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles

import pytest

from tests.support.answers import another
from tests.support.front import Front, front
from tests.support.service import Service

pytestmark = [pytest.mark.nginx, pytest.mark.alone]

TRICKLING = 500
IDLE = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 2_000)
"""Fewer on a machine that lets a process open fewer files."""
LISTENERS = 8
PROBES = 300
WHOLE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""nginx answers it by itself, and keeps the connection."""
STREAM = b"GET /events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextmanager
def crowd(port: int, number: int, request: bytes, buffer: int = 0) -> Iterator[list[socket.socket]]:
    """So many connections on which this was sent and nothing is read."""
    with ExitStack() as stack:
        made = []
        for _ in range(number):
            connection = stack.enter_context(socket.socket())
            if buffer:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            connection.settimeout(10)
            connection.connect(("127.0.0.1", port))
            connection.sendall(request)
            made.append(connection)
        yield made


def answered(connections: list[socket.socket]) -> None:
    """Each of them gets an answer."""
    for connection in connections:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 404 ")


def slowest(nginx: Front) -> float:
    """How long 99 % of registrations take at most, each over a connection of its own."""
    seconds = []
    for _ in range(PROBES):
        started = time.monotonic()
        body = b'{"name": "FedEx", "email": "%s"}' % another()["email"].encode()
        answer = nginx.ask("/register-carrier", {"Content-Type": "application/json"}, body)
        assert answer.status == 201
        seconds.append(time.monotonic() - started)
    return quantiles(seconds, n=100)[98]


@pytest.fixture
def nginx(require_nginx: str, tmp_path: Path) -> Iterator[Front]:
    """nginx before a service with few threads; the test may open as many files as it needs."""
    assert require_nginx
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    settings = {"WORKERS": "1", "THREADS": "4", "LISTENERS": str(LISTENERS)}
    with (
        Service(tmp_path / "service", "127.0.0.1", None, **settings) as service,
        front(tmp_path / "nginx", service.port, timeout="30s") as running,
    ):
        yield running
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_crowds_cost_others_nothing(nginx: Front) -> None:
    """Beside hundreds of half requests, thousands of idle connections and as many stalled listeners
    as there are places, registrations take about as long as alone; and no idle one is closed."""
    slowest(nginx)
    alone = slowest(nginx)
    with (
        crowd(nginx.port, IDLE, WHOLE) as idle,
        crowd(nginx.port, TRICKLING, b"POST /register-carrier HTTP/1.1\r\nHost: loc") as trickling,
        crowd(nginx.port, LISTENERS, STREAM, buffer=4096),
    ):
        answered(idle)
        for connection in trickling:
            connection.sendall(b"a")
        beside = slowest(nginx)
        for connection in idle:
            connection.sendall(WHOLE)
        answered(idle)
    print(f"99 %: {alone * 1000:.1f} ms alone, {beside * 1000:.1f} ms beside the crowds")
    assert beside < 5 * alone + 0.05
