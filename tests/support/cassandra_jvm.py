"""Beside the way of the data: a Cassandra node of our own, run from Maven Central's jars.

Standard library only. The jars (67 MB) are fetched once, into var/cassandra-jars/<version>.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.processes import Server, Unavailable, free_port
from tests.support.project import ROOT

VERSION = "5.0.9"
JAVA_VERSIONS = ("11", "17")  # all that Cassandra 5.0 runs on
DAEMON = "org.apache.cassandra.service.CassandraDaemon"

# The second compiler costs more than it brings in a process of a minute.
QUICK_START = ("-XX:TieredStopAtLevel=1",)

FILES = Path(__file__).parent / "cassandra"
JARS = ROOT / "var" / "cassandra-jars"

OPTIONS_FRAME = bytes([0x04, 0, 0, 0, 0x05, 0, 0, 0, 0])
SUPPORTED = 0x06


def accepts_cql(host: str, port: int, timeout_s: float = 1) -> bool:
    """Tell whether a node answers CQL's OPTIONS there, which it does only once it is up."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.settimeout(timeout_s)
            connection.sendall(OPTIONS_FRAME)
            with connection.makefile("rb") as answer:
                header = answer.read(9)
    except OSError:
        return False
    return len(header) == 9 and header[4] == SUPPORTED


def settings(
    host: str, port: int, storage_port: int, data: Path, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """Return cassandra.yaml's content for a cluster of one; what is not named keeps its default."""
    seeds = [{"seeds": f"{host}:{storage_port}"}]
    provider = "org.apache.cassandra.locator.SimpleSeedProvider"
    return {
        "cluster_name": "carriers",
        "num_tokens": 1,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",
        "authenticator": "AllowAllAuthenticator",
        "auto_bootstrap": False,
        "auto_snapshot": False,
        "listen_address": host,
        "storage_port": storage_port,
        "rpc_address": host,
        "native_transport_port": port,
        "seed_provider": [{"class_name": provider, "parameters": seeds}],
        "data_file_directories": [str(data / "data")],
        "commitlog_directory": str(data / "commitlog"),
        "hints_directory": str(data / "hints"),
        "saved_caches_directory": str(data / "saved_caches"),
        "cdc_raw_directory": str(data / "cdc_raw"),
        "commitlog_sync": "periodic",
        "commitlog_sync_period": "10000ms",
        **overrides,
    }


class JvmNode:
    """A node that a test owns: it can be killed, paused and started again. Alone, unless
    `overrides` give it a seed.

    Writes reach the commit log's file about 100 ms after they were answered (Cassandra's default,
    periodic). A test that kills the node and expects every answered write to be there afterwards
    passes overrides=SYNCED_COMMIT_LOG.
    """

    controllable = True

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        data: Path | None = None,
        overrides: Mapping[str, Any] | None = None,
        heap: str = "768M",
        short_lived: bool = True,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        group: int | None = None,
    ) -> None:
        """Prepare a node; start() runs it. Without `data` it lives in a temporary folder.

        `overrides` are entries of cassandra.yaml, `options` further ones of Java's, `environment`
        further variables of its process. One that is `short_lived` is up with a third less of
        processor time, and slower under load. For its `group` see `Server`. Raises Unavailable
        without Java or the jars.
        """
        java, jars = find_java(), fetch_jars()
        self._temporary = None if data else Path(tempfile.mkdtemp(prefix="cassandra-node-"))
        folder = data or self._temporary
        assert folder is not None
        self.data = folder.resolve()
        self.data.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.group = group
        self.port = port or free_port()
        config = self.data / "cassandra.yaml"
        # JSON is YAML; writing it needs no library.
        content = settings(host, self.port, free_port(), self.data, overrides or {})
        config.write_text(json.dumps(content, indent=2))
        required = (FILES / "jvm.options").read_text().splitlines()
        self._server = Server(
            [
                java,
                f"-Xmx{heap}",
                *(QUICK_START if short_lived else ()),
                *(option for option in required if option.startswith("-")),
                f"-Dcassandra.config={config.as_uri()}",
                f"-Dcassandra.storagedir={self.data}",
                f"-XX:ErrorFile={self.data / 'java_error.log'}",
                *options,
                *("-cp", f"{FILES}{os.pathsep}{jars}/*", DAEMON),
            ],
            log=self.data / "node.log",
            env=environment,
            ready=lambda: accepts_cql(self.host, self.port),
            deadline_s=180,
            death_signal=signal.SIGKILL,
            group=group,
        )
        atexit.register(self.close)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether its process is there (a paused one is)."""
        return self._server.running

    @property
    def pid(self) -> int:
        """The process id of the last start."""
        return self._server.pid

    def start(self) -> None:
        """Start it and return when it answers CQL; NotReady carries the end of its log."""
        self._server.start()

    def stop(self) -> None:
        """Shut it down cleanly. The data stays, and start() or restart() goes on with it."""
        self._server.stop(deadline_s=60)

    def kill(self) -> None:
        """End it by SIGKILL. The data stays as a crash leaves it."""
        self._server.kill()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open and nothing answers."""
        self._server.pause()

    def resume(self) -> None:
        """Let a paused node go on (SIGCONT)."""
        self._server.resume()

    def restart(self) -> None:
        """Stop it if it runs, and start it again with the same port and data."""
        self.stop()
        self.start()

    def wait(self) -> int:
        """Wait until it ends by itself, and return how."""
        return self._server.wait()

    def log(self) -> str:
        """What the node has logged so far, over all its starts."""
        return self._server.output()

    def close(self) -> None:
        """End it for good: at once, with its data, if those are temporary; else cleanly."""
        atexit.unregister(self.close)
        if self._temporary is None:
            self.stop()
        else:
            self.kill()
            shutil.rmtree(self._temporary, ignore_errors=True)


SYNCED_COMMIT_LOG: Mapping[str, Any] = {"commitlog_sync": "batch", "commitlog_sync_period": "0ms"}


def find_java() -> str:
    """Return the path of a Java that Cassandra runs on."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise Unavailable("there is no Java: install a JDK 17 and Maven")
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', shown)
    if version is None or version[1] not in JAVA_VERSIONS:
        found = version[1] if version else "none"
        raise Unavailable(f"Cassandra needs Java 17 (found: {found}): install a JDK 17 and Maven")
    return java


def fetch_jars() -> Path:
    """Return the folder of Cassandra's jars, complete; the first time Maven fetches them."""
    jars = JARS / VERSION
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable("there is no Maven to fetch Cassandra's jars: install Maven")
    JARS.mkdir(parents=True, exist_ok=True)
    say(f"fetching Cassandra {VERSION} (67 MB, once) …")
    # Two runs may fetch at once: each fills a folder of its own, and the first rename wins.
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=JARS) as own:
        folder = Path(own) / VERSION
        _run_maven(maven, folder)
        try:
            folder.rename(jars)
        except OSError:
            if not jars.is_dir():
                raise
    return jars


def _run_maven(maven: str, folder: Path) -> None:
    command = [maven, "-q", "-B", "-f", str(FILES / "pom.xml"), "dependency:copy-dependencies"]
    command += [
        f"-Dcassandra.version={VERSION}",
        "-DincludeScope=runtime",
        f"-DoutputDirectory={folder}",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unavailable("Maven did not get Cassandra's jars within ten minutes") from error
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        raise Unavailable(f"Maven could not fetch Cassandra's jars: {lines[0]}")


def say(progress: str) -> None:
    """Tell on stderr what takes long now."""
    print(progress, file=sys.stderr, flush=True)
