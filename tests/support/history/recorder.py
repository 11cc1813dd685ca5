"""Writes a history while many clients are at work, and reads one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from tests.support.history.records import History, Record, from_json, to_json


class Recorder:
    """A file of records, to which threads append. Usable as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("w")
        self._writing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, record: Record) -> None:
        """Append it."""
        line = json.dumps(to_json(record), ensure_ascii=False)
        with self._writing:
            self._file.write(f"{line}\n")

    def history(self) -> History:
        """What was recorded so far."""
        with self._writing:
            self._file.flush()
        return read_history(self.path)


def write_history(path: Path, records: Iterable[Record]) -> None:
    """Write all the records."""
    with Recorder(path) as recorder:
        for each in records:
            recorder.add(each)


def read_history(path: Path) -> History:
    """The history in the file."""
    with path.open() as lines:
        return History([from_json(json.loads(line)) for line in lines])
