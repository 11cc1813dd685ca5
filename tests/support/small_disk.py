"""Beside the way of the data: a disk so small that a test can fill it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.processes import Unavailable

_BALLAST = "ballast"
_PAGE = bytes(4096)


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[None]:
    """The folder is a disk of its own meanwhile, in memory. Raises Unavailable without root."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()
        raise Unavailable(f"only root can mount a small disk: run these tests as root ({said})")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave no room on the disk that holds the folder."""
    with (folder / _BALLAST).open("ab", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(_PAGE)


def make_room(folder: Path) -> None:
    """Give back what `fill` took."""
    (folder / _BALLAST).unlink(missing_ok=True)
