"""Where the workers of one server keep their figures, and how that place is cleared away."""

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "carriers-metrics-"


def make(master: int) -> str:
    """A new folder, removed when the process `master` ends; those of killed ones go now."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not _lives(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{master}-")
    atexit.register(_remove, folder, master)
    return folder


def _remove(folder: str, master: int) -> None:
    if os.getpid() == master:  # workers inherit this
        with suppress(OSError):
            shutil.rmtree(folder)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
