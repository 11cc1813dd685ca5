"""The process that forks the services of tests: they begin, end and are told of as any others."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import preloaded
from tests.support.processes import wait_until
from tests.support.project import ROOT
from tests.support.service import Service

_DIES = """
import os, sys
from pathlib import Path
from tests.support.service import Service
service = Service(Path(sys.argv[1]))
service.server.start()
print(service.server.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def is_there(pid: int) -> bool:
    """Whether the process is."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_how_a_service_ended_is_known(tmp_path: Path) -> None:
    """By itself, by a signal, and not yet; it leads its own group."""
    with Service(tmp_path) as service:
        process = service.server._process
        assert isinstance(process, preloaded.Forked)
        assert os.getpgid(process.pid) == process.pid
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        assert service.server.stop() == 0
        service.server.start()
        service.server.kill()
        assert service.server.returncode == -signal.SIGKILL


def test_a_service_that_does_not_start_says_why(tmp_path: Path) -> None:
    """On its own stderr, with its own exit code."""
    service = Service(tmp_path, WORKERS="none")
    with pytest.raises(Exception, match="WORKERS=none"):
        service.server.start()
    assert service.server.returncode == 1


def test_services_end_with_the_tests_that_started_them(tmp_path: Path) -> None:
    """However those end."""
    died = subprocess.run(
        [sys.executable, "-c", _DIES, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    pid = int(died.stdout)
    wait_until(lambda: not is_there(pid), 10, "the service has ended")


def test_who_reads_something_at_the_start_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Python itself, or the loader, takes from the environment."""
    alike = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert preloaded.fits(alike)
    assert not preloaded.fits({**alike, "LD_PRELOAD": "clock.so"})
    assert not preloaded.fits({**alike, "PYTHONPATH": "/elsewhere"})
    monkeypatch.setenv("LC_ALL", "C")
    assert not preloaded.fits(alike)
