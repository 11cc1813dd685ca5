"""Asks a service for its figures: GET /metrics, within bounds of time and size."""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from urllib.parse import SplitResult, urlsplit

from app.application.deadline import Deadline
from app.cli.top.reading import NotFigures, Reading, read

PATIENCE_SECONDS = 5.0
"""How long the service may take for its whole answer. It asks the store for half a second at most:
the rest is for a machine that has too much to do."""
READING_THREAD = "reading"
"""The name of the thread that reads an answer."""
MAX_BYTES = 1_048_576
"""Several times what a service with many workers and routes answers."""

_HINTS = {
    404: "; nginx does not pass it on, so ask gunicorn itself",
    421: "; the service does not go by this host name while it needs no API key: name it in"
    " ALLOWED_HOSTS, or ask by the address that it listens on",
    503: "; all threads that answer such requests are taken",
}


class NoReading(Exception):
    """The figures cannot be had; the message is a sentence."""


class Source:
    """A service's figures. `url` is the service's, such as http://127.0.0.1:8000. Raises
    ValueError, with what is wrong, if it is not such a URL."""

    def __init__(self, url: str) -> None:
        self._parts = _parts(url)
        path = self._parts.path.rstrip("/").removesuffix("/metrics")
        self.url = f"{self._parts.scheme}://{self._parts.netloc}{path}"
        self._target = f"{path}/metrics"

    def read(self) -> Reading:
        """What the service has counted until now. Raises NoReading."""
        asked = f"GET {self.url}/metrics"
        connection = self._connection()
        try:
            return read(*_within(PATIENCE_SECONDS, connection, self._answer))
        except NotFigures as error:
            raise NoReading(f"{asked} is answered {error}") from error
        except TimeoutError as error:
            limit = f"{PATIENCE_SECONDS:g} s"
            raise NoReading(f"{asked} is not answered within {limit}") from error
        except (OSError, UnicodeError) as error:  # UnicodeError: no name that could be looked up
            why = getattr(error, "strerror", None) or str(error)
            raise NoReading(f"{self.url} cannot be reached: {why}") from error
        except http.client.HTTPException as error:
            raise NoReading(f"{asked} is not answered in HTTP") from error

    def _connection(self) -> http.client.HTTPConnection:
        # Neither a proxy of the environment nor a redirection is followed: the figures are to be
        # those of the process that was named.
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(str(self._parts.hostname), self._parts.port, timeout=PATIENCE_SECONDS)

    def _answer(self, connection: http.client.HTTPConnection) -> tuple[str, float]:
        """The text, and when it had come."""
        deadline = Deadline.after(PATIENCE_SECONDS)
        connection.request("GET", self._target, headers={"Connection": "close"})
        with connection.getresponse() as response:
            if response.status != http.client.OK:
                raise NotFigures(f"{response.status}{_HINTS.get(response.status, '')}")
            body = bytearray()
            while chunk := response.read1(65_536):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise NotFigures(f"with more than {MAX_BYTES:,} bytes")
                if deadline.expired:
                    raise TimeoutError
            if response.length:
                raise NotFigures("with an end missing")
        try:
            return body.decode(), time.monotonic()
        except UnicodeDecodeError as error:
            raise NotFigures("not with text") from error


def _parts(url: str) -> SplitResult:
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("it holds characters that no URL has")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write it as http://HOST:PORT")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("it can have no user, no query and no fragment: no key is needed")
    _ = parts.port  # raises ValueError
    return parts


def _within(
    seconds: float,
    connection: http.client.HTTPConnection,
    ask: Callable[[http.client.HTTPConnection], tuple[str, float]],
) -> tuple[str, float]:
    """What `ask` returns or raises, or TimeoutError. It runs in a thread that may be left behind:
    a time-out of the socket begins anew with every byte, and a name server obeys none."""
    outcome: SimpleQueue[tuple[str, float] | Exception] = SimpleQueue()

    def work() -> None:
        try:
            outcome.put(ask(connection))
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            outcome.put(error)
        finally:
            connection.close()

    threading.Thread(target=work, name=READING_THREAD, daemon=True).start()
    try:
        found = outcome.get(timeout=seconds)
    except Empty:
        _hang_up(connection)
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """End the thread's waiting."""
    sock: socket.socket | None = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
