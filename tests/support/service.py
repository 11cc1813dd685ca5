"""Beside the way of the data: the service as an operator runs it, in processes of its own."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import preloaded
from tests.support.processes import Process, Server, Start, free_port, spawn
from tests.support.project import ROOT

SETTINGS = ("APP_", "CASSANDRA_", "EVENT_STORE", "SQLITE_PATH", "LOG_DIR", "HOST", "PORT")
MORE_SETTINGS = (
    *(
        "WORKERS",
        "FOLLOWER",
        "THREADS",
        "LISTENERS",
        "HEARTBEAT",
        "MAX_REQUEST_SIZE",
        "REQUEST_TIMEOUT",
        "PROMETHEUS_",
    ),
    *("KEY_QUOTA", "ADDRESS_QUOTA"),
    *("ALLOW_ANONYMOUS", "ALLOWED_HOSTS", "FORWARDED_", "LOG_CLIENT_", "CORS_ORIGINS", "OTEL_"),
)
FOLLOWER = "carriers-follow"
"""The name, in /proc, of the process that follows."""
GUNICORN = (
    sys.executable,
    "-m",
    "gunicorn",
    "-c",
    str(ROOT / "config/gunicorn.conf.py"),
    "wsgi:app",
)


@dataclass
class Answer:
    """What came back over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """The body."""
        return json.loads(self.body)


def service_environment(folder: Path, **settings: str) -> dict[str, str | None]:
    """An environment of these settings only, for a process that works in the folder."""
    inherited = [name for name in os.environ if name.startswith(SETTINGS + MORE_SETTINGS)]
    return {
        **dict.fromkeys(inherited),
        "PYTHONPATH": str(ROOT),
        "XDG_RUNTIME_DIR": str(folder),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        **settings,
    }


class Service:
    """gunicorn with the project's configuration, on SQLite, working in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        host: str = "127.0.0.1",
        ready: Callable[[Service], bool] | None = None,
        **settings: str,
    ) -> None:
        """It counts as started once `ready`; by default, once it says so itself."""
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.host = host
        self.port = free_port()
        self.database = folder / "var/events.sqlite3"
        # What it prints for people goes elsewhere, so that the log is its stderr alone.
        self.printed = folder / "stdout"
        self.server = Server(
            ["/bin/sh", "-c", 'exec "$@" >>stdout', "sh", *GUNICORN],
            log=folder / "stderr",
            ready=self._is_ready if ready is None else lambda: ready(self),
            env=service_environment(folder, HOST=host, PORT=str(self.port), **settings),
            cwd=folder,
            launch=_launch,
        )

    def __enter__(self) -> Service:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        """A connection, to be closed by the caller."""
        return http.client.HTTPConnection(self.host, self.port, timeout=20)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request over a connection of its own; a body is sent as JSON."""
        with closing(self.connect()) as connection:
            return exchange(connection, method, path, body, headers)

    def send(self, request: bytes, *, half_close: bool = False) -> Answer:
        """These very bytes, and the first answer to them."""
        with socket.create_connection((self.host, self.port), timeout=20) as connection:
            # It may answer and close before it has read all: the answer is what counts.
            with suppress(ConnectionError):
                connection.sendall(request)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            with closing(http.client.HTTPResponse(connection)) as response:
                response.begin()
                return Answer(response.status, dict(response.headers), response.read())

    def events(self) -> list[tuple[str, str]]:
        """Stream and payload of every stored event, from the file."""
        with closing(sqlite3.connect(self.database)) as database:
            return database.execute("SELECT aggregate_id, payload FROM events").fetchall()

    def workers(self) -> list[int]:
        """The process ids of those that serve."""
        return [pid for pid, name in self._processes() if name != FOLLOWER]

    def follower(self) -> int | None:
        """The process id of the one that follows; None while there is none."""
        return next((pid for pid, name in self._processes() if name == FOLLOWER), None)

    def _processes(self) -> Iterator[tuple[int, str]]:
        """What the master has started, by name."""
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children")
        for pid in map(int, children.read_text().split()):
            with suppress(OSError):  # it has ended meanwhile
                yield pid, Path(f"/proc/{pid}/comm").read_text().strip()

    def log_lines(self) -> list[dict[str, Any]]:
        """Every line of stderr, each of which must be JSON."""
        return [json.loads(line) for line in self.server.output().splitlines()]

    def _is_ready(self) -> bool:
        with suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/health/ready").status == 200
        return False


def _launch(what: Start) -> Process:
    """Forked from a process that has imported the service already, unless it is to be another one
    or tells itself apart at its very start."""
    is_the_service = tuple(what.command[-len(GUNICORN) :]) == GUNICORN and what.group is None
    if not is_the_service or not preloaded.fits(what.env):
        return spawn(what)
    return preloaded.start(what, GUNICORN[3:], f"{what.cwd}/stdout")


def exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request over this connection, and its whole answer."""
    content = None if body is None else json.dumps(body).encode()
    kind = {} if content is None else {"Content-Type": "application/json"}
    connection.request(method, path, content, {**kind, **(headers or {})})
    response = connection.getresponse()
    return Answer(response.status, dict(response.headers), response.read())


def has_read_all(port: int) -> bool:
    """Whether someone is connected to the port and all that was sent to it has been read."""
    connected = False
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, queues = line.split()[:5]
        if local == f"0100007F:{port:04X}" and state == "01":
            connected = True
            if not queues.endswith(":00000000"):
                return False
    return connected
