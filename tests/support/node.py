"""Beside the way of the data: programs of npm, pinned in tests/clients, run by a real node."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.processes import Unavailable
from tests.support.project import TESTS

CLIENTS = TESTS / "clients"
MODULES = CLIENTS / "node_modules"
_QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}


def find_node() -> str:
    """Return the path of node; raise Unavailable without it or without the pinned programs."""
    node = shutil.which("node")
    if node is None:
        raise Unavailable("no node: install it, 20 or later (Debian: apt-get install nodejs npm)")
    if not (MODULES / ".package-lock.json").exists():
        raise Unavailable("no node_modules: npm ci --prefix tests/clients (make test does it)")
    return node


def run_node(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a script with node, however it ends."""
    return _run([find_node(), *map(str, command)], cwd)


def run_module(program: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of the pinned packages, however it ends."""
    find_node()
    return _run([str(MODULES / ".bin" / program), *map(str, arguments)], cwd)


def _run(command: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, **_QUIET},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
