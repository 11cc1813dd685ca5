"""Reads the `.env` file strictly: a line that is silently skipped is a lost setting, and without
CASSANDRA_HOST, for example, the service would store its events in SQLite."""

import io
import re
import stat
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from dotenv import load_dotenv
from dotenv.parser import Binding, parse_stream

_LINE_END = re.compile(r"\r\n|\n|\r")
_ALIKE = 0.8
"""The similarity (0 to 1) from which an unknown name counts as a mistyped setting."""


class BadEnvFile(ValueError):
    """The file cannot be used; the message is one line: file, line number and error."""


class Entry(NamedTuple):
    """A name that the file sets, and its line number."""

    name: str
    line: int


def load(path: Path) -> list[Entry]:
    """Set the file's variables that the environment does not set; return the file's entries, none
    if there is no such file. Raises BadEnvFile."""
    text = _text_of(path)
    entries = list(_entries(path, text))
    load_dotenv(stream=io.StringIO(text), override=False)
    return entries


_OF_COMPOSE = frozenset({"APP_MEMORY", "APP_CPUS", "CASSANDRA_MEMORY", "CASSANDRA_CPUS"})
"""Names that only docker-compose.yml reads from the same file and that resemble a setting."""


def warnings_of(path: Path, entries: Iterable[Entry], known: Iterable[str]) -> Iterator[str]:
    """A sentence for each name that is set twice or looks like a mistyped setting."""
    first: dict[str, int] = {}
    names = _OF_COMPOSE.union(known)
    for name, line in entries:
        if name in first:
            yield (
                f"{path}, line {line}: {name} is set on line {first[name]} already;"
                " the last line counts"
            )
        elif name not in names and (close := get_close_matches(name, names, 1, _ALIKE)):
            yield f"{path}, line {line}: there is no setting {name}; did you mean {close[0]}?"
        first.setdefault(name, line)


def _text_of(path: Path) -> str:
    try:
        kind = path.lstat().st_mode
        if stat.S_ISLNK(kind):
            kind = path.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISCHR(kind)):
            raise BadEnvFile(f"{path} is not a file: it must be a text file of NAME=value lines.")
        data = path.read_bytes()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise BadEnvFile(f"{path} leads to a file that does not exist.") from error
        return ""
    except OSError as error:
        raise BadEnvFile(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(data[: error.start].decode("latin-1"))) + 1
        raise BadEnvFile(
            f"{path}, line {line}: a byte is not UTF-8: save the file as UTF-8."
        ) from error


def _entries(path: Path, text: str) -> Iterator[Entry]:
    for binding in parse_stream(io.StringIO(text)):
        line = _line_of(binding)
        if binding.error:
            raise BadEnvFile(
                f"{path}, line {line}: this is not NAME=value, or a quotation mark is not closed."
            )
        if binding.key is None:
            continue
        if binding.value is None:
            # Without the text, which may be a secret in the wrong place.
            raise BadEnvFile(f"{path}, line {line}: there is no = in it: write NAME=value.")
        if _LINE_END.search(binding.original.string.strip()):
            # An unclosed quotation mark would swallow the settings that follow it.
            raise BadEnvFile(
                f"{path}, line {line}: the value of {binding.key} goes on in the next line:"
                " close the quotation mark."
            )
        if "\0" in binding.key + binding.value:
            raise BadEnvFile(f"{path}, line {line}: there is a NUL in it.")
        yield Entry(binding.key, line)


def _line_of(binding: Binding) -> int:
    """The line on which the statement begins; the parser gives that of the blank lines before."""
    text = binding.original.string
    before = text[: len(text) - len(text.lstrip())]
    return binding.original.line + len(_LINE_END.findall(before))
