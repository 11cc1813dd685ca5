"""Beside the way of the data: the threads that handle requests, in lanes that do not share any.

Probes have a lane of their own, so that health and metrics are answered while all other threads
wait for a store.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from app.server.admission import Admission, Timed
from app.server.connections import Connection

PROBE_THREADS = 4
_PROBES = (b"GET /health/", b"HEAD /health/", b"GET /metrics", b"HEAD /metrics")
_LONGEST = max(map(len, _PROBES))


class Overloaded(Exception):
    """A request cannot be answered in time, and was not begun."""


def is_probe(conn: Connection) -> bool:
    """Whether the request that has arrived on the connection asks for health or metrics."""
    return bytes(conn.parser.unreader.buf.getbuffer()[:_LONGEST]).startswith(_PROBES)


class Lane:
    """A pool of threads with the requests that wait for one. All but `handle`, which runs in a
    thread of the pool, runs in the accepting thread."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        threads: int,
        handle: Callable[[Connection], bool],
        done: Callable[[Connection, Future[bool]], None],
    ) -> None:
        """`done` gets each connection whose request was handled, or cancelled before it began, in
        any thread."""
        self._pool = pool
        self._admission = Admission(threads)
        self._handle = handle
        self._done = done
        self._futures: dict[Timed, Future[bool]] = {}

    @property
    def is_busy(self) -> bool:
        """Whether requests wait for a thread."""
        return self._admission.waiting > 0

    def enter(self, conn: Connection) -> None:
        """Handle the connection's request in a thread, once one is free. Raises Overloaded."""
        if not self._admission.admits(conn.sock):
            raise Overloaded
        self._admission.enter(conn.sock)
        future = self._futures[conn.sock] = self._pool.submit(self._handle, conn)
        future.add_done_callback(lambda ended: self._done(conn, ended))

    def leave(self, conn: Connection) -> None:
        """The connection's request is over, whether it was handled or cancelled."""
        if self._futures.pop(conn.sock, None) is not None:
            self._admission.leave(conn.sock)

    def cancel_hopeless(self) -> None:
        """Cancel the waiting requests that can no longer be answered in time."""
        if not self.is_busy:  # called after every event: an estimate for nobody costs as much
            return
        for request in self._admission.hopeless():
            if self._futures[request].cancel():
                self._admission.leave(request)

    def close(self) -> None:
        """Take no more requests; those that are there are still handled."""
        self._pool.shutdown(wait=False)
