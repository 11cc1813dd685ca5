"""Beside the way of the data: the code of a later release, made of this one's.

In it the directory's view has the next version: names are sorted from their last letter on, and
states are found by other terms. So whoever answers from the other release's rows is found out.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.support.project import ROOT

_CHANGES: dict[str, Callable[[re.Match[str]], str]] = {
    r"^VERSION = (\d+)$": lambda found: f"VERSION = {int(found[1]) + 1}",
    r'folded\(body\["name"\]\)\[:NAME_KEY_CHARACTERS\]': lambda _: 'folded(body["name"])[::-1]',
    r'f"status:\{state\}"': lambda _: 'f"state={state}"',
}


def next_release(folder: Path) -> Path:
    """The folder of its code, for PYTHONPATH."""
    code = folder / "next_release"
    for part in ("app", "config", "migrations_cql"):
        shutil.copytree(ROOT / part, code / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "wsgi.py", code)
    file = code / "app/application/projections/carriers.py"
    text = file.read_text()
    for pattern, change in _CHANGES.items():
        text, changes = re.subn(pattern, change, text, flags=re.MULTILINE)
        assert changes == 1, pattern
    file.write_text(text)
    return code
