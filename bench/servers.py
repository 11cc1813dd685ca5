"""Around the way of the data: gunicorn with our service or with a peer, for one run each."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from app.infrastructure.observability.process_figures import FOLLOWER
from bench import processes
from bench.load import Load, register
from config.settings import Settings
from tests.support.processes import Server, accepts_tcp, free_port

ROOT = Path(__file__).parents[1]
WARM_UP_SECONDS = 1.0

NOBODY_FOLLOWS = {"FOLLOWER": "false", "WORKERS_FOLLOW": "false"}
"""Settings of a service that answers commands and makes no views."""

_OURS = ("config/gunicorn.conf.py", "wsgi:app")
_PEER = "bench/peer_gunicorn.py"


class HttpServer:
    """A gunicorn on a port of its own; WORKERS and THREADS count for ours and peers.

    It is warmed up by registrations, unless `as_it_is` says to leave alone what it serves.
    """

    def __init__(
        self,
        folder: Path,
        config: str,
        app: str,
        env: Mapping[str, str | None],
        *,
        with_keys: bool = False,
        as_it_is: bool = False,
    ) -> None:
        self.port = free_port()
        env = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "LOG_DIR": str(folder / "logs"),
            "SQLITE_PATH": str(folder / "events.sqlite3"),
            "EVENT_STORE": "sqlite",
            "CASSANDRA_HOST": "",
            "PYTHONPATH": str(ROOT),
            **env,
        }
        self._as_it_is = as_it_is
        self._api_key = _new_api_key(env) if with_keys else None
        self._server = Server(
            [sys.executable, "-m", "gunicorn", "-c", config, app],
            log=folder / "server.log",
            ready=lambda: accepts_tcp(self.port),
            env=env,
            cwd=ROOT,
        )

    def __enter__(self) -> "HttpServer":
        self._server.start()
        if self._as_it_is:
            return self
        try:
            register(self.port, WARM_UP_SECONDS, api_key=self._api_key)
        except BaseException:
            self._server.stop()
            print(self._server.tail(), file=sys.stderr)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def pid(self) -> int:
        """The master's process id."""
        return self._server.pid

    def memory(self) -> Mapping[str, tuple[float, float]]:
        """MB of each process by its role, resident and proportional."""
        children = processes.children(self.pid)
        named = {FOLLOWER if processes.name(pid) == FOLLOWER else "worker": pid for pid in children}
        roles = {"master": self.pid, **named}
        return {role: processes.memory(pid) for role, pid in roles.items()}

    def rate(self, seconds: float) -> float:
        """Registrations per second. Raises WrongAnswer."""
        return register(self.port, seconds, api_key=self._api_key).rate

    def load(self, seconds: float, begun: Callable[[], object], over: Callable[[], object]) -> Load:
        """Registrations; see `bench.load.register`."""
        return register(self.port, seconds, api_key=self._api_key, begun=begun, over=over)

    def connections(self) -> Mapping[int, int]:
        """How many connections each of the server's processes holds, by its id."""
        return processes.connections(self.port, processes.children(self.pid))


def ours(folder: Path, env: Mapping[str, str | None] | None = None) -> HttpServer:
    """The service as `make run` serves it; without `env` on SQLite."""
    return HttpServer(folder, *_OURS, env or {})


def ours_as_it_is(folder: Path, env: Mapping[str, str | None] | None = None) -> HttpServer:
    """The same with one worker, over what the folder or the keyspace holds already."""
    return HttpServer(folder, *_OURS, {"WORKERS": "1", **(env or {})}, as_it_is=True)


def cassandra(settings: Settings) -> dict[str, str | None]:
    """The environment of a service on that keyspace."""
    return {
        "EVENT_STORE": "cassandra",
        "CASSANDRA_HOST": settings.cassandra_hosts[0],
        "CASSANDRA_PORT": str(settings.cassandra_port),
        "CASSANDRA_KEYSPACE": settings.cassandra_keyspace,
    }


def ours_with_keys(folder: Path) -> HttpServer:
    """The same, with an API key and an Idempotency-Key on every request."""
    return HttpServer(folder, *_OURS, {}, with_keys=True)


def _new_api_key(env: Mapping[str, str | None]) -> str:
    command = ["-m", "app.cli", "keys", "create", "--name", "bench", "--scope", "write", "--json"]
    settings = {name: value for name, value in env.items() if value is not None}
    created = subprocess.run(
        [sys.executable, *command], env=os.environ | settings, stdout=subprocess.PIPE, check=True
    )
    key: str = json.loads(created.stdout)["key"]
    return key


def bare_echo(folder: Path) -> HttpServer:
    """Flask and Marshmallow, nothing else."""
    return HttpServer(folder, _PEER, "bench.bare_echo:create_app()", {})


def with_eventsourcing(folder: Path) -> HttpServer:
    """Flask and the eventsourcing package on SQLite."""
    path = folder / "peer.sqlite3"
    return HttpServer(folder, _PEER, f"bench.with_eventsourcing:create_app({str(path)!r})", {})
