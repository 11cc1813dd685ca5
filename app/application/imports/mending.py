"""Files that are made of a file: with cells mended, or of its refused rows alone."""

import csv
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from app.application.csv_formulas import as_meant, harmless
from app.application.csv_lines import csv_lines
from app.application.imports.columns import BECAUSE
from app.application.imports.file import CsvFile, Record
from app.application.imports.plan import REFUSE, RowPlan

Cells = Mapping[tuple[int, int], str]
"""The text of cells by the numbers of their row and column; columns are counted from 0."""


@dataclass(frozen=True, slots=True)
class RefusedRows:
    """The lines of the file of refused rows, to be mended and imported: those of `file`, with its
    columns, and the reason in one more."""

    file: CsvFile

    @property
    def header(self) -> bytes:
        """The first line, behind the mark that tells spreadsheets that it is UTF-8."""
        names = [self.file.header[index] for index in self._columns]
        return BOM_UTF8 + self._line([*names, BECAUSE])

    def whole(self, rows: Iterable[tuple[Record, RowPlan]]) -> bytes | None:
        """The file, of those of the rows that are refused; None if none is."""
        lines = [self.line(record, plan) for record, plan in rows if plan.kind == REFUSE]
        return b"".join([self.header, *lines]) if lines else None

    def line(self, record: Record, plan: RowPlan) -> bytes:
        """The line of a refused row."""
        width = len(self.file.header)
        cells = [*record.cells, *[""] * (width - len(record.cells))]
        beyond = [each for each in cells[width:] if each.strip()]
        reason = f"{plan.column}: {plan.sentence}" if plan.column else plan.sentence
        return self._line([*(cells[index] for index in self._columns), *beyond, reason])

    @property
    def _columns(self) -> list[int]:
        return [index for index, name in enumerate(self.file.header) if name != BECAUSE]

    def _line(self, cells: Iterable[str]) -> bytes:
        meant = [harmless(as_meant(cell)) for cell in cells]
        return csv_lines([meant], csv.QUOTE_MINIMAL, self.file.delimiter).encode()


def mended(file: CsvFile, cells: Cells) -> bytes:
    """The file with other cells; rows keep their numbers. Raises BadFile."""
    rows: list[list[str]] = [list(file.header)]
    for record in file.records():
        rows += [[] for _ in range(record.number - len(rows) - 1)]
        rows.append([cells.get((record.number, at), each) for at, each in _numbered(record, file)])
    return BOM_UTF8 + csv_lines(rows, csv.QUOTE_ALL, file.delimiter).encode()


def only(file: CsvFile, numbers: Collection[int]) -> bytes:
    """The file with these rows alone. Raises BadFile."""
    rows = [record.cells for record in file.records() if record.number in numbers]
    return BOM_UTF8 + csv_lines([file.header, *rows], csv.QUOTE_ALL, file.delimiter).encode()


def _numbered(record: Record, file: CsvFile) -> Iterable[tuple[int, str]]:
    """The row's cells, as many as the header has at least."""
    missing = [""] * (len(file.header) - len(record.cells))
    return enumerate([*record.cells, *missing])
