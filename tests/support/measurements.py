"""Figures of soak tests: gathered while they run, written to docs/measurements.md in full runs."""

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.support.project import ROOT

DOCUMENT = ROOT / "docs" / "measurements.md"
IS_FULL = os.environ.get("SOAK") == "full"

_HEAD = """# Measurements

Written by `make soak`, which runs the fault tests in full; `make test` runs each at a tenth.
Absolute times depend on the machine; the counts of wrong answers must not. A run of some of the
tests replaces their rows and keeps the others.

Last run: {date}, {versions}, {cores} cores.

| what | rounds | what was seen | on |
| --- | --- | --- | --- |
"""
_BEFORE_THE_ROWS = "| --- "


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
    """One row a soak test, for the document; written only in full runs."""

    def __init__(self, document: Path = DOCUMENT, *, is_full: bool = IS_FULL) -> None:
        self._document = document
        self._is_full = is_full
        self._today = datetime.now(UTC).date().isoformat()
        self._rows: dict[str, str] = {}

    def add(self, what: str, count: int, seen: str) -> None:
        """Keep the row of what was measured, and show it to who watches the run."""
        self._rows[what] = f"| {what} | {count} | {seen} | {self._today} |"
        print(f"\n{what}: {count} rounds, {seen}", flush=True)

    def write(self, store_versions: str) -> None:
        """Put the rows into the document, in the place of former ones of the same name; those of
        tests that were not run stay as they are."""
        if not self._is_full or not self._rows:
            return
        driver = importlib.metadata.version("cassandra-driver")
        versions = (
            f"Python {platform.python_version()}, cassandra-driver {driver}, {store_versions}"
        )
        head = _HEAD.format(date=self._today, versions=versions, cores=os.cpu_count())
        rows = _rows_in(self._document) | self._rows
        self._document.write_text(head + "\n".join(rows.values()) + "\n")


def _rows_in(document: Path) -> dict[str, str]:
    """The rows of the table by what each says was measured."""
    lines = document.read_text().splitlines() if document.exists() else []
    begin = next((n for n, line in enumerate(lines, 1) if line.startswith(_BEFORE_THE_ROWS)), 0)
    rows = [line for line in lines[begin:] if line.startswith("| ")] if begin else []
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows}
