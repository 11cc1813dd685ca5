"""Figures of soak tests: gathered while they run, written to docs/measurements.md in full runs."""

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime

from tests.support.project import ROOT

DOCUMENT = ROOT / "docs" / "measurements.md"
IS_FULL = os.environ.get("SOAK") == "full"

_HEAD = """# Measurements

Written by `make soak`, which runs the fault tests in full; `make test` runs each at a tenth.
Absolute times depend on the machine; the counts of wrong answers must not.

Last full run: {date}, {versions}, {cores} cores.

| what | rounds | what was seen |
| --- | --- | --- |
"""


def rounds(full: int) -> int:
    """How many rounds to run: all of them with SOAK=full, else a tenth."""
    return full if IS_FULL else max(1, full // 10)


def each_round(full: int) -> Iterator[int]:
    """Their numbers, from 0. In full runs, which take minutes, it says how far it has come."""
    count = rounds(full)
    for number in range(count):
        yield number
        if IS_FULL and (number + 1) % max(1, count // 4) == 0:
            print(f"{number + 1}/{count} ", end="", flush=True)


class Figures:
    """One row a soak test."""

    def __init__(self) -> None:
        self._rows: list[str] = []

    def add(self, what: str, count: int, seen: str) -> None:
        """Keep a row, and show it to who watches the run."""
        self._rows.append(f"| {what} | {count} | {seen} |")
        print(f"\n{what}: {count} rounds, {seen}", flush=True)

    def write(self, store_versions: str) -> None:
        """Replace the document, if this was a full run and it gave figures."""
        if not IS_FULL or not self._rows:
            return
        driver = importlib.metadata.version("cassandra-driver")
        versions = (
            f"Python {platform.python_version()}, cassandra-driver {driver}, {store_versions}"
        )
        head = _HEAD.format(
            date=datetime.now(UTC).date().isoformat(), versions=versions, cores=os.cpu_count()
        )
        DOCUMENT.write_text(head + "\n".join(self._rows) + "\n")
