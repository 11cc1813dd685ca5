"""Beside the way of the data: a real nginx in front of what a test serves."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.processes import NotReady, Server, Unavailable, accepts_tcp

CONF = "nginx.conf"


def find_nginx() -> str:
    """Return the path of nginx; else raise Unavailable."""
    # Debian installs it where an ordinary user's PATH does not look.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    nginx = shutil.which("nginx", path=path)
    if nginx is None:
        raise Unavailable("no nginx: install it (Debian: apt-get install nginx-light)")
    return nginx


def start_nginx(
    files: Mapping[str, str],
    directory: Path,
    *,
    port: int,
    before: Sequence[str] = (),
    user: str | None = None,
    deadline_s: float = 10,
) -> Server:
    """Start nginx with this configuration (texts by file name) and return when `port` accepts.

    `before` is a command that runs nginx, such as `setpriv` with options; workers of a root's nginx
    become `user`, or whoever runs the tests. `directory` is its prefix: relative paths in the
    configuration are below it, its output is in nginx.log. The configuration is checked first;
    NotReady carries what nginx says about it. Raises Unavailable without nginx. Stop it with
    stop().
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text)
    command = [*before, find_nginx(), "-p", f"{directory}/", "-c", CONF, "-e", "stderr"]
    command += ["-g", _missing_directives(files[CONF], user)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    if checked.returncode:
        raise NotReady(f"nginx -t: {checked.stderr.strip()}")
    server = Server(
        command,
        log=directory / "nginx.log",
        ready=lambda: accepts_tcp(port),
        deadline_s=deadline_s,
    )
    server.start()
    return server


def _missing_directives(conf: str, user: str | None) -> str:
    wanted = {"daemon": "off", "pid": "nginx.pid"}
    if os.geteuid() == 0:
        # Workers of a root's nginx become www-data, which may not enter a test's folder.
        wanted["user"] = user or getpass.getuser()
    given = set(re.findall(r"^\s*(daemon|pid|user)\s", conf, re.MULTILINE))
    return " ".join(f"{name} {value};" for name, value in wanted.items() if name not in given)
