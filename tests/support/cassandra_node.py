"""Beside the way of the data: a real Cassandra for tests and development, from what is there.

    python -m tests.support.cassandra_node [--port CASSANDRA_PORT] [--data var/cassandra]

Taken from the first of: CASSANDRA_HOST (tests only); a Docker engine that answers; Java and Maven.
Standard library only.
"""

from __future__ import annotations

import argparse
import atexit
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.support.cassandra_jvm import SYNCED_COMMIT_LOG, VERSION, JvmNode, accepts_cql, say
from tests.support.processes import NotReady, Unavailable, free_port, is_free, wait_until
from tests.support.project import ROOT

__all__ = ["SYNCED_COMMIT_LOG", "JvmNode", "Node", "Unavailable", "start", "start_own"]

IMAGE = "cassandra:5.0"
DATA = ROOT / "var" / "cassandra"
# Flushing the schema's tables at each change is two thirds of what a keyspace costs. Without it a
# node that is killed forgets its schema: for one that nobody breaks, and whose data go with it.
UNFLUSHED_SCHEMA = ("-Dcassandra.test.flush_local_schema_changes=false",)
HOW_TO_GET_ONE = (
    "no Cassandra: set CASSANDRA_HOST, or start a Docker engine, or install a JDK 17 and Maven"
)


class Node(Protocol):
    """A Cassandra that answers CQL at host:port; a `controllable` one is a JvmNode."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def controllable(self) -> bool: ...
    def close(self) -> None:
        """End it, unless it is somebody else's."""


@dataclass(frozen=True)
class GivenNode:
    """Somebody else's Cassandra, used as it is and left running."""

    host: str
    port: int
    controllable: bool = False

    def close(self) -> None:
        """Leave it alone."""


@dataclass(frozen=True)
class DockerNode:
    """The official image, bound to a loopback port; with `keep` it is given time to flush."""

    container: str
    port: int
    keep: bool
    host: str = "127.0.0.1"
    controllable: bool = False

    def close(self) -> None:
        """Stop the container, which removes itself."""
        atexit.unregister(self.close)
        _docker("stop", "--time", "60" if self.keep else "0", self.container)

    def wait(self) -> int:
        """Wait until it ends by itself, and return how."""
        return int(_docker("wait", self.container).stdout.strip() or 1)


def start(overrides: Mapping[str, Any] | None = None) -> Node:
    """Return a Cassandra that answers, from the first source that has one; else raise Unavailable.

    `overrides` are entries of cassandra.yaml; a Cassandra named by CASSANDRA_HOST ignores them.
    """
    if host := os.environ.get("CASSANDRA_HOST", "").split(",")[0].strip():
        port = int(os.environ.get("CASSANDRA_PORT") or 9042)
        wait_until(lambda: accepts_cql(host, port), 30, f"CASSANDRA_HOST {host}:{port} answers CQL")
        return GivenNode(host, port)
    return _start_here(free_port(), None, overrides)


def start_own(
    *,
    port: int | None = None,
    data: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    heap: str = "768M",
    short_lived: bool = True,
    options: Sequence[str] = (),
) -> JvmNode:
    """Start a single-node cluster that can be killed, paused and restarted; else raise Unavailable.

    Give a `port` from free_port() to start it where somebody already tries to connect. Close it,
    or use it as `with closing(start_own()) as node:`.
    """
    try:
        node = JvmNode(
            port=port,
            data=data,
            overrides=overrides,
            heap=heap,
            short_lived=short_lived,
            options=options,
        )
    except Unavailable as reason:
        raise Unavailable(f"no Cassandra to break: {reason}") from reason
    say(f"starting Cassandra {VERSION} on port {node.port} …")
    try:
        node.start()
    except BaseException:
        node.close()
        raise
    return node


def _start_here(
    port: int, data: Path | None, overrides: Mapping[str, Any] | None = None
) -> JvmNode | DockerNode:
    if _docker_answers():
        return _start_docker(port, data, overrides or {})
    try:
        return start_own(
            port=port,
            data=data,
            overrides=overrides,
            heap="1G",
            short_lived=data is None,
            options=() if data else UNFLUSHED_SCHEMA,
        )
    except Unavailable as reason:
        raise Unavailable(f"{HOW_TO_GET_ONE} ({reason.__cause__})") from reason


def _docker_answers() -> bool:
    try:
        return shutil.which("docker") is not None and not _docker("info", timeout_s=5).returncode
    except subprocess.TimeoutExpired:
        return False


def _start_docker(port: int, data: Path | None, overrides: Mapping[str, Any]) -> DockerNode:
    say(f"starting {IMAGE} in Docker on port {port} …")
    options = [
        "-Dcassandra.ring_delay_ms=0",
        "-Dcassandra.skip_wait_for_gossip_to_settle=0",
        "-Dcassandra.config.allow_system_properties=true",
        *(() if data else UNFLUSHED_SCHEMA),
        *(f"-Dcassandra.settings.{key}={value}" for key, value in overrides.items()),
    ]
    environment = {
        "MAX_HEAP_SIZE": "1G",
        "HEAP_NEWSIZE": "256M",
        "CASSANDRA_CLUSTER_NAME": "carriers",
        "CASSANDRA_NUM_TOKENS": "1",
        # The address that drivers are told must be one they can reach from outside.
        "CASSANDRA_BROADCAST_RPC_ADDRESS": "127.0.0.1",
        "JVM_EXTRA_OPTS": " ".join(options),
    }
    command = ["run", "--detach", "--rm", "--publish", f"127.0.0.1:{port}:9042"]
    command += [part for pair in environment.items() for part in ("--env", "=".join(pair))]
    if data:
        data.mkdir(parents=True, exist_ok=True)
        command += ["--volume", f"{data.resolve()}:/var/lib/cassandra"]
    done = _docker(*command, IMAGE, timeout_s=600)
    if done.returncode:
        raise Unavailable(f"Docker could not run {IMAGE}: {done.stderr.strip().splitlines()[-1]}")
    node = DockerNode(done.stdout.strip(), port, keep=data is not None)
    atexit.register(node.close)
    try:
        wait_until(lambda: accepts_cql(node.host, port), 180, f"{IMAGE} answers CQL", 0.2)
    except NotReady as error:
        logged = _docker("logs", "--tail", "40", node.container).stdout
        node.close()
        raise NotReady(f"{error}\n{logged}") from error
    return node


def _docker(*arguments: str, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=timeout_s, check=False
    )


def main(arguments: list[str] | None = None) -> int:
    """Run a Cassandra for development in the foreground until Ctrl-C; its data stay."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.cassandra_node",
        description="A real Cassandra on this machine, from Docker or from Java and Maven.",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=os.environ.get("CASSANDRA_PORT") or "9042",
        help="loopback port (default: CASSANDRA_PORT, or 9042)",
    )
    parser.add_argument("--data", type=Path, default=DATA, help=f"its folder (default: {DATA})")
    given = parser.parse_args(arguments)
    if not is_free(given.port):
        return _fail(
            f"port {given.port} is taken: choose another, such as CASSANDRA_PORT={free_port()}"
            " make cassandra"
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        node = _start_here(given.port, given.data, SYNCED_COMMIT_LOG)
    except (Unavailable, NotReady) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return 130
    try:
        print(f"export CASSANDRA_HOST={node.host} CASSANDRA_PORT={node.port}", flush=True)
        say(f"Cassandra is ready; its data are in {given.data}; Ctrl-C stops it")
        return _fail(f"Cassandra ended by itself ({node.wait()})")
    except KeyboardInterrupt:
        say("stopping …")
        return 0
    finally:
        node.close()


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"CASSANDRA_PORT={text} is not a port from 1 to 65535")
    return number


def _fail(message: str) -> int:
    say(message)
    return 1


if __name__ == "__main__":
    sys.exit(main())
