"""Beside the way of the data: the project's nginx.conf in a real nginx, and a server behind it.

The server says what reached it, so that a test sees what nginx passes on.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.nginx import start_nginx
from tests.support.nginx_conf import UNLIMITED, Limits, nginx_conf
from tests.support.processes import Server, free_port

LIMIT = 100_000
HELD = ("/held", "/events/stream", "/events?wait=20")


class Upstream(ThreadingHTTPServer):
    """Answers with what reached it; /slow and the paths of HELD hold their answer back until
    `released`, /broken gives none."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.paths: list[str] = []
        self.held: list[str] = []
        self.port: int = self.server_address[1]
        self.released = threading.Event()


class Echo(BaseHTTPRequestHandler):
    """One request to Upstream."""

    server: Upstream
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/slow":
            self.server.released.wait(10)
        if self.path in HELD:
            self.server.held.append(self.path)
            self.server.released.wait(10)
        if self.path in {"/slow", "/broken"}:
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.answer({"headers": headers, "length": len(body), "port": self.client_address[1]})

    do_POST = do_GET  # noqa: N815 - the base class looks for this name

    def answer(self, body: object) -> None:
        """Send it as JSON, with the status that the path asks for."""
        content = json.dumps(body).encode()
        self.send_response(int(self.path[1:]) if self.path[1:].isdigit() else 200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Request-ID", "the-application's")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Keep quiet."""


@dataclass
class Answer:
    """What came back, its body as JSON."""

    status: int
    headers: Message
    body: Any


@dataclass
class Front:
    """An nginx with the project's configuration."""

    server: Server
    port: int
    tls_port: int

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
    ) -> Answer:
        """Send one request over plain HTTP; a body that is an iterator goes in chunks."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            return exchange(connection, path, headers, body)

    def send(self, request: bytes, port: int | None = None) -> Answer:
        """Send these very bytes."""
        with socket.create_connection(("127.0.0.1", port or self.port), timeout=10) as connection:
            connection.sendall(request)
            with closing(http.client.HTTPResponse(connection)) as response:
                response.begin()
                return Answer(response.status, response.headers, json.loads(response.read()))


def assert_own_error(answer: Answer, status: int, *words: str) -> None:
    """The answer is nginx's own: the envelope with its status, a sentence and a request id."""
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"]
    message = answer.body["error"].pop("message")
    assert answer.body == {"success": False, "error": {"code": status, "details": {}}}
    for word in words:
        assert word in message


def exchange(
    connection: http.client.HTTPConnection,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterator[bytes] | None = None,
) -> Answer:
    """Send one request over this connection and read its answer."""
    connection.request(
        "GET" if body is None else "POST",
        path,
        body,
        headers or {},
        encode_chunked=isinstance(body, Iterator),
    )
    response = connection.getresponse()
    return Answer(response.status, response.headers, json.loads(response.read()))


@contextmanager
def front(
    directory: Path,
    upstream: int,
    tls_directory: Path | None = None,
    *,
    limits: Limits = UNLIMITED,
    timeout: str = "30s",
    tls_public_port: int | None = None,
    before: Sequence[str] = (),
    user: str | None = None,
) -> Iterator[Front]:
    """Run nginx before the loopback port `upstream`, with LIMIT.

    `before` and `user` are as in start_nginx(). Clients are sent to `tls_public_port`, or to where
    nginx listens for TLS.
    """
    port, tls_port = free_port(), free_port()
    conf = nginx_conf(
        listen=port,
        tls_listen=tls_port,
        upstream=upstream,
        max_body=LIMIT,
        timeout=timeout,
        tls_directory=tls_directory,
        tls_public_port=tls_public_port,
        limits=limits,
    )
    server = start_nginx(conf, directory, port=port, before=before, user=user)
    try:
        yield Front(server, port, tls_port)
    finally:
        server.stop()
