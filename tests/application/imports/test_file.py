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


@pytest.mark.parametrize(
    "first", [b"sep=;\r\n", b'"sep=;"\r\n', b"SEP=; \n", b"\xef\xbb\xbfsep=;\r"]
)
def test_a_line_that_names_the_delimiter_may_be_quoted(first: bytes) -> None:
    """Or written otherwise than Excel writes it."""
    assert read(first + b"name;a|b|c|d\r\nx;y\r\n") == [["name", "a|b|c|d"], ["x", "y"]]


def test_windows_1252_may_look_like_utf_8_in_places() -> None:
    """An umlaut and a quotation mark behind it, here; what there is more of decides."""
    rows = [["name", "email"], ["„Groß”", "a@b.de"], ["Müller", "a@b.de"], ["Köhler", "a@b.de"]]
    assert read("\n".join(map(",".join, rows)).encode("cp1252")) == rows


def test_a_file_may_end_with_a_byte_of_windows_1252() -> None:
    """Which UTF-8 would go on after."""
    assert read("email,name\na@x.de,Café".encode("cp1252"))[1:] == [["a@x.de", "Café"]]


BAD = [
    (b"PK\x03\x04\x14\x00", "workbook: save it as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1", "workbook: save it as CSV"),
    ("name,email\r\n".encode("utf-16-le"), "The header is no text, or UTF-16 without its mark"),
    ("name,email\r\n".encode("utf-32"), "The header is no text"),
    ("name,email\nMüß,a@b.de\nx,".encode() + b"F\xe9,", "Row 3, column email: .* is not UTF-8"),
    (b"\xef\xbb\xbfname\nF\xe9\n", "Row 2, column name: a byte of it is not UTF-8"),
    (b"name\r\nx,\xe9\x81\r\n", "Row 2, column 2: a byte of it is not Windows-1252"),
    (b"", "empty"),
    (b"\r\n\r\n", "empty"),
    (b"\r\nname,email\r\n", "header"),
    (b'name,email\r\n"a,b\r\n', "Row 2 cannot be read as CSV"),
    (b'name,email\r\n"a"b,c\r\n', "Row 2 cannot be read as CSV"),
    (b'name,email\r\n"' + b"a" * 200_000 + b'",c\r\n', "Row 2 has a cell of more than 131,072 ch"),
    (b"name,email\r\n" + b"a" * 400_000, "Row 2 has a cell of more than 131,072 characters"),
    (b"name\x81,email\r\n", "Row 1, column 1: a byte of it is not Windows-1252"),
    (b"\xff\xfen\x00a", "UTF-16 by its first bytes, but cut short"),
    (b"\xff\xfe\x00\xd8a\x00", "UTF-16 by its first bytes, but cut short"),
    (b"\xff\xfe\x80\xd8a\x00", "Row 1, column 1: a byte of it is not UTF-16"),
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
