"""Writes a file of CSV that may be long: to FILE, which is replaced once all is written, or to
stdout."""

from collections.abc import Iterable
from pathlib import Path

from app.cli.errors import NOT_WRITTEN, CliError
from app.cli.new_file import NewFile
from app.cli.output import write_bytes


def write_csv(parts: Iterable[str], file: str | None) -> None:
    """Write the parts as they come, in UTF-8. `file` None or `-` is stdout. Raises CliError and
    NotWritten."""
    if file is None or file == "-":
        for part in parts:
            write_bytes(part.encode())
        return
    try:
        with NewFile(Path(file)) as written:
            for part in parts:
                written.write(part.encode())
    except OSError as error:
        raise CliError(NOT_WRITTEN, f"{file} cannot be written: {error.strerror}") from error
