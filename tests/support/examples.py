"""Beside the way of the data: the programs of examples/, run as a reader of them runs them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import without
from tests.support.processes import Unavailable
from tests.support.project import ROOT

LANGUAGES = ("python", "javascript", "shell")
EXAMPLES = ROOT / "examples"
_ENDINGS = {"python": "py", "javascript": "mjs", "shell": "sh"}
_NEEDED = {"python": (), "javascript": ("node",), "shell": ("jq",)}


def command(language: str, program: str) -> list[str]:
    """How the example is called; the test is skipped where what it needs is missing."""
    for part in _NEEDED[language]:
        if shutil.which(part) is None:
            without(part, Unavailable(f"no {part}: install it (Debian: apt-get install {part})"))
    path = str(EXAMPLES / language / f"{program}.{_ENDINGS[language]}")
    return [sys.executable, path] if language == "python" else [path]


def run(language: str, program: str, *arguments: str, key: str = "") -> Done:
    """Run it to its end, with an API key if one is given."""
    return subprocess.run(
        [*command(language, program), *arguments],
        env=environment(key),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def environment(key: str = "") -> dict[str, str]:
    """This process's, with an API key if one is given."""
    return {**os.environ, "CARRIERS_API_KEY": key}


def followed(language: str, into: Path) -> list[dict[str, Any]]:
    """Position, id and type of each event in what a follower wrote, in its order."""
    if language == "python":
        with closing(sqlite3.connect(into)) as database:
            rows = database.execute("SELECT position, id, type FROM events ORDER BY rowid")
            return [dict(zip(("position", "id", "type"), row, strict=True)) for row in rows]
    pages = [json.loads(path.read_text()) for path in sorted(into.glob("*.json"))]
    events = [event for page in pages for event in page.get("data", page)["events"]]
    return [{name: event[name] for name in ("position", "id", "type")} for event in events]


Done = subprocess.CompletedProcess[str]
each_language = pytest.mark.parametrize("language", LANGUAGES)
