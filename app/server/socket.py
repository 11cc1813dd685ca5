"""Beside the way of the data: a client's connection with time limits on reads and writes.

gunicorn reads and writes a request's socket without a time-out; `ClientSocket` adds two limits. A
request has one budget, from its first byte to the last byte of its answer. An answer of unknown
length (an event stream, a CSV file) may take as long as the client keeps reading.
"""

import errno
import logging
import math
import select
import socket
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

log = logging.getLogger("app.socket")

# The longest pause between two attempts to write: poll reports a full send buffer as writable only
# once a third of it is free.
_RETRY_SECONDS = 1.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ClientSocket(socket.socket):
    """A connection whose `recv` and `sendall` wait no longer than the budget of its request.

    `received` holds the bytes read of a request before a thread handles it; `discarded` counts the
    bytes read after the last answer. `begun` and `ended` say when a thread took the request and was
    done with it, on the monotonic clock (0 until then); `is_held` whether the request keeps its
    thread without working, as listeners do.
    """

    def __init__(self, accepted: socket.socket, budget: float) -> None:
        """Take over the accepted connection; each request on it has `budget` seconds."""
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self.setblocking(True)
        self.received = bytearray()
        self.discarded = 0
        self._budget = budget
        self.begin()

    def begin(self) -> None:
        """Start the budget of the next request."""
        self.deadline = time.monotonic() + self._budget
        self.begun = self.ended = 0.0
        self.is_held = False
        self._endless = False

    def hurry(self, seconds: float) -> None:
        """Cut what is left of the budget to `seconds`."""
        self.deadline = min(self.deadline, time.monotonic() + seconds)

    def hold(self) -> None:
        """The request waits from now on, or its answer goes on: the time that it takes says nothing
        of that of others."""
        self.is_held = True

    def answer_is_endless(self) -> None:
        """From now on a write fails only if the client reads nothing for a whole budget."""
        self.hold()
        self._endless = True

    def receive(self, size: int) -> bytes | None:
        """Read at most `size` bytes without waiting: b"" at the end of the connection, None if
        nothing has arrived. Raises OSError."""
        try:
            return super().recv(size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """See `socket.socket.recv`. Raises TimeoutError when the request's budget is spent."""
        while True:
            try:
                return super().recv(bufsize, flags | socket.MSG_DONTWAIT)
            except BlockingIOError:
                if flags & socket.MSG_DONTWAIT or self.gettimeout() == 0:
                    raise
                left = self.deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError("the request did not arrive in time") from None
                self._wait(select.POLLIN, left)

    def sendall(self, data: "ReadableBuffer", flags: int = 0) -> None:
        """See `socket.socket.sendall`. If the client reads too slowly, drops the unsent bytes and
        raises BrokenPipeError."""
        rest = memoryview(data).cast("B")
        limit = self._write_limit()
        while rest:
            try:
                rest = rest[super().send(rest, flags | socket.MSG_DONTWAIT) :]
                limit = self._write_limit()
            except BlockingIOError:
                left = limit - time.monotonic()
                if self.gettimeout() == 0:
                    raise
                if left <= 0:
                    raise self._cut_off() from None
                self._wait(select.POLLOUT, min(left, _RETRY_SECONDS))

    def _write_limit(self) -> float:
        return time.monotonic() + self._budget if self._endless else self.deadline

    def _cut_off(self) -> BrokenPipeError:
        # Otherwise the kernel would keep the unsent bytes, and the connection, for the client.
        self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        log.info("a client read its answer too slowly and was cut off")
        return BrokenPipeError(errno.EPIPE, "the client does not read")

    def _wait(self, event: int, seconds: float) -> None:
        poll = select.poll()
        poll.register(self, event)
        poll.poll(math.ceil(seconds * 1000))
