"""Beside the way of the data: reads a file of carriers as docs/csv.md says, by the very lines that
stand there."""

import io
import re
from collections.abc import Iterator
from typing import Any

from tests.support.project import ROOT

_PAGE = (ROOT / "docs/csv.md").read_text()
_SHOWN: dict[str, Any] = {}
exec(re.findall(r"```python\n(.*?)```", _PAGE, re.DOTALL)[0], _SHOWN)


def carriers(text: str) -> Iterator[dict[str, Any]]:
    """The carriers of the file."""
    found: Iterator[dict[str, Any]] = _SHOWN["carriers"](io.StringIO(text, newline=""))
    return found


def without_what_was_added(cell: str) -> str:
    """The text that a cell stands for."""
    text: str = _SHOWN["ADDED"].sub("", cell)
    return text
