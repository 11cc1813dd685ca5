"""Beside the way of the data: child processes that tests start, watch, and never leave behind.

Standard library only: the development Cassandra is started from here before anything is installed.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

T = TypeVar("T")

PR_SET_PDEATHSIG = 1
_handed_out: set[int] = set()


class Unavailable(Exception):
    """A real part cannot be had on this machine; the message is one line: how to get it."""


class NotReady(Exception):
    """What was waited for did not come before its deadline, or the process ended first."""


def free_port() -> int:
    """Return a loopback port that nothing listens on, never the same one twice in this process.

    It lies below the range from which kernels number outgoing connections, so nobody's client can
    take it between now and the moment a server binds it, even if that is minutes later.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        if port not in _handed_out and is_free(port):
            _handed_out.add(port)
            return port


def is_free(port: int) -> bool:
    """Tell whether a server could bind this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def accepts_tcp(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something accepts TCP connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def wait_until(
    predicate: Callable[[], T], deadline_s: float, what: str, interval_s: float = 0.02
) -> T:
    """Ask until the answer is true and return it; after `deadline_s` raise NotReady with `what`."""
    due = time.monotonic() + deadline_s
    while True:
        if answer := predicate():
            return answer
        if time.monotonic() >= due:
            raise NotReady(f"{what}: not within {deadline_s:g} s")
        time.sleep(interval_s)


class Server:
    """A command that runs as the head of its own process group until it is stopped.

    Usable as a context manager. `env` is laid over this process's environment; a value of None
    takes the variable away. Output of both streams is appended to `log`. If this process dies in
    whatever way, kill -9 included, Linux sends the child `death_signal`. With a `group` (a number,
    which takes root) its packets can be told from those of others, see `partition`. `launch` begins
    it in another way than `spawn`.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        ready: Callable[[], object],
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        deadline_s: float = 30,
        death_signal: signal.Signals = signal.SIGTERM,
        group: int | None = None,
        launch: Callable[[Start], Process] | None = None,
    ) -> None:
        self.command = [str(part) for part in command]
        self.log = log
        self._ready = ready
        merged = {**os.environ, **(env or {})}
        self._env = {name: value for name, value in merged.items() if value is not None}
        self._cwd = cwd
        self._deadline_s = deadline_s
        self._death_signal = death_signal
        self.group = group
        self._launch = launch or spawn
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id of the last start, which is also its process group's."""
        assert self._process is not None, "never started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there (a paused one is)."""
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs. Ended by a signal: minus its number."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it and return once it is ready; NotReady carries the end of its output."""
        assert not self.running, "already running"
        self._process = self._launch(
            Start(self.command, self.log, self._env, self._cwd, self._death_signal, self.group)
        )
        try:
            wait_until(self._ready_or_ended, self._deadline_s, "ready")
        except BaseException as error:
            self.kill()
            if isinstance(error, NotReady):
                raise NotReady(f"{self.command[0]}: {error}\n{self.tail()}") from error
            raise
        if not self.running:
            self.kill()
            raise NotReady(f"{self.command[0]}: ended with {self.returncode}\n{self.tail()}")

    def stop(self, deadline_s: float = 20) -> int | None:
        """End it by SIGTERM, by SIGKILL after `deadline_s`; return how it ended."""
        if self.running:
            self.resume()
            os.kill(self.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.wait(deadline_s)
        self.kill()
        return self.returncode

    def kill(self) -> None:
        """End it, and what is left of its group, at once: nothing is flushed."""
        if self._process is not None:
            self._signal_group(signal.SIGKILL)
            self._process.wait()

    def pause(self) -> None:
        """Freeze it: its sockets stay open and nothing answers."""
        self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on from where it was paused."""
        self._signal_group(signal.SIGCONT)

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait until it ends by itself; subprocess.TimeoutExpired after `timeout_s`."""
        assert self._process is not None, "never started"
        return self._process.wait(timeout_s)

    def output(self) -> str:
        """Everything it has written so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines: int = 40) -> str:
        """The last lines of its output."""
        return "\n".join(self.output().splitlines()[-lines:])

    def _ready_or_ended(self) -> bool:
        return not self.running or bool(self._ready())

    def _signal_group(self, number: signal.Signals) -> None:
        # A group whose members have all been reaped is no longer there; that is what we wanted.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


class Process(Protocol):
    """What is needed of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends. Raises subprocess.TimeoutExpired."""
        ...


@dataclass(frozen=True)
class Start:
    """What is begun as the head of its own process group, and how; see `Server`."""

    command: Sequence[str]
    log: Path
    env: Mapping[str, str]
    cwd: Path | None = None
    death_signal: signal.Signals = signal.SIGTERM
    group: int | None = None


def spawn(what: Start, pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Begin it by its command; it keeps these descriptors."""
    what.log.parent.mkdir(parents=True, exist_ok=True)
    before_exec = _die_with_parent(what.death_signal) if sys.platform == "linux" else None

    def launch() -> subprocess.Popen[bytes]:
        with what.log.open("ab") as output:
            return subprocess.Popen(
                what.command,
                env=what.env,
                cwd=what.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                group=what.group,
                pass_fds=pass_fds,
                preexec_fn=before_exec,  # noqa: PLW1509 - one call of prctl takes no lock
            )

    return _launcher(os.getpid()).submit(launch).result()


@functools.cache
def _launcher(pid: int) -> ThreadPoolExecutor:
    # The kernel's "parent" is the thread that forked, so a child started from a test's short-lived
    # thread would be killed when that ends. This one lives as long as the process (by pid: a
    # forked copy of it has no threads).
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"launcher-{pid}")


def _die_with_parent(number: signal.Signals) -> Callable[[], None]:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before the line above could take effect
            os._exit(1)

    return before_exec
