"""Before the way of the data: clients that register carriers over HTTP, as fast as answers come.

One thread and one selector drive all the connections. Requests are put together with one join and
answers are read as far as their length, which leaves the cores to the server.
"""

import itertools
import json
import operator
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

CONNECTIONS = 16
"""Requests in flight at any time."""

_PATIENCE_SECONDS = 30.0
_CREATED = b"HTTP/1.1 201 "
_LENGTH = b"\r\nContent-Length: "
_HEAD_END = b"\r\n\r\n"
_PROCESS = uuid4().hex[:8]
_numbers = itertools.count(1)


class WrongAnswer(Exception):
    """A server did not answer 201: whatever was measured then says nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many registrations were answered in how many seconds, and how long each took."""

    answers: int
    seconds: float
    taken: Sequence[float]

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds

    def within(self, share: float) -> float:
        """The seconds in which that share of all, such as 0.99, was answered."""
        return sorted(self.taken)[int(share * (len(self.taken) - 1))]


def new_carrier() -> tuple[str, str]:
    """A name and an e-mail address that nobody has had before."""
    number = next(_numbers)
    return f"Carrier {_PROCESS} {number}", f"contact{number}@{_PROCESS}.example.com"


def register(
    port: int,
    seconds: float,
    connections: int = CONNECTIONS,
    api_key: str | None = None,
    *,
    begun: Callable[[], object] = lambda: None,
    over: Callable[[], object] = lambda: None,
) -> Load:
    """Keep `connections` kept-alive connections to the loopback port busy for `seconds`.

    With an API key each request also carries an Idempotency-Key of its own. `begun` is called when
    all have been connected and the time begins, `over` when it ends and they are still connected.
    Raises WrongAnswer unless every answer is 201.
    """
    with _Clients(port, api_key) as clients:
        # One after the other, as clients come: a worker that is busy with the first ones leaves
        # the next to another. Sixteen at once were all taken by whichever worker woke up first.
        for connected in range(1, connections + 1):
            clients.add()
            clients.serve(partial(operator.le, connected))
        clients.taken.clear()
        begun()
        started = time.monotonic()
        answers = clients.serve(lambda _: time.monotonic() - started >= seconds)
        ended = time.monotonic()
        over()
        return Load(answers, ended - started, clients.taken)


class _Clients:
    """Connections in use, which all ask again as soon as they are answered."""

    def __init__(self, port: int, api_key: str | None) -> None:
        self._port = port
        self._api_key = api_key
        self._waiting = selectors.DefaultSelector()
        self.taken: list[float] = []

    def __enter__(self) -> "_Clients":
        return self

    def __exit__(self, *_: object) -> None:
        for key in list(self._waiting.get_map().values()):
            key.data.socket.close()
        self._waiting.close()

    def add(self) -> None:
        """Connect one more and let it ask."""
        client = _Client(self._port, self._api_key)
        self._waiting.register(client.socket, selectors.EVENT_READ, client)
        client.send()

    def serve(self, is_over: Callable[[int], bool]) -> int:
        """Take answers and ask again until `is_over`, which is told how many they were."""
        answers = 0
        while not is_over(answers):
            ready = self._waiting.select(_PATIENCE_SECONDS)
            if not ready:
                raise WrongAnswer(f"no answer within {_PATIENCE_SECONDS:g} s")
            for key, _ in ready:
                client: _Client = key.data
                if client.is_answered():
                    answers += 1
                    self.taken.append(time.monotonic() - client.asked_at)
                    client.send()
        return answers


class _Client:
    """One connection with one request in flight."""

    def __init__(self, port: int, api_key: str | None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._keyed = api_key is not None
        authorization = f"Authorization: Bearer {api_key}\r\n" if api_key else ""
        self._head = (
            f"POST /register-carrier HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{authorization}"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._received = b""
        self.asked_at = 0.0

    def send(self) -> None:
        """Ask for a carrier of its own."""
        name, email = new_carrier()
        body = json.dumps({"name": name, "email": email}).encode()
        key = b"\r\nIdempotency-Key: %b" % email.encode() if self._keyed else b""
        self.asked_at = time.monotonic()
        self.socket.sendall(b"%b%d%b%b%b" % (self._head, len(body), key, _HEAD_END, body))

    def is_answered(self) -> bool:
        """Take what has come; whether that completes the answer."""
        received = self._received = self._received + self.socket.recv(65_536)
        if not received:
            raise WrongAnswer("the server closed the connection")
        head, end, body = received.partition(_HEAD_END)
        if not end:
            return False
        _, found, rest = head.partition(_LENGTH)
        if not found or not head.startswith(_CREATED):
            raise WrongAnswer(received.decode(errors="replace"))
        if len(body) < int(rest.partition(b"\r")[0]):
            return False
        self._received = b""
        return True
