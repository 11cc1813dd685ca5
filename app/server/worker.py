"""gunicorn's threaded worker, with two changes: errors outside the application are answered in the
envelope too, and no thread waits for a client that sends or closes slowly."""

import json
import logging
import os
import queue
import socket
import threading
import time
from concurrent.futures import Future
from typing import Any
from uuid import uuid4

from gunicorn.config import Config
from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers import base
from gunicorn.workers.gthread import ThreadWorker
from gunicorn.workers.workertmp import WorkerTmp
from werkzeug.exceptions import RequestTimeout

from app.server.connections import AwaitingRequest, Connection, LingeringClose
from app.server.request import TOO_SLOW, TimedBody, with_budget
from app.server.socket import ClientSocket

access = logging.getLogger("app.access")

_BAD_REQUEST = (400, "Bad Request", "This is not a valid HTTP request")
_INTERNAL = (500, "Internal Server Error", "Something went wrong here; the log tells what")
# Connections inherit this size. The kernel's default grows to 4 MiB: so much memory could a client
# hold that has stopped reading, and so much would an event stream write before it is noticed.
_SEND_BUFFER_BYTES = 131_072
_UNREAD_BODY_SECONDS = 1.0
_UNREAD_BODY_BYTES = 65_536

# As the application says. The master, which imports this module, must not import the application:
# its new workers would have old code after a reload.
_FOR_BROWSERS = (
    "X-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
)

# The first entry whose type fits is the answer.
_ANSWERS: tuple[tuple[type[Exception], tuple[int, str, str]], ...] = (
    (errors.LimitRequestLine, (414, "URI Too Long", "The address is too long")),
    (
        errors.LimitRequestHeaders,
        (431, "Request Header Fields Too Large", "The headers are too many or too large"),
    ),
    (
        errors.UnsupportedTransferCoding,
        (501, "Not Implemented", "This Transfer-Encoding is not known; send a Content-Length"),
    ),
    (errors.ExpectationFailed, (417, "Expectation Failed", "Only 100-continue can be expected")),
    (TimeoutError, (408, "Request Timeout", TOO_SLOW)),
    (errors.ConfigurationProblem, _INTERNAL),
    (errors.ParseException, _BAD_REQUEST),
)


class _Heartbeat(WorkerTmp):
    """The file whose modification time shows the master that a worker is alive. It is in memory: a
    file in a folder would stall with the disk, and could not be made in a full one."""

    def __init__(self, _: Config) -> None:
        self._tmp = os.fdopen(os.memfd_create("heartbeat"), "w+b", 0)


if hasattr(os, "memfd_create"):  # else it is gunicorn's own, in the temporary folder
    base.WorkerTmp = _Heartbeat


class EnvelopeWorker(ThreadWorker):
    """A `gthread` worker whose own error pages are JSON, and whose log never quotes a client.

    A connection occupies a thread only while its request is handled: until the request is complete,
    and after the last answer, the accepting thread watches the connection. A worker that is stopped
    ends the event streams, which have no end of their own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - gunicorn's
        super().__init__(*args, **kwargs)
        # A signal handler may use it: `SimpleQueue.put` is documented as reentrant, while a lock
        # could be held by the interrupted code.
        self._stopping: queue.SimpleQueue[None] = queue.SimpleQueue()

    def load_wsgi(self) -> None:
        """See `gunicorn.workers.base.Worker`."""
        super().load_wsgi()
        self._budget: float = self.wsgi.config["REQUEST_TIMEOUT"]
        self.wsgi.wsgi_app = with_budget(self.wsgi.wsgi_app)

    def run(self) -> None:
        """See `gunicorn.workers.base.Worker`."""
        self._lingering = LingeringClose(self.poller, self._close)
        self._awaiting = AwaitingRequest(
            self.poller, self.cfg.limit_request_line, super().enqueue_req, self._refuse, self._close
        )
        for listener in self.sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        threading.Thread(target=self._end_event_streams, name="end-streams", daemon=True).start()
        super().run()

    def enqueue_req(self, conn: Connection) -> None:
        """Hand the connection to a thread as soon as it has a complete request."""
        if not conn.initialized:
            conn.sock = ClientSocket(conn.sock, self._budget)
            conn.init()
        self._awaiting.add(conn)

    def handle_request(self, req: Any, conn: Connection) -> bool:  # noqa: ANN401 - gunicorn's
        """Call the application. Runs in a request's thread."""
        req.body.reader = TimedBody(req)
        kept: bool = super().handle_request(req, conn)
        return kept

    def finish_request(self, conn: Connection, fs: Future[bool]) -> None:
        """Keep the connection for its next request, or begin to close it. Runs in the accepting
        thread."""
        if not fs.cancelled() and fs.exception() is None and fs.result():
            super().finish_request(conn, fs)
        else:
            self._lingering.add(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Dispatch what the poller reports, then close connections past their deadlines. Runs in
        the accepting thread."""
        due = min(self._awaiting.due(), self._lingering.due()) - time.monotonic()
        super().wait_for_and_dispatch_events(max(0.0, min(timeout, due)))
        now = time.monotonic()
        self._awaiting.expire(now)
        self._lingering.expire(now)
        if self.nr_conns >= self.worker_connections and not self._lingering.make_room():
            self._awaiting.make_room()  # a refused connection lingers as well
            self._lingering.make_room()

    def _cap_keepalive(self, deadline: float) -> None:
        """The worker is stopping: requests that are incomplete have until `deadline`."""
        super()._cap_keepalive(deadline)
        self._awaiting.hurry(deadline)

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """Whether another request can follow on the connection: not if the rest of a body that the
        application did not read is malformed, or does not arrive within a second. Such a rest is
        never answered: a client would take that answer for the one to its next request."""
        if not keepalive:
            return False
        conn.sock.hurry(_UNREAD_BODY_SECONDS)
        try:
            return bool(conn.parser.finish_body(max_bytes=_UNREAD_BODY_BYTES))
        except (RequestTimeout, errors.ParseException):
            return False

    def _refuse(self, conn: Connection, error: Exception) -> None:
        self.handle_error(None, conn.sock, conn.client, error)
        self._lingering.add(conn)

    def _close(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401 - gunicorn's
        """SIGTERM: stop gracefully."""
        self._stopping.put(None)
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:  # noqa: ANN401 - gunicorn's
        """SIGQUIT or SIGINT: stop quickly; Python waits for the threads of requests in this case
        too. gunicorn's own handler also shuts their pool down, for which it takes a lock: if the
        signal interrupts the accepting thread while that hands a request to the pool, the thread
        has the lock already and would wait for itself for ever."""
        self._stopping.put(None)
        base.Worker.handle_quit(self, sig, frame)

    def is_parent_alive(self) -> bool:
        """See `gunicorn.workers.base.Worker`. An orphaned worker stops."""
        alive: bool = super().is_parent_alive()
        if not alive:
            self._stopping.put(None)
        return alive

    def _end_event_streams(self) -> None:
        self._stopping.get()
        self.wsgi.extensions["services"].tail.close()

    def handle_error(
        self,
        req: Any,  # noqa: ANN401 - gunicorn's signature
        client: Any,  # noqa: ANN401
        addr: Any,  # noqa: ANN401
        exc: BaseException,
    ) -> None:
        """Answer `exc` and close; gunicorn closes the connection after it."""
        status, reason, message = next(
            (answer for kind, answer in _ANSWERS if isinstance(exc, kind)), _INTERNAL
        )
        if status == _INTERNAL[0]:
            self.log.error("a request could not be handled", exc_info=exc)
        else:
            self.log.info("refused a request: %s", type(exc).__name__)
        request_id = uuid4().hex
        self._account_for(status, request_id)
        error = {"message": message, "code": status, "details": {}}
        body = json.dumps({"success": False, "error": error}).encode()
        head = (
            f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"{_FOR_BROWSERS}X-Request-ID: {request_id}\r\n\r\n"
        )
        try:
            write_nonblock(client, head.encode() + body)
        except OSError:
            self.log.debug("the client did not wait for the answer")

    def _account_for(self, status: int, request_id: str) -> None:
        """Log and count a request that never reached the application: its method and route are not
        known."""
        access.info(
            "request",
            extra={
                "method": "other",
                "route": "unparsed",
                "status": status,
                "duration_ms": 0.0,
                "request_id": request_id,
            },
        )
        self.wsgi.extensions["services"].telemetry.request_answered("other", "unparsed", status, 0)
