"""The fields of a command's form, as its declaration has them, and what is read of a sent form.

What was typed becomes the JSON of the API's body, which the API's schema checks: the form knows the
shape of a field, and no rule.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import ValidationError

from app.api.http.validation import ValidationFailed, sentences
from app.api.schemas.commands import body_schema
from app.api.schemas.profile import ProfileFields
from app.application.strict_json import NotStrictJson, parse
from app.domain.command import Declaration, Input, ListInput, NumberInput, ObjectInput
from app.domain.profile.coverage import SERVICES
from app.domain.profile.identifiers import SCHEMES
from app.domain.profile.people import ROLES

_LISTS: Final[Mapping[str, str]] = {
    "aliases": "lines",
    "identifiers": "identifiers",
    "coverage": "coverage",
    "contacts": "contacts",
    "tags": "words",
    "metadata": "json",
}
"""Parts of a profile that are no single line, and how each is typed."""

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "identifiers": SCHEMES,
    "coverage": SERVICES,
    "contacts": ROLES,
}
"""What the first field of each row is chosen from, by the kind of table."""

_BLANK_ROWS = 2
_NUMBER_DIGITS = 10
_SEPARATORS = re.compile(r"[\s,;]+")
_ROW = re.compile(r"(?:identifiers|coverage|contacts)-([0-9]{1,3})-[a-z_]+")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. `kind` says how it is typed: `text`, `number`, `choice`, `day`,
    `lines`, `words`, `identifiers`, `coverage`, `contacts`, `json`, or `object`, which has its
    `parts` typed each in a field of its own, `limit-amount`."""

    name: str
    kind: str
    description: str
    required: bool = False
    example: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""
    maximum: int | None = None
    parts: tuple["Field", ...] = ()


def fields_of(declaration: Declaration) -> list[Field]:
    """The fields, in the order of the declaration; a profile's parts come last."""
    fields = [
        _declared(each.name, each.input, required=each.required) for each in declaration.inputs
    ]
    if declaration.takes_profile:
        fields += [_part(name, each.metadata) for name, each in ProfileFields().fields.items()]
    return fields


def numbers_of(declaration: Declaration) -> list[str]:
    """The fields that name a document, a proposal or another thing of the carrier by its number."""
    return [each.name for each in declaration.inputs if isinstance(each.input, NumberInput)]


def body_in(fields: list[Field], typed: Mapping[str, str], *, is_new: bool) -> dict[str, Any]:
    """What a form says, as the JSON of a body. Of a new carrier nothing is said that was left
    empty; of another one an empty field takes away what was there."""
    body = {each.name: _read(each, typed) for each in fields}
    may_lack = {each.name for each in fields if not each.required}
    optional = may_lack if is_new else may_lack - _parts()
    return {
        name: value
        for name, value in body.items()
        if not (name in optional and value in ("", None, [], {}))
    }


def loaded(declaration: Declaration, said: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a command's fields, by the API's schema. Raises ValidationFailed."""
    try:
        values: dict[str, Any] = body_schema(declaration)().load(said)
    except ValidationError as error:
        raise ValidationFailed(sentences({"form": error.messages_dict})) from error
    return values


def values_in(fields: list[Field], said: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows in each field of what was said."""
    return {each.name: shown_in(each, said.get(each.name)) for each in fields}


def by_field(problems: Mapping[str, str]) -> dict[str, list[str]]:
    """The sentences about each field, of problems by their paths in the body."""
    found: dict[str, list[str]] = {}
    for path, sentence in problems.items():
        found.setdefault(path.partition(".")[0], []).append(sentence)
    return found


def _declared(name: str, given: Input, *, required: bool) -> Field:
    if isinstance(given, ObjectInput):
        parts = tuple(
            _declared(f"{name}-{part}", each, required=required)
            for part, each in given.parts.items()
        )
        return Field(name, "object", given.description, required=required, parts=parts)
    keywords = given.keywords
    return Field(
        name,
        _kind(given),
        given.description,
        required=required,
        example=", ".join(given.example) if isinstance(given, ListInput) else str(given.example),
        choices=tuple(keywords.get("enum", ())),
        default=keywords.get("default", ""),
        maximum=keywords.get("maxLength"),
    )


def _kind(given: Input) -> str:
    if isinstance(given, NumberInput):
        return "number"
    if isinstance(given, ListInput):
        return "words"
    if "enum" in given.keywords:
        return "choice"
    return "day" if given.keywords.get("format") == "date" else "text"


def _part(name: str, about: Mapping[str, Any]) -> Field:
    kind = _LISTS.get(name, "text")
    choices = _CHOICES.get(kind, ())
    example = about["example"] if kind == "text" else ""
    return Field(
        name, kind, about["description"].replace("`", ""), example=example, choices=choices
    )


def _parts() -> frozenset[str]:
    return frozenset(ProfileFields().fields)


def _read(field: Field, typed: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    if field.kind == "object":
        return _object(field, typed)
    if read_row := _ROWS.get(field.kind):
        return [read_row(row) for row in _rows(field.name, typed) if _is_typed(row)]
    text = typed.get(field.name, "").strip()
    if read := _TEXTS.get(field.kind):
        return read(text)
    return text if text or field.name not in _parts() else None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _words(text: str) -> list[str]:
    return [word for word in _SEPARATORS.split(text) if word]


def _number(text: str) -> int | str:
    """The whole number in the text; what is none stays text, which the schema refuses."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS
    return int(text) if is_number else text


def _object(field: Field, typed: Mapping[str, str]) -> dict[str, str]:
    """The parts of an object; none, if all of them were left empty."""
    parts = {
        each.name.removeprefix(f"{field.name}-"): typed.get(each.name, "").strip()
        for each in field.parts
    }
    return parts if any(parts.values()) else {}


def _rows(name: str, typed: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The rows of a table in the form, by their numbers."""
    numbers = {int(found[1]) for each in typed if (found := _ROW.fullmatch(each))}
    for number in sorted(numbers):
        begin = f"{name}-{number}-"
        row = {
            each.removeprefix(begin): text.strip()
            for each, text in typed.items()
            if each.startswith(begin)
        }
        if row:
            yield row


def _is_typed(row: Mapping[str, str]) -> bool:
    """A row whose scheme or role alone is chosen is a blank one."""
    return any(text for name, text in row.items() if name not in {"scheme", "role"})


def _identifier(row: Mapping[str, str]) -> dict[str, str]:
    days = {name: row[name] for name in ("valid_from", "valid_to") if row.get(name)}
    return {"scheme": row.get("scheme", ""), "value": row.get("value", ""), **days}


def _coverage(row: Mapping[str, str]) -> dict[str, Any]:
    codes = _words(row.get("countries", ""))
    codes = [each.lower() if each.lower() == "worldwide" else each for each in codes]
    return {"service": row.get("service", ""), "countries": codes}


def _contact(row: Mapping[str, str]) -> dict[str, str]:
    ways = {name: row[name] for name in ("phone", "email") if row.get(name)}
    return {"role": row.get("role", ""), "name": row.get("name", ""), **ways}


def _json(text: str) -> Any:  # noqa: ANN401 - JSON
    """The JSON in the text; what is none stays text, which the schema refuses."""
    if not text:
        return {}
    try:
        return parse(text.encode())
    except NotStrictJson:
        return text


_TEXTS: Final[Mapping[str, Callable[[str], Any]]] = {
    "lines": _lines,
    "words": _words,
    "number": _number,
    "json": _json,
}
"""What a text of some kind says."""

_ROWS: Final[Mapping[str, Callable[[Mapping[str, str]], dict[str, Any]]]] = {
    "identifiers": _identifier,
    "coverage": _coverage,
    "contacts": _contact,
}
"""What a row of some kind of table says."""


def shown_in(field: Field, value: Any) -> Any:  # noqa: ANN401 - JSON
    """What the form shows of a field's value: a text, the texts of an object's parts by their
    fields, or the rows of a table with blank ones. What a tampered form said is left out where the
    field cannot show it."""
    entries = value if isinstance(value, list) else []
    if field.kind in _ROWS:
        rows = [_shown_row(each) for each in entries if isinstance(each, Mapping)]
        return [*rows, *({} for _ in range(_BLANK_ROWS))]
    match field.kind:
        case "lines":
            return "\n".join(map(str, entries))
        case "words":
            return ", ".join(map(str, entries))
        case "object":
            begin, given = f"{field.name}-", value if isinstance(value, Mapping) else {}
            return {each.name: given.get(each.name.removeprefix(begin), "") for each in field.parts}
        case "json" if not isinstance(value, str):
            return json.dumps(value, ensure_ascii=False, indent=2) if value else ""
    return value or field.default


def _shown_row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    countries = row.get("countries")
    return (
        {**row, "countries": ", ".join(map(str, countries))} if isinstance(countries, list) else row
    )
