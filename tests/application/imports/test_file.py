"""Files of CSV as spreadsheets write them."""

import io
import tracemalloc
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pytest

from app.application.imports.file import BadFile, CsvFile, inspected

ROWS = [["name", "email"], ["Müller, Söhne", "a@müller.de"], ['The "best"\r\nof all', "b;c\t|d"]]


def opened(content: bytes) -> CsvFile:
    """The file of these bytes."""
    return inspected(lambda: io.BytesIO(content))


def read(content: bytes) -> list[list[str]]:
    """The header, then the cells of all rows."""
    file = opened(content)
    return [list(file.header), *(list(record.cells) for record in file.records())]


def quoted(delimiter: str, end: str = "\r\n") -> str:
    """ROWS as a spreadsheet writes them."""
    lines = (
        delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) + end for row in ROWS
    )
    return "".join(lines)


@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_kind_that_spreadsheets_write(delimiter: str, end: str, encoding: str) -> None:
    """Whatever stands between cells and between rows, in whichever encoding."""
    assert read(quoted(delimiter, end).encode(encoding)) == ROWS


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf_16_of_either_order(mark: bytes) -> None:
    """As the byte order mark says."""
    encoding = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    assert read(mark + quoted("\t").encode(encoding)) == ROWS


def test_a_first_line_may_name_the_delimiter() -> None:
    """Excel writes it so; rows are counted as Excel counts them."""
    file = opened(b"sep=|\r\nname;a|email\r\nx|y\r\n")
    assert file.header == ("name;a", "email")
    assert [(each.number, each.cells) for each in file.records()] == [(2, ["x", "y"])]


def test_blank_rows_count_and_are_passed_over() -> None:
    """The numbers are those that a spreadsheet shows."""
    file = opened(b"name,email,\r\n,,\r\n\r\nFedEx,a@b.de,\r\n , ,\r\n")
    assert [record.number for record in file.records()] == [4]
    assert [record.number for record in file.records(after=4)] == []


BAD = [
    (b"", "empty"),
    (b"\r\n\r\n", "empty"),
    (b"\r\nname,email\r\n", "header"),
    (b'name,email\r\n"a,b\r\n', "Row 2 cannot be read as CSV"),
    (b'name,email\r\n"a"b,c\r\n', "Row 2 cannot be read as CSV"),
    (b'name,email\r\n"' + b"a" * 200_000 + b'",c\r\n', "Row 2 cannot be read as CSV"),
    (b"name,email\r\n" + b"a" * 400_000, "Row 2 cannot be read as CSV"),
    (b"name\x81,email\r\n", "encoding"),
    (b"\xff\xfen\x00a", "encoding"),
    (b"\xff\xfe\x00\xd8a\x00", "encoding"),
]


@pytest.mark.parametrize(("content", "why"), BAD)
def test_a_file_that_is_none_is_refused_in_a_sentence(content: bytes, why: str) -> None:
    """Before anything of it is used."""
    with pytest.raises(BadFile, match=why):
        opened(content)


class Long(io.RawIOBase):
    """A file of so many rows, of which none is ever held."""

    def __init__(self, rows: int) -> None:
        self._parts = self._lines(rows)
        self._left = b""

    def _lines(self, rows: int) -> Iterator[bytes]:
        yield b"name,email\r\n"
        for number in range(rows):
            yield b'"A carrier of goods, of a long name",a%d@carriers.com\r\n' % number

    def readable(self) -> bool:
        return True

    def readinto(self, into: "bytearray | memoryview") -> int:  # type: ignore[override]
        while len(self._left) < len(into) and (part := next(self._parts, b"")):
            self._left += part
        taken, self._left = self._left[: len(into)], self._left[len(into) :]
        into[: len(taken)] = taken
        return len(taken)


def peak_of(rows: int) -> int:
    """How many bytes it takes to read a file of so many rows."""
    source: Callable[[], BinaryIO] = lambda: io.BufferedReader(Long(rows))  # noqa: E731
    tracemalloc.start()
    try:
        assert sum(1 for _ in inspected(source).records()) == rows
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_long_file_needs_no_more_memory_than_a_short_one() -> None:
    """Six times the rows, and the same peak, within a tenth."""
    short, long = peak_of(2_000), peak_of(12_000)
    assert long < short * 1.1 + 100_000
