"""Beside the way of the data: between a client and the service a line that breaks at will."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Fault(Enum):
    """What becomes of a request."""

    BUSY = "it is answered 503 and Retry-After: 1, and never reaches the service"
    UNKNOWN = "the service does it, and the answer is 503 with Retry-After: 1"
    LOST = "the service does it, and the connection breaks before the answer"
    CUT = "the service does it, and half of its answer arrives"


class Line(ThreadingHTTPServer):
    """Passes requests on to a port of this machine; the first ones meet the faults, in turn."""

    daemon_threads = True

    def __init__(self, port: int, faults: Sequence[Fault]) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target = port
        self.faults = list(faults)
        self.keys: list[str | None] = []
        self.arrivals: list[float] = []

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_fault(self) -> Fault | None:
        """The fault of the request that has just come."""
        return self.faults.pop(0) if self.faults else None


class _Passing(BaseHTTPRequestHandler):
    server: Line
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.arrivals.append(time.monotonic())
        self.server.keys.append(self.headers.get("Idempotency-Key"))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.next_fault()
        if fault is not Fault.BUSY:
            status, content = self._passed_on(body)
        if fault in {Fault.BUSY, Fault.UNKNOWN}:
            status, content = 503, b"{}"
        if fault is Fault.LOST:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if fault in {Fault.BUSY, Fault.UNKNOWN}:
            self.send_header("Retry-After", "1")
        self.end_headers()
        if fault is Fault.CUT:
            content = content[: len(content) // 2]
            self.close_connection = True
        with suppress(ConnectionError):  # a client that was killed reads no answer
            self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - the base class looks for this name

    def _passed_on(self, body: bytes) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.target)) as connection:
            connection.request(self.command, self.path, body or None, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, answer.read()

    def log_message(self, *_: object) -> None:
        """Nothing: what came is in the lists."""


@contextmanager
def unreliable(port: int, *faults: Fault) -> Iterator[Line]:
    """A line to this port, for as long as the block runs."""
    line = Line(port, faults)
    thread = threading.Thread(target=line.serve_forever)
    thread.start()
    try:
        yield line
    finally:
        line.shutdown()
        thread.join()
        line.server_close()
