"""What every answer says to browsers and gives away to nobody, whoever gives it: the application,
gunicorn or nginx."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from pathlib import Path

import pytest

from tests.support.front import Front, front
from tests.support.nginx_conf import Limits
from tests.support.processes import free_port
from tests.support.service import Service

pytestmark = pytest.mark.nginx

TWICE = Limits("1r/m", burst=1, connections=100, listeners=100)
TWO_YEARS = "max-age=63072000"
HEAD = b"POST /echo HTTP/1.1\r\nHost: a\r\n"

OF_NGINX = {
    400: b"GET /echo HTTP/1.1\r\n\r\n",
    404: b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
    405: b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    413: HEAD + b"Content-Length: 10000000\r\n\r\n",
    414: b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    431: HEAD + b"X-Large: " + b"x" * 9000 + b"\r\n\r\n",
    501: HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
    504: b"GET /broken HTTP/1.1\r\nHost: a\r\n\r\n",
    505: b"GET /echo HTTP/3.0\r\nHost: a\r\n\r\n",
}
OF_THE_SERVICE = {
    "data": b"GET /carriers HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "error": b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "page": b"GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "csv": b"GET /carriers.csv HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "stream": b"GET /events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "refused": b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.fixture(scope="module")
def served(
    require_nginx: str, tmp_path_factory: pytest.TempPathFactory, certificate: Path
) -> Iterator[Front]:
    """nginx with a certificate before the service."""
    folder = tmp_path_factory.mktemp("served")
    with (
        Service(folder) as service,
        front(folder / "nginx", service.port, certificate.parent, timeout="10s") as running,
    ):
        yield running


def answered(port: int, sent: bytes, *, tls: bool = True) -> tuple[int, Message]:
    """Status and headers of the answer to these bytes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection = context.wrap_socket(plain) if tls else plain
    with connection, closing(http.client.HTTPResponse(connection)) as response:
        connection.sendall(sent)
        response.begin()
        return response.status, response.headers


def assert_guarded(headers: Message) -> None:
    """Said once: not to guess a type, to run and frame nothing, to stay with TLS; no version."""
    assert headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert headers.get_all("Strict-Transport-Security") == [TWO_YEARS]
    (policy,) = headers.get_all("Content-Security-Policy", [])
    assert policy.startswith("default-src 'none';")
    assert policy.endswith("frame-ancestors 'none'")
    assert headers.get_all("Server") == ["nginx"]
    assert "X-Powered-By" not in headers
    assert not re.search(r"(?i)(python|gunicorn|flask|werkzeug|nginx)/\d", str(headers))


@pytest.mark.parametrize("status", sorted(OF_NGINX))
def test_each_error_of_nginx_is_guarded(secured: Front, status: int) -> None:
    """Also those of a request that is none."""
    found, headers = answered(secured.tls_port, OF_NGINX[status])
    assert found == status
    assert_guarded(headers)


def test_what_is_over_the_limit_or_has_nobody_to_answer_is_guarded(
    require_nginx: str, tmp_path: Path, certificate: Path
) -> None:
    """429 and 503."""
    request = b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
    with front(tmp_path, free_port(), certificate.parent, limits=TWICE) as nginx:
        for expected in (503, 503, 429):
            status, headers = answered(nginx.tls_port, request)
            assert status == expected
            assert_guarded(headers)


def test_a_redirect_from_plain_http_is_guarded(secured: Front) -> None:
    """But for HSTS, which counts over TLS alone (RFC 6797, 7.2)."""
    status, headers = answered(secured.port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", tls=False)
    assert status == 308
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "nginx"
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize("kind", OF_THE_SERVICE)
def test_each_answer_of_the_service_is_guarded(served: Front, kind: str) -> None:
    """Of the application and of gunicorn, through nginx."""
    _, headers = answered(served.tls_port, OF_THE_SERVICE[kind])
    assert_guarded(headers)
