"""From the cells of a row to the values of a carrier's fields. An empty cell says nothing: the
field stays as it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.application.csv_formulas import as_meant
from app.application.imports.columns import CARRIER_ID, IDENTIFIERS, VERSION, Columns
from app.application.imports.file import Record
from app.application.strict_json import NotStrictJson, parse

ReadValues = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From JSON by field to values, as a request's body is read. Raises BadValues."""


class BadValues(Exception):
    """Fields break their rules; `details` maps each to one sentence."""

    def __init__(self, details: Mapping[str, str]) -> None:
        super().__init__("Values are invalid")
        self.details = details


class RefusedRow(Exception):
    """The row cannot be applied: `sentence` says why, `column` is the file's own name."""

    def __init__(self, sentence: str, column: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.column = column


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says. `values` are those of the fields of commands; `version` is the one that its
    writer has seen the carrier at."""

    number: int
    carrier_id: str | None
    version: int | None
    values: Mapping[str, Any]

    @property
    def email(self) -> str | None:
        """The address in its normal form."""
        return self.values["email"].text if "email" in self.values else None

    @property
    def identifiers(self) -> frozenset[tuple[str, str]]:
        """Scheme and value of each identifier, in normal form."""
        return frozenset(
            (each["scheme"], each["value"]) for each in self.values.get(IDENTIFIERS, ())
        )


def row_of(record: Record, columns: Columns, read: ReadValues) -> Row:
    """The row's values. Raises RefusedRow for the first that breaks a rule."""
    said = _said(record, columns)
    carrier_id, version = said.pop(CARRIER_ID, None), said.pop(VERSION, None)
    try:
        values = read(_body(said, columns))
    except BadValues as error:
        way, sentence = next(iter(error.details.items()))
        raise RefusedRow(sentence, _column_of(way, said, columns)) from error
    return Row(record.number, _id(carrier_id, columns), _version(version, columns), dict(values))


def _said(record: Record, columns: Columns) -> dict[str, str]:
    """The cells that say something, by field."""
    width = len(columns.fields)
    if any(map(str.strip, record.cells[width:])):
        raise RefusedRow(f"The row has more cells than the header, which has {width}")
    return {
        field: meant
        for field, cell in zip(columns.fields, record.cells, strict=False)
        if field is not None and (meant := as_meant(cell).strip())
    }


def _body(said: Mapping[str, str], columns: Columns) -> dict[str, Any]:
    """As a request's body would have it."""
    own = [{"scheme": each, "value": said[each]} for each in columns.schemes if each in said]
    body = {
        field: _json(field, text, columns)
        for field, text in said.items()
        if field not in columns.schemes
    }
    return body | {IDENTIFIERS: own} if own else body


def _json(field: str, text: str, columns: Columns) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a cell: JSON for lists and objects, or what people write instead."""
    write = _WRITTEN.get(field)
    if write is None and field != "metadata":
        return text
    if write is not None and not text.startswith("["):
        return [write(each.strip()) for each in text.split(";") if each.strip()]
    try:
        return parse(text)
    except NotStrictJson as error:
        raise RefusedRow(f"The {field} {error.why}", columns.name_of(field)) from error


def _identifier(text: str) -> dict[str, str]:
    """`scheme:value`."""
    scheme, _, value = text.partition(":")
    return {"scheme": scheme.strip().lower(), "value": value.strip()}


def _coverage(text: str) -> dict[str, Any]:
    """`service:DE,FR` or `service:worldwide`."""
    service, _, countries = text.partition(":")
    return {
        "service": service.strip(),
        "countries": [each.strip() for each in countries.split(",")],
    }


def _contact(text: str) -> dict[str, str]:
    """`role:name:phone` or `role:name:email`."""
    role, _, rest = text.partition(":")
    name, _, reached = rest.rpartition(":")
    return {"role": role.strip(), "name": name, "email" if "@" in reached else "phone": reached}


_WRITTEN: Mapping[str, Callable[[str], Any]] = {
    "aliases": str,
    IDENTIFIERS: _identifier,
    "coverage": _coverage,
    "contacts": _contact,
    "tags": str,
}
"""How people write an entry of a list, with `;` between two of them."""


def _column_of(way: str, said: Mapping[str, str], columns: Columns) -> str | None:
    """The column of a field's path, such as `identifiers.0.value`."""
    field, _, rest = way.partition(".")
    if field == IDENTIFIERS and columns.schemes:
        place, _, _ = rest.partition(".")
        named = [each for each in columns.schemes if each in said]
        field = named[int(place)] if place.isdecimal() else named[0]
    return columns.name_of(field)


def _id(text: str | None, columns: Columns) -> str | None:
    try:
        return None if text is None else str(UUID(text))
    except ValueError:
        raise RefusedRow("The carrier_id must be a UUID", columns.name_of(CARRIER_ID)) from None


def _version(text: str | None, columns: Columns) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 10:  # noqa: PLR2004 - digits of 2**31
        return int(text)
    raise RefusedRow("The version must be a whole number", columns.name_of(VERSION))
