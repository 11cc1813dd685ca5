"""Beside the way of the data: processes whose clock is wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.processes import Unavailable

_SOURCE = Path(__file__).with_name("wrong_clock.c")


def wrong_clock(folder: Path) -> Path:
    """Compile the library that makes a process's clock wrong. Raises Unavailable."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Unavailable("there is no C compiler: install gcc")
    library = folder / "wrong_clock.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(library)]
    subprocess.run([*command, str(_SOURCE), "-ldl"], check=True)
    return library


def clock_settings(library: Path, offset_seconds: int) -> dict[str, str]:
    """The environment of a process whose clock is so many seconds ahead, or behind if negative."""
    return {"LD_PRELOAD": str(library), "CLOCK_OFFSET_SECONDS": str(offset_seconds)}
