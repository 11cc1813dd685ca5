"""Beside the way of the data: connections without a thread, watched by the accepting thread.

`AwaitingRequest` holds connections whose next request is incomplete, `LingeringClose` connections
after their last answer whose client has not closed yet. A connection costs a file descriptor and
at most 64 KiB of memory, and each has a deadline.
"""

import math
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from itertools import islice, takewhile
from typing import Any

from gunicorn.http.errors import ParseException

from app.server.arrival import missing

# gunicorn's TConn, which carries no types; its `sock` is a ClientSocket.
Connection = Any
Step = Callable[[], None]

_READ_BYTES = 65_536
_LEAVE_SECONDS = 2.0
_LEAVE_BYTES = 1_048_576


class AwaitingRequest:
    """Connections that wait for the rest of a request, in the order of their deadlines."""

    def __init__(
        self,
        poller: selectors.BaseSelector,
        longest_line: int,
        ready: Callable[[Connection], None],
        refuse: Callable[[Connection, Exception], None],
        close: Callable[[Connection], None],
    ) -> None:
        """`ready` gets a connection whose request is complete, `refuse` one with an error to
        answer, `close` one that is closed without an answer."""
        self._poller = poller
        self._longest_line = longest_line
        self._ready = ready
        self._refuse = refuse
        self._close = close
        self._waiting: dict[Connection, None] = {}

    def add(self, conn: Connection) -> None:
        """Let the connection wait for its next request, unless the request is already complete."""
        conn.sock.begin()
        conn.sock.received += conn.parser.unreader.take_buffered()
        step = (conn.sock.received and self._next_step(conn)) or self._read(conn)
        if step:
            step()
            return
        self._waiting[conn] = None
        watch = partial(self._readable, conn)
        self._poller.register(conn.sock, selectors.EVENT_READ, watch)

    def due(self) -> float:
        """The earliest deadline, on the monotonic clock; infinity if there is none."""
        return next((float(conn.sock.deadline) for conn in self._waiting), math.inf)

    def expire(self, now: float) -> None:
        """Give up the connections whose budget is spent at `now`."""
        for conn in list(takewhile(lambda conn: conn.sock.deadline <= now, self._waiting)):
            self._give_up(conn)

    def hurry(self, deadline: float) -> None:
        """Let no connection wait beyond `deadline`."""
        for conn in self._waiting:
            conn.sock.deadline = min(conn.sock.deadline, deadline)

    def make_room(self) -> None:
        """Give up the connection that has waited longest, if there is one."""
        for conn in list(islice(self._waiting, 1)):
            self._give_up(conn)

    def _readable(self, conn: Connection, _: socket.socket) -> None:
        if not conn.sock.received:  # the request's first byte: the budget starts now
            conn.sock.begin()
            del self._waiting[conn]
            self._waiting[conn] = None
        if step := self._read(conn):
            self._forget(conn)
            step()

    def _read(self, conn: Connection) -> Step | None:
        """Read what has arrived; return what to do with the connection, None to wait for more."""
        try:
            arrived = conn.sock.receive(_READ_BYTES)
        except OSError:
            return partial(self._close, conn)
        if arrived is None:
            return None
        conn.sock.received += arrived
        if not conn.sock.received:
            return partial(self._close, conn)
        if not arrived:
            return partial(self._hand_over, conn)  # the parser finds that the request ends early
        return self._next_step(conn)

    def _next_step(self, conn: Connection) -> Step | None:
        try:
            waits = missing(conn.sock.received, self._longest_line)
        except ParseException as error:
            return partial(self._refuse, conn, error)
        return None if waits else partial(self._hand_over, conn)

    def _hand_over(self, conn: Connection) -> None:
        conn.parser.unreader.unread(bytes(conn.sock.received))
        conn.sock.received.clear()
        conn.data_ready = True  # or the thread would wait for more
        self._ready(conn)

    def _give_up(self, conn: Connection) -> None:
        self._forget(conn)
        if conn.sock.received:
            self._refuse(conn, TimeoutError())
        else:
            self._close(conn)

    def _forget(self, conn: Connection) -> None:
        del self._waiting[conn]
        self._poller.unregister(conn.sock)


class LingeringClose:
    """Connections after their last answer, in the order of their deadlines.

    Closing a connection with unread bytes resets it, and the client may lose the answer. So the
    server reads and discards what the client still sends until the client closes, or for two
    seconds (RFC 9112, section 9.6).
    """

    def __init__(self, poller: selectors.BaseSelector, close: Callable[[Connection], None]) -> None:
        self._poller = poller
        self._close = close
        self._waiting: dict[Connection, float] = {}

    def add(self, conn: Connection) -> None:
        """Shut down the sending side, and wait until the client closes."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        if self._is_finished(conn):
            self._close(conn)
            return
        self._waiting[conn] = time.monotonic() + _LEAVE_SECONDS
        self._poller.register(conn.sock, selectors.EVENT_READ, partial(self._readable, conn))

    def due(self) -> float:
        """The earliest deadline, on the monotonic clock; infinity if there is none."""
        return next(iter(self._waiting.values()), math.inf)

    def expire(self, now: float) -> None:
        """Close the connections whose deadline has passed at `now`."""
        for conn in list(takewhile(lambda conn: self._waiting[conn] <= now, self._waiting)):
            self._release(conn)

    def make_room(self) -> bool:
        """Close the connection that has waited longest; return False if there is none."""
        for conn in list(islice(self._waiting, 1)):
            self._release(conn)
            return True
        return False

    def _readable(self, conn: Connection, _: socket.socket) -> None:
        if self._is_finished(conn):
            self._release(conn)

    def _is_finished(self, conn: Connection) -> bool:
        """Whether the client has closed, or has sent more than the limit."""
        try:
            arrived = conn.sock.receive(_READ_BYTES)
        except OSError:
            return True
        if arrived is None:
            return False
        conn.sock.discarded += len(arrived)
        return not arrived or conn.sock.discarded > _LEAVE_BYTES

    def _release(self, conn: Connection) -> None:
        del self._waiting[conn]
        self._poller.unregister(conn.sock)
        self._close(conn)
