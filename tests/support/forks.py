"""Beside the way of the data: processes that start in milliseconds, to be killed and paused a lot.

They are forked from one that has imported a module, and nothing more; each runs one of the
module's functions. None of them outlives it, and it does not outlive the test.
"""

import ctypes
import importlib
import json
import os
import random
import signal
import socket
import socketserver
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Self

from tests.support.processes import PR_SET_PDEATHSIG, Server, accepts_tcp, free_port, wait_until
from tests.support.project import ROOT


class Fork:
    """One of the processes."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_gone = False  # then its number may become another's

    @property
    def running(self) -> bool:
        """Whether it is there (a paused one is)."""
        try:
            if not self._is_gone:
                os.kill(self._pid, 0)
        except ProcessLookupError:
            self._is_gone = True
        return not self._is_gone

    def signal(self, number: signal.Signals) -> None:
        """Send it, unless the process is gone."""
        with suppress(ProcessLookupError):
            if not self._is_gone:
                os.kill(self._pid, number)

    def kill(self) -> None:
        """End it at once and return when it is gone: nothing is flushed."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, deadline_s: float = 20) -> None:
        """Return when it is gone."""
        wait_until(lambda: not self.running, deadline_s, f"process {self._pid} is gone", 0.005)


class Forks:
    """Usable as a context manager: what it started is gone at the end."""

    def __init__(self, module: str, log: Path) -> None:
        self._port = free_port()
        self._server = Server(
            [sys.executable, "-m", __name__, module, str(self._port)],
            log=log,
            ready=lambda: accepts_tcp(self._port),
            cwd=ROOT,
            death_signal=signal.SIGKILL,
        )

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.kill()  # and with it its whole group

    def start(self, function: str, *arguments: object) -> Fork:
        """Run the module's function in a process of its own; the arguments travel as JSON."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
            connection.sendall(json.dumps([function, *arguments]).encode() + b"\n")
            return Fork(int(connection.makefile().readline()))

    def tail(self) -> str:
        """The last lines of what all of them have written."""
        return self._server.tail()


def main(module_name: str, port: int) -> None:
    """Fork once for each line that comes in, and answer with the process id."""
    module = importlib.import_module(module_name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them

    class Request(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if line := self.rfile.readline():
                pid = os.fork()
                if not pid:
                    self.server.server_close()
                    self.connection.close()
                    _run(module, *json.loads(line))
                self.wfile.write(f"{pid}\n".encode())

    socketserver.TCPServer(("127.0.0.1", port), Request).serve_forever()


def _run(module: ModuleType, function: str, *arguments: object) -> None:
    """What a new process does; never returns."""
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        random.seed()  # it would be the same chance in each
        getattr(module, function)(*arguments)
    except BaseException:  # noqa: BLE001 - whatever it was, the log is the only place to say it
        traceback.print_exc()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
