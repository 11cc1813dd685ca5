"""A fault that somebody could put into the code, as a change of text, and a copy of the project
that has it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.support.project import ROOT

PROMISES = "tests/soak/test_promises.py"
OVER_SQLITE = f"{PROMISES} -k promises_over_sqlite"
OVER_CASSANDRA = f"{PROMISES} -k promises_over_cassandra"

_CODE = ("app", "config", "docs", "migrations_cql", "tests")
_FILES = ("wsgi.py", "setup.cfg", "pyproject.toml", "README.md", "docker-compose.yml")
_JARS = Path("var/cassandra-jars")


class TextIsGone(Exception):
    """The code has changed: the sabotage has to be written anew."""


@dataclass(frozen=True, slots=True)
class Sabotage:
    """`changes` replace one text by another in `file`, each of which is there once. `finders` are
    arguments of pytest, tried in turn until one fails."""

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    finders: tuple[str, ...]

    def changed(self, text: str) -> str:
        """The file's text with the fault in it. Raises TextIsGone."""
        for former, new in self.changes:
            if text.count(former) != 1:
                raise TextIsGone(
                    f"{self.name}: {self.file} has {text.count(former)} times {former!r}"
                )
            text = text.replace(former, new)
        return text


def copied_project(folder: Path) -> Path:
    """A copy of what it takes to run the tests."""
    for part in _CODE:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copy(ROOT / name, folder)
    if (ROOT / _JARS).is_dir():
        (folder / _JARS).parent.mkdir()
        (folder / _JARS).symlink_to((ROOT / _JARS).resolve())
    return folder


def sabotaged_project(folder: Path, sabotage: Sabotage) -> Path:
    """A copy with the fault in it. Raises TextIsGone."""
    copied_project(folder)
    file = folder / sabotage.file
    file.write_text(sabotage.changed(file.read_text()))
    return folder
