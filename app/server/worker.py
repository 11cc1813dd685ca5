"""gunicorn's threaded worker, with two changes: errors outside the application are answered in the
envelope too, and no thread waits for a client that sends or closes slowly."""

import logging
import os
import queue
import socket
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from gunicorn.config import Config
from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers import base
from gunicorn.workers.gthread import ThreadWorker
from gunicorn.workers.workertmp import WorkerTmp
from werkzeug.exceptions import RequestTimeout

from app.server.balance import AcceptBalance, OpenConnections
from app.server.connections import AwaitingRequest, Connection, LingeringClose
from app.server.lanes import PROBE_THREADS, Lane, Overloaded, is_probe
from app.server.refusals import Wishes, refusal_of
from app.server.request import TimedBody, with_budget
from app.server.socket import ClientSocket

access = logging.getLogger("app.access")

# Connections inherit this size. The kernel's default grows to 4 MiB: so much memory could a client
# hold that has stopped reading, and so much would an event stream write before it is noticed.
_SEND_BUFFER_BYTES = 131_072
_QUEUE_CHECK_SECONDS = 0.05
_UNREAD_BODY_SECONDS = 1.0
_UNREAD_BODY_BYTES = 65_536


class _Heartbeat(WorkerTmp):
    """The file whose modification time shows the master that a worker is alive. It is in memory: a
    file in a folder would stall with the disk, and could not be made in a full one."""

    seconds_sooner = 0.0
    """How much sooner than others the worker is replaced for giving no sign of life."""

    def __init__(self, _: Config) -> None:
        self._tmp = os.fdopen(os.memfd_create("heartbeat"), "w+b", 0)

    def last_update(self) -> float:
        """See `gunicorn.workers.workertmp.WorkerTmp`."""
        last: float = super().last_update()
        return last - self.seconds_sooner


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
        self._has_closed = False
        self._quits = False
        self._has_met_connection = False
        self.balance = AcceptBalance(OpenConnections(1), 0)  # until it is given one: it is alone

    def load_wsgi(self) -> None:
        """See `gunicorn.workers.base.Worker`."""
        super().load_wsgi()
        self._budget: float = self.wsgi.config["REQUEST_TIMEOUT"]
        self.wsgi.wsgi_app = with_budget(self.wsgi.wsgi_app)

    def run(self) -> None:
        """See `gunicorn.workers.base.Worker`."""
        self._lingering = LingeringClose(self.poller, self._close)
        self._awaiting = AwaitingRequest(
            self.poller, self.cfg.limit_request_line, self._start, self._refuse, self._close
        )
        self._main = Lane(self.tpool, self.cfg.threads, self.handle, self._done)
        probing = ThreadPoolExecutor(PROBE_THREADS, "probe")
        self._probes = Lane(probing, PROBE_THREADS, self.handle, self._done)
        for listener in self.sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        threading.Thread(target=self._end_event_streams, name="end-streams", daemon=True).start()
        super().run()
        self._probes.close()

    def enqueue_req(self, conn: Connection) -> None:
        """Hand the connection to a thread as soon as it has a complete request."""
        if not conn.initialized:
            conn.sock = ClientSocket(conn.sock, self._budget)
            conn.init()
        self._awaiting.add(conn)

    def handle(self, conn: Connection) -> bool:
        """Handle the connection's request. Runs in a thread of a lane."""
        conn.sock.begun = time.monotonic()
        try:
            kept: bool = super().handle(conn)
            return kept
        finally:
            conn.sock.ended = time.monotonic()

    def handle_request(self, req: Any, conn: Connection) -> bool:  # noqa: ANN401 - gunicorn's
        """Call the application. Runs in a request's thread."""
        req.body.reader = TimedBody(req)
        kept: bool = super().handle_request(req, conn)
        return kept

    def accept(self, listener: socket.socket) -> None:
        """Accept the connection that waits, or leave it to a worker that has fewer."""
        self._has_met_connection = True
        if self.alive and self.balance.gives_way(self.nr_conns):
            super().set_accept_enabled(False)
            return
        super().accept(listener)
        self.balance.publish(self._acceptable())

    def _acceptable(self) -> int | None:
        """How many connections the worker has, if it accepts more."""
        accepts = self.alive and self.nr_conns < self.worker_connections
        return self.nr_conns if accepts else None

    def set_accept_enabled(self, enabled: bool) -> None:
        """See `ThreadWorker`. A worker that is stopping first accepts every connection that waits,
        then closes its listening sockets: the kernel would go on accepting for it, and reset those
        connections in the end, with their requests. A proxy then finds the port closed, and asks
        another instance."""
        if enabled and self.balance.paused_until > time.monotonic():
            return  # it gives way; gunicorn asks again in each turn
        super().set_accept_enabled(enabled)
        if enabled or self.alive or self._has_closed:
            return
        self._has_closed = True
        self.balance.publish(None)
        for listener in self.sockets:
            before = -1
            while before != self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
            listener.close()

    def finish_request(self, conn: Connection, fs: Future[bool]) -> None:
        """Keep the connection for its next request, or begin to close it. Runs in the accepting
        thread."""
        conn.lane.leave(conn)
        if fs.cancelled():
            self._refuse(conn, Overloaded())
        elif fs.exception() is None and fs.result():
            super().finish_request(conn, fs)
        else:
            self._lingering.add(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Dispatch what the poller reports, then close connections past their deadlines. Runs in
        the accepting thread."""
        if self._quits:
            sys.exit(0)
        now = time.monotonic()
        due = min(self._awaiting.due(), self._lingering.due()) - now
        if self._main.is_busy or self._probes.is_busy:
            due = min(due, _QUEUE_CHECK_SECONDS)
        if self.balance.paused_until > now:
            due = min(due, self.balance.paused_until - now)
        self._has_met_connection = False
        self.balance.begin_turn(self._acceptable())
        super().wait_for_and_dispatch_events(max(0.0, min(timeout, due)))
        if self._accepting and not self._has_met_connection:
            self.balance.is_idle()
        self._main.cancel_hopeless()
        self._probes.cancel_hopeless()
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

    def _start(self, conn: Connection) -> None:
        """Give the connection's request to a thread, or refuse it."""
        conn.lane = self._probes if is_probe(conn) else self._main
        try:
            conn.lane.enter(conn)
        except Overloaded as error:
            self._refuse(conn, error)

    def _done(self, conn: Connection, future: Future[bool]) -> None:
        self.method_queue.defer(self.finish_request, conn, future)

    def _refuse(self, conn: Connection, error: Exception) -> None:
        self._answer(error, conn.sock, Wishes.of(conn))
        self._lingering.add(conn)

    def _close(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401 - gunicorn's
        """SIGTERM: stop gracefully."""
        self._stopping.put(None)
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:  # noqa: ANN401 - gunicorn's
        """SIGQUIT or SIGINT: stop quickly, at the beginning of the accepting thread's next turn;
        Python waits for the threads of requests in this case too. gunicorn's own handler exits at
        once, wherever that thread is: if it is just starting a thread of the pool, which may have
        its lock, Python would wait for ever for that thread, or for the lock."""
        self._quits = True
        self.handle_exit(sig, frame)

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
        """Answer `exc`; gunicorn closes the connection after it."""
        self._answer(exc, client, Wishes())

    def _answer(self, error: BaseException, client: Any, wishes: Wishes) -> None:  # noqa: ANN401
        refusal = refusal_of(error)
        if refusal.is_fault:
            self.log.error("a request could not be handled", exc_info=error)
        elif not isinstance(error, Overloaded):  # those may be many, and have an access line each
            self.log.info("refused a request: %s", type(error).__name__)
        self._account_for(error, refusal.status, wishes.request_id)
        try:
            write_nonblock(client, refusal.answer(wishes))
        except OSError:
            self.log.debug("the client did not wait for the answer")

    def _account_for(self, error: BaseException, status: int, request_id: str) -> None:
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
        telemetry = self.wsgi.extensions["services"].telemetry
        telemetry.request_answered("other", "unparsed", status, 0)
        if isinstance(error, Overloaded):
            telemetry.refused("overload")
