"""A file of CSV as spreadsheets write it, read row by row, never as a whole. Imports nothing of the
application.

Rows have a spreadsheet's numbers: the header is row 1, and a blank line counts.
"""

import csv
import hashlib
import io
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

DELIMITERS = ",;\t|"
"""What may stand between two cells; of as many, the first one is taken."""

MAX_CELL_CHARACTERS = 131_072
"""A longer cell is taken for a quotation mark that was never closed."""

_BLOCK = 1 << 16
_QUOTED = re.compile('"[^"]*"?')
_SAID = re.compile(r'(?i)"?sep=([^\s"\w]|\t)"?\s*')  # Excel's own first line
_NO_TEXT = re.compile("[\udc80-\udcff]")  # what bytes become that the encoding has nothing for
_ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .xls


class BadFile(Exception):
    """The file as a whole cannot be imported; `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Record:
    """A row that is not blank, by its number; cells are as they stand in the file."""

    number: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file that was read through once. `open` opens it again, at its beginning; `digest` is the
    SHA-256 of its bytes, `rows` the number of its last row."""

    open: Callable[[], BinaryIO]
    digest: str
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    rows: int

    def records(self, after: int = 1) -> Iterator[Record]:
        """The rows below the header, and behind the one of this number. Raises BadFile."""
        with _text(self.open, self.encoding) as lines:
            for record in _records(lines, self.delimiter):
                if record.number > max(after, 1):
                    yield record


def inspected(opened: Callable[[], BinaryIO]) -> CsvFile:
    """Read the file through once, to know its encoding, its delimiter, and that it can be read to
    its end. Raises BadFile and OSError."""
    digest, encoding = _digest_and_encoding(opened)
    with _text(opened, encoding) as lines:
        delimiter = _delimiter(lines.readline(MAX_CELL_CHARACTERS))
    header: tuple[str, ...] | None = None
    last = 0
    with _text(opened, encoding) as lines:
        for record in _records(lines, delimiter):
            if header is None:
                header = _header(record)
            _refuse_bytes(record, header, encoding)
            last = record.number
    if header is None:
        raise BadFile("The file is empty: its first row must be the header")
    return CsvFile(opened, digest, encoding, delimiter, header, last)


def _header(record: Record) -> tuple[str, ...]:
    if record.number != 1:
        raise BadFile("The first row must be the header: it is blank")
    header = tuple(cell.strip() for cell in record.cells)
    if any("\0" in cell for cell in header):
        raise BadFile("The header is no text, or UTF-16 without its mark: save the file as UTF-8")
    return header


def _refuse_bytes(record: Record, header: Sequence[str], encoding: str) -> None:
    if all(map(str.isascii, record.cells)):
        return
    for at, cell in enumerate(record.cells):
        if _NO_TEXT.search(cell):
            name = header[at] if record.number > 1 and at < len(header) else ""
            raise BadFile(
                f"Row {record.number}, column {name or at + 1}: a byte of it is not"
                f" {_ENCODINGS[encoding]}, as the file seems to be; save the file as UTF-8"
            )


def _digest_and_encoding(opened: Callable[[], BinaryIO]) -> tuple[str, str]:
    """A byte order mark says what the file is; without one it is UTF-8, or else what Excel writes
    on Windows in most of Europe and America. Raises BadFile for a workbook."""
    digest = hashlib.sha256()
    as_utf8, is_utf8, start = getincrementaldecoder("utf-8")(), True, b""
    with opened() as file:
        while block := file.read(_BLOCK):
            start = start or block[:4]
            digest.update(block)
            is_utf8 = is_utf8 and _decodes(as_utf8, block)
    is_utf8 = is_utf8 and _decodes(as_utf8, b"", final=True)
    if start in _WORKBOOKS:
        raise BadFile("The file is a workbook: save it as CSV in UTF-8")
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return digest.hexdigest(), "utf-16"
    if start.startswith(BOM_UTF8):
        return digest.hexdigest(), "utf-8-sig"
    return digest.hexdigest(), "utf-8" if is_utf8 or _seems_utf8(opened) else "cp1252"


def _seems_utf8(opened: Callable[[], BinaryIO]) -> bool:
    """Whether at least half of what is not ASCII is UTF-8: a few bytes that are not, as of a row
    that was pasted in, do not make all the others Windows-1252."""
    decoder, good, bad = getincrementaldecoder("utf-8")("replace"), 0, 0
    with opened() as file:
        while block := file.read(_BLOCK):
            text = decoder.decode(block)
            wrong = text.count("\ufffd")
            good += len(text) - len(text.encode("ascii", "ignore")) - wrong
            bad += wrong
    # What the file ends in the middle of is at fault as well.
    return good >= bad + len(decoder.decode(b"", True))


def _decodes(decoder: object, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)  # type: ignore[attr-defined]
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(first_line: str) -> str:
    if said := _SAID.fullmatch(first_line):
        return said[1]
    bare = _QUOTED.sub("", first_line)
    return max(DELIMITERS, key=bare.count)


@contextmanager
def _text(opened: Callable[[], BinaryIO], encoding: str) -> Iterator[io.TextIOWrapper]:
    with opened() as file, io.TextIOWrapper(file, encoding, "surrogateescape", "") as lines:
        try:
            yield lines
        except UnicodeDecodeError as error:
            raise BadFile(
                "The file is UTF-16 by its first bytes, but cut short or damaged: save it as UTF-8"
            ) from error


def _records(lines: io.TextIOWrapper, delimiter: str) -> Iterator[Record]:
    number = 0
    try:
        for cells in csv.reader(_bounded(lines), delimiter=delimiter, strict=True):
            if number == 0 and _SAID.fullmatch(delimiter.join(cells)):
                continue
            number += 1
            if any(map(str.strip, cells)):
                yield Record(number, cells)
    except csv.Error as error:
        why = "cannot be read as CSV"
        if "larger than field limit" in str(error):
            why = f"has a cell of more than {MAX_CELL_CHARACTERS:,} characters"
        raise BadFile(f"Row {number + 1} {why}: look at its quotation marks") from error


def _bounded(lines: io.TextIOWrapper) -> Iterator[str]:
    """Its lines; one that is too long comes in pieces, of which the cells are too long as well."""
    while line := lines.readline(2 * MAX_CELL_CHARACTERS):
        yield line
