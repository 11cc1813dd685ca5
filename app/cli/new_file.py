"""Writes a file atomically: an existing file stays until the new one is complete."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self


class NewFile:
    """Writes to a file beside `path`, then renames it to `path`; after a failure the former file is
    unchanged. The file gets the former one's permissions, or else only its owner can read it. A
    device or a pipe is written to directly. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()  # replaces a symbolic link's target, not the link
        self._in_place = self._path.exists() and not self._path.is_file()
        self._file: BinaryIO
        self._written: Path

    def __enter__(self) -> Self:
        if self._in_place:
            self._file, self._written = self._path.open("wb"), self._path
            return self
        number, name = tempfile.mkstemp(".part", f".{self._path.name}.", self._path.parent)
        self._file, self._written = os.fdopen(number, "wb"), Path(name)
        return self

    def write(self, data: bytes) -> None:
        """Append the data."""
        self._file.write(data)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with self._file:
                if kind is None and not self._in_place:
                    self._keep()
        except BaseException:
            self._drop()
            raise
        if kind is not None:
            self._drop()

    def _keep(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        if self._path.exists():
            shutil.copymode(self._path, self._written)
        self._written.replace(self._path)

    def _drop(self) -> None:
        if not self._in_place:
            with suppress(OSError):
                self._written.unlink()
