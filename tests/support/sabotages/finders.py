"""Runs tests on a copy of the project, and says what they have found."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FAILED, PASSED = 1, 0
_LONGEST_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Found:
    """`by` names the test that failed, and the broken promises; it is empty if nothing did."""

    by: str
    seconds: float


class CannotTell(Exception):
    """The tests could not be run at all."""


def run_finder(project: Path, finder: str, settings: Mapping[str, str]) -> Found:
    """Run tests, given as pytest's arguments, until the first one fails.
    `settings` are added to the environment. Raises CannotTell."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "--no-cov", "-x", "-q", "--tb=short"]
    # Of the copy: what is installed is found later than what PYTHONPATH names.
    environment = {**os.environ, **settings, "PYTHONPATH": str(project)}
    environment.pop("SOAK", None)
    began = time.monotonic()
    try:
        done = subprocess.run(
            [*command, "--basetemp", str(project / "temporary"), *finder.split()],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Found(f"{finder}: does not come to an end", time.monotonic() - began)
    seconds = time.monotonic() - began
    if done.returncode not in {FAILED, PASSED}:
        raise CannotTell(f"{finder}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return Found(_named(done.stdout) if done.returncode == FAILED else "", seconds)


def _named(output: str) -> str:
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    promises = sorted(set(re.findall(r"BROKEN  ([^\n\\]+)", output)))
    name = f"`{failed[1]}`" if failed else "pytest"
    return ": ".join([name, *(["; ".join(promises)] if promises else [])])
