"""Request smuggling: no form makes two servers, or a server and its next client, disagree."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

import pytest

from tests.support.nginx import start_nginx
from tests.support.nginx_conf import CONF, nginx_conf
from tests.support.processes import free_port
from tests.support.service import Service
from tests.support.smuggling import HIDDEN, forms, hidden_request

FORMS = [name for name, _ in forms(b"x" * 200)]
ENOUGH = 40
PROBES = 2
QUIET_SECONDS = 1.0
"""After so long without a byte nothing more comes, unless this side closes."""

_ANSWER = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r]*\r\n(?:[^\r]+\r\n)*?\r\n")
_numbers = count()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One worker, so that every connection meets the same one."""
    folder = tmp_path_factory.mktemp("smuggling")
    with Service(folder, WORKERS="1", REQUEST_TIMEOUT="4") as running:
        yield running
        assert not [line for line in running.log_lines() if line["level"] in {"error", "critical"}]


@pytest.fixture(scope="module")
def through_nginx(
    require_nginx: str, service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of an nginx with one process, whose connections to the service are all shared."""
    port = free_port()
    files = nginx_conf(listen=port, tls_listen=free_port(), upstream=service.port)
    files[CONF] = files[CONF].replace("worker_processes auto;", "worker_processes 1;")
    server = start_nginx(files, tmp_path_factory.mktemp("nginx"), port=port)
    yield port
    server.stop()


@pytest.fixture
def hides(service: Service) -> Iterator[Callable[[str], bytes]]:
    """Gives a form with a hidden request of this test alone; then looks that it did nothing."""
    email = f"hidden{next(_numbers):04d}@example.com"
    hidden = hidden_request(email)
    yield lambda name: dict(forms(hidden))[name]
    assert not [payload for _, payload in service.events() if email in payload]


def test_there_are_enough_forms() -> None:
    """At least 40, each with a name of its own."""
    assert len(set(FORMS)) == len(FORMS) >= ENOUGH


def test_the_hidden_request_would_have_an_effect(service: Service) -> None:
    """Sent by itself it registers a carrier: its absence later says something."""
    assert service.send(hidden_request("seen@example.com")).status == 201
    assert [payload for _, payload in service.events() if "seen@example.com" in payload]


@pytest.mark.parametrize("form", FORMS)
def test_gunicorn_sees_no_hidden_request(
    service: Service, hides: Callable[[str], bytes], form: str
) -> None:
    """The next request, on the same and on other connections, is answered as its own; the hidden
    one is never carried out."""
    assert_synchronous(service.port, hides(form))


@pytest.mark.nginx
@pytest.mark.parametrize("form", FORMS)
def test_nginx_and_gunicorn_agree(
    through_nginx: int, hides: Callable[[str], bytes], form: str
) -> None:
    """The same through nginx, which keeps its connections to gunicorn for the next client."""
    assert_synchronous(through_nginx, hides(form))


def assert_synchronous(port: int, sent: bytes) -> None:
    """Send the bytes, a request behind them and some beside them, and look whose answers come."""
    received = exchanged(port, sent + probe("behind"))
    assert HIDDEN.encode() not in received
    answers = [each for each in _ANSWER.finditer(received) if each[1] != b"100"]
    assert len(answers) <= 2
    for each in answers[1:]:
        assert each[1] == b"200"
        assert b"X-Request-ID: behind\r\n" in each[0]
        assert received[each.end() :] == b'{"success": true, "data": {"status": "alive"}}\n'
    for number in range(PROBES):
        name = f"beside-{number}"
        answer = exchanged(port, probe(name))
        (only,) = _ANSWER.finditer(answer)
        assert (only[1], f"X-Request-ID: {name}\r\n".encode() in only[0]) == (b"200", True)


def probe(name: str) -> bytes:
    """A proper request, the last one on its connection."""
    return (
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: %s\r\n"
        b"Connection: close\r\n\r\n"
    ) % name.encode()


def exchanged(port: int, sent: bytes) -> bytes:
    """What came back until the server closed, or had nothing more to say."""
    received = b""
    with (
        suppress(ConnectionError),
        socket.create_connection(("127.0.0.1", port), timeout=QUIET_SECONDS) as connection,
    ):
        connection.sendall(sent)
        with suppress(TimeoutError):
            while part := connection.recv(65_536):
                received += part
            return received
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(10)
        while part := connection.recv(65_536):
            received += part
    return received
