"""An import on its way through the desk's forms: the file, what its columns are taken for, and what
was shown of its plan. Nothing of it is kept on the server."""

import binascii
import io
import re
import zlib
from array import array
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from flask import current_app, request
from marshmallow import ValidationError
from werkzeug.exceptions import BadRequest

from app.api.http.validation import sentences
from app.api.resources.imports import import_of, mapped
from app.api.schemas.imports import ImportQuerySchema
from app.application.csv_formulas import as_meant, harmless
from app.application.imports.columns import FIELDS, Columns, checked, guess
from app.application.imports.file import BadFile, CsvFile, Record, inspected
from app.application.imports.mending import mended, only
from app.application.imports.run import Import, Planned

_DAMAGED = "What this form holds of the file is damaged: choose the file again"
_DIGEST_BYTES = 8
_CELL = re.compile("cell-([0-9]{1,7})-[0-9]{1,7}")


@dataclass(frozen=True, slots=True)
class Draft:
    """A file, its columns, which may not be fit to read it by, and the import's name. `shown` are
    the digests of the plan's rows that somebody has seen, and `shown_of` the import's id then."""

    body: bytes
    file: CsvFile
    columns: Columns
    name: str = ""
    shown: "array[int]" = field(default_factory=lambda: array("Q"))
    shown_of: str = ""

    @property
    def packed(self) -> str:
        """The file as a form holds it."""
        return urlsafe_b64encode(zlib.compress(self.body)).decode()

    @property
    def packed_shown(self) -> str:
        """The digests, likewise."""
        parts = (each.to_bytes(_DIGEST_BYTES) for each in self.shown)
        return urlsafe_b64encode(b"".join(parts)).decode()

    def opened(self) -> Import:
        """The import. Raises BadFile."""
        return import_of(self.file, checked(self.columns), self.name)

    def with_plan(self, one: Import, rows: Sequence[Planned]) -> "Draft":
        """The draft once somebody is shown this plan."""
        digests = array("Q", (plan.digest for _, plan in rows))
        return replace(self, shown=digests, shown_of=str(one.id.id))

    def of_rows(self, numbers: frozenset[int]) -> "Draft":
        """Another one, of these rows alone. Raises BadFile."""
        return _drafted(only(self.file, numbers), self.columns, "")


def uploaded() -> Draft:
    """What somebody has chosen. Raises BadFile."""
    file = request.files.get("file")
    body = file.read() if file else b""
    if not body:
        raise BadFile("Choose a file: none was sent, or it is empty")
    draft = _drafted(body, None, "")
    if mapping := request.form.get("mapping", ""):
        draft = replace(draft, columns=mapped(draft.file, mapping))
    if len(draft.packed) > _limit() // 2:
        raise BadFile("The file is too large for a form: split it, or import it by shell")
    return draft


def sent() -> Draft:
    """What a page's form holds, with the cells that were mended in it. Raises BadFile and
    BadRequest."""
    typed = request.form
    body = _unpacked(typed.get("file", ""))
    file = _inspected(body)
    fields = [typed.get(f"column-{place}", "") for place in range(len(file.header))]
    columns = Columns(file.header, tuple(each if each in FIELDS else None for each in fields))
    if cells := dict(_mended_cells(file)):
        body = mended(file, cells)
    draft = _drafted(body, columns, _name(typed.get("name", "")))
    digests = _digests(typed.get("shown", ""))
    return replace(draft, shown=digests, shown_of=typed.get("shown_of", ""))


def cell_name(record: Record, place: int) -> str:
    """What the field for a cell is called."""
    return f"cell-{record.number}-{place}"


def _mended_cells(file: CsvFile) -> Iterator[tuple[tuple[int, int], str]]:
    """The cells that were typed otherwise than they were shown. A form changes line ends."""
    typed = request.form
    numbers = {int(found[1]) for name in typed if (found := _CELL.fullmatch(name))}
    for record in file.records() if numbers else ():
        if record.number in numbers:
            cells = [*record.cells, *[""] * (len(file.header) - len(record.cells))]
            for place, cell in enumerate(cells):
                text = typed.get(cell_name(record, place))
                if text is not None and text.splitlines() != as_meant(cell).splitlines():
                    yield (record.number, place), harmless(text)


def _drafted(body: bytes, columns: Columns | None, name: str) -> Draft:
    file = _inspected(body)
    return Draft(body, file, columns or guess(file.header), name)


def _inspected(body: bytes) -> CsvFile:
    return inspected(lambda: io.BytesIO(body))


def _name(text: str) -> str:
    """Raises BadFile."""
    try:
        name: str = ImportQuerySchema().load({"name": text.strip()}).name
    except ValidationError as error:
        (sentence,) = sentences({"query": error.messages_dict}).values()
        raise BadFile(sentence) from error
    return name


def _unpacked(text: str) -> bytes:
    """Raises BadRequest for what is no file, or a larger one than a request may have."""
    reader = zlib.decompressobj()
    try:
        body = reader.decompress(urlsafe_b64decode(text.encode()), _limit())
    except (binascii.Error, UnicodeEncodeError, ValueError, zlib.error) as error:
        raise BadRequest(_DAMAGED) from error
    if not reader.eof:
        raise BadRequest(_DAMAGED)
    return body


def _digests(text: str) -> "array[int]":
    """Raises BadRequest."""
    try:
        parts = urlsafe_b64decode(text.encode())
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise BadRequest(_DAMAGED) from error
    starts = range(0, len(parts), _DIGEST_BYTES)
    return array("Q", (int.from_bytes(parts[start : start + _DIGEST_BYTES]) for start in starts))


def _limit() -> int:
    size: int = current_app.config["MAX_CONTENT_LENGTH"]
    return size
