"""The files that `carriers import` is given: the CSV, and which of its columns is which field."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from app.application.imports.columns import Columns, given, guessed
from app.application.imports.file import BadFile, CsvFile, inspected
from app.application.strict_json import NotStrictJson, parse
from app.cli.errors import INVALID, NOT_WRITTEN, CliError
from app.cli.new_file import NewFile
from app.cli.output import note, printable


class SameFile:
    """Opens a file again and again. Raises BadFile if it is another one than at first, or was
    written since: what was shown is not what it says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first: tuple[int, ...] | None = None

    def __call__(self) -> BinaryIO:
        """The file, at its beginning."""
        file = self._path.open("rb")
        status = os.fstat(file.fileno())
        now = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
        self._first = self._first or now
        if now != self._first:
            file.close()
            raise BadFile("The file has been changed since it was read first: start again")
        return file


def read(file: Path) -> CsvFile:
    """The file, read through once. Raises a CliError."""
    try:
        return inspected(SameFile(file))
    except OSError as error:
        raise CliError(INVALID, f"{error.filename} cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise CliError(INVALID, error.sentence) from error


def columns_of(source: CsvFile, columns_file: Path | None) -> Columns:
    """What each column is, by a file; guessed, without one. Raises a CliError."""
    try:
        if columns_file is None:
            return guessed(source.header)
        return given(source.header, parse(columns_file.read_bytes()))
    except OSError as error:
        raise CliError(INVALID, f"{error.filename} cannot be read: {error.strerror}") from error
    except NotStrictJson as error:
        raise CliError(INVALID, f"{columns_file} {error.why}") from error
    except BadFile as error:
        raise CliError(INVALID, error.sentence) from error


def taken(mapping: Mapping[str, str | None]) -> list[str]:
    """Which column is taken for which field, for people."""
    return [f"{name} → {field}" for name, field in mapping.items() if field]


def show(columns: Columns, keep: Path | None) -> None:
    """Say on stderr what each column is taken for, and write it down if that is asked for."""
    said = columns.as_json()
    left = [name for name, field in said.items() if not field]
    note(printable(f"Columns: {', '.join(taken(said))}"))
    if left:
        note(printable(f"Left alone: {', '.join(left)}"))
    if keep is None:
        return
    try:
        with NewFile(keep) as written:
            written.write(json.dumps(said, ensure_ascii=False, indent=2).encode() + b"\n")
    except OSError as error:
        raise CliError(NOT_WRITTEN, f"{keep} cannot be written: {error.strerror}") from error
