"""Beside the way of the data: the systemd unit, as systemd reads it and as gunicorn keeps to it."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import Settings
from tests.conftest import without
from tests.support.processes import Unavailable
from tests.support.project import ROOT
from tests.support.service import GUNICORN, Service

UNIT = ROOT / "deploy/carriers.service"


@pytest.fixture(scope="module")
def service() -> configparser.SectionProxy:
    """The unit's section [Service]; of a key that stands twice, the last line."""
    read = configparser.RawConfigParser(strict=False)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(UNIT)
    return read["Service"]


def analyzed(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """What systemd says of the unit, with the program where it is here and a user that exists."""
    if shutil.which("systemd-analyze") is None:
        without("systemd", Unavailable("no systemd-analyze (Debian: apt-get install systemd)"))
    text = re.sub("(User|Group)=carriers", r"\1=daemon", UNIT.read_text())
    copy = folder / "carriers.service"
    copy.write_text(text.replace("/opt/carriers", str(folder)))
    program = folder / ".venv/bin/gunicorn"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.touch(0o755)
    asked = ["systemd-analyze", *command, str(copy)]
    return subprocess.run(asked, capture_output=True, text=True, check=False)


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """Every line of it: nothing is unknown, misspelt or ignored."""
    said = analyzed(tmp_path, "verify", "--recursive-errors=no")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_systemd_finds_little_that_the_unit_leaves_open(tmp_path: Path) -> None:
    """Its own measure of exposure, 0 to 10, is below 2; 9 and more is what a bare unit gets."""
    said = analyzed(tmp_path, "security", "--offline=yes", "--threshold=20")
    assert said.returncode == 0, said.stdout


def test_the_unit_starts_what_everything_else_starts(service: configparser.SectionProxy) -> None:
    """gunicorn with the project's configuration, in the project's folder."""
    program, *arguments = shlex.split(service["ExecStart"])
    assert Path(program).name == "gunicorn"
    assert arguments == ["-c", "config/gunicorn.conf.py", "wsgi:app"]
    assert program.startswith(f"{service['WorkingDirectory']}/")
    assert GUNICORN[-1] == arguments[-1]


def test_the_unit_writes_where_it_may(service: configparser.SectionProxy) -> None:
    """To its own folder of state, and no log file."""
    given = dict(each.split("=", 1) for each in shlex.split(service["Environment"]))
    assert given == {
        "SQLITE_PATH": f"/var/lib/{service['StateDirectory']}/events.sqlite3",
        "LOG_DIR": "",
    }


def test_the_unit_waits_for_requests_in_flight(service: configparser.SectionProxy) -> None:
    """Longer than gunicorn does, which waits ten seconds longer than a request may take."""
    assert int(service["TimeoutStopSec"]) > Settings().request_timeout + 10


def test_gunicorn_tells_systemd_when_it_is_ready(tmp_path: Path) -> None:
    """On the socket that a unit of type notify gives it."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(10)
        settings = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        with Service(tmp_path / "served", "127.0.0.1", None, **settings):
            assert b"READY=1" in told.recv(1000)
