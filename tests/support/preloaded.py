"""Beside the way of the data: a process that has imported the program, and forks services from it.

Most of what a start of the service costs is the import of what it is made of. A process of tests
does that once: from the fork on, a service goes the way of one that `python -m gunicorn` began, in
a process, a session and an environment of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from tests.support.processes import PR_SET_PDEATHSIG, NotReady, Start, spawn
from tests.support.project import ROOT

_IMPORTED = ("app.api.routes", "app.desk", "app.bootstrap")
"""Not gunicorn, whose module of settings keeps the folder in which it was imported."""
_MODULE = "tests.support.preloaded"
_READ_AT_THE_START = ("PYTHON", "LD_", "LC_", "LANG", "PROMETHEUS_")
"""What Python, the loader of libraries, or a library reads once and never again."""
_SAID_BYTES = 16
_lock = threading.Lock()


class Forked:
    """As far as tests ask for it, `subprocess.Popen` of a process whose parent is another one."""

    def __init__(self, status: int) -> None:
        """`status` is a descriptor, from which its id is read and how it ended."""
        self._status = status
        weakref.finalize(self, os.close, status)
        self._returncode: int | None = None
        self._turn = threading.Lock()
        self.pid = int(os.read(status, _SAID_BYTES))

    def poll(self) -> int | None:
        """How it ended; None while it runs. Ended by a signal: minus its number."""
        return self._ended() if _is_readable(self._status, 0) else self._returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends. Raises subprocess.TimeoutExpired."""
        if self._returncode is None and not _is_readable(self._status, timeout):
            raise subprocess.TimeoutExpired(["gunicorn"], timeout or 0)
        return self._ended()

    def _ended(self) -> int:
        """Several threads may ask at once."""
        with self._turn:
            if self._returncode is None:
                # Whoever forks them has ended: it takes them along.
                self._returncode = int(os.read(self._status, _SAID_BYTES) or -signal.SIGKILL)
            return self._returncode


def _is_readable(descriptor: int, timeout: float | None) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(None if timeout is None else timeout * 1000))


def fits(env: Mapping[str, str]) -> bool:
    """Whether a process with this environment would be alike if it were begun anew."""
    names = {name for name in (*env, *os.environ) if name.startswith(_READ_AT_THE_START)}
    return env.get("PYTHONPATH") == str(ROOT) and all(
        env.get(name) == os.environ.get(name) for name in names - {"PYTHONPATH"}
    )


def start(what: Start, arguments: Sequence[str], stdout: str) -> Forked:
    """Begin a service with these arguments of gunicorn; what it prints is appended to `stdout`, the
    rest to the log. Raises NotReady."""
    asked = {
        "arguments": arguments,
        "streams": {1: stdout, 2: str(what.log)},
        "env": what.env,
        "cwd": str(what.cwd),
        "death_signal": what.death_signal,
    }
    ours, theirs = socket.socketpair()
    try:
        with theirs, _lock:
            message = json.dumps(asked).encode()
            socket.send_fds(_server(os.getpid()), [message], [theirs.fileno()])
        return Forked(ours.detach())
    except (OSError, ValueError) as error:
        ours.close()
        _server.cache_clear()
        said = _said().read_text(errors="replace")
        raise NotReady(f"the process that forks services has ended:\n{said}") from error


@functools.cache
def _server(_: int) -> socket.socket:
    """By the process that asks: a forked copy of it makes one of its own."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", _MODULE, str(theirs.fileno())]
    with theirs:
        what = Start(command, _said(), os.environ, ROOT, signal.SIGKILL)
        process = spawn(what, pass_fds=(theirs.fileno(),))

    @atexit.register
    def end() -> None:
        """It goes when nobody is left who could ask."""
        ours.close()
        process.wait()
        _said().unlink()

    return ours


def _said() -> Path:
    """What it writes when it goes wrong."""
    return Path(tempfile.gettempdir(), f"preloaded-{os.getpid()}.log")


def _main(asked: socket.socket) -> None:
    for name in _IMPORTED:
        import_module(name)
    assert "gunicorn.config" not in sys.modules
    gc.freeze()  # as the service does before it forks
    _begun(asked)()


def _begun(asked: socket.socket) -> Callable[[], None]:
    """Fork whatever is asked for, and tell how each ended. Returns in a forked process only: what
    that is to run."""
    waking, woken = socket.socketpair()
    for end in (waking, woken):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken.fileno())
    statuses: dict[int, socket.socket] = {}
    parent = os.getpid()
    while True:
        ready = select.select([asked, waking], [], [])[0]
        if waking in ready:
            waking.recv(4096)
            _tell(statuses)
        if asked not in ready:
            continue
        message, descriptors, *_ = socket.recv_fds(asked, 1 << 18, 1)
        if not message:
            sys.exit()  # nobody is left who could ask
        status = socket.socket(fileno=descriptors[0])
        if pid := os.fork():
            statuses[pid] = status
            _say(status, pid)
            continue
        for each in (asked, waking, woken, status, *statuses.values()):
            each.close()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return functools.partial(_become, parent=parent, **json.loads(message))


def _tell(statuses: dict[int, socket.socket]) -> None:
    while statuses:
        pid, how = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with statuses.pop(pid) as status:
            _say(status, os.waitstatus_to_exitcode(how))


def _say(status: socket.socket, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody asks any more
        status.send(b"%-*d" % (_SAID_BYTES, number))


def _become(
    *,
    arguments: Sequence[str],
    streams: Mapping[str, str],
    env: Mapping[str, str],
    cwd: str,
    death_signal: int,
    parent: int,
) -> None:
    """Be the process that was asked for."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        os._exit(1)
    os.chdir(cwd)
    for number, path in streams.items():
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(file, int(number))
        os.close(file)
    os.environ.clear()
    os.environ.update(env)
    found = importlib.util.find_spec("gunicorn.__main__")
    assert found is not None
    assert found.origin is not None
    sys.argv = [found.origin, *arguments]
    import_module("gunicorn.app.wsgiapp").run(prog="gunicorn")


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
