"""The fields of a command's form, as its declaration has them, and what is read of a sent form.

What was typed becomes the JSON of the API's body, which the API's schema checks: the form knows the
shape of a field, and no rule.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.api.schemas.profile import ProfileFields
from app.application.strict_json import NotStrictJson, parse
from app.domain.command import Declaration, Given
from app.domain.profile.coverage import SERVICES
from app.domain.profile.identifiers import SCHEMES

_LISTS: Final[Mapping[str, str]] = {
    "aliases": "lines",
    "identifiers": "identifiers",
    "coverage": "coverage",
    "metadata": "json",
}
"""Parts of a profile that are no single line, and how each is typed."""

_BLANK_ROWS = 2
_SEPARATORS = re.compile(r"[\s,;]+")
_ROW = re.compile(r"(?:identifiers|coverage)-([0-9]{1,3})-[a-z_]+")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. `kind` says how it is typed: `text`, `choice`, `day`, `lines`,
    `identifiers`, `coverage` or `json`."""

    name: str
    kind: str
    description: str
    required: bool = False
    example: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""
    maximum: int | None = None


def fields_of(declaration: Declaration) -> list[Field]:
    """The fields, in the order of the declaration; a profile's parts come last."""
    fields = [_declared(each) for each in declaration.inputs]
    if declaration.takes_profile:
        fields += [_part(name, each.metadata) for name, each in ProfileFields().fields.items()]
    return fields


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


def _declared(given: Given) -> Field:
    keywords = given.input.keywords
    kind = "choice" if "enum" in keywords else "day" if keywords.get("format") == "date" else "text"
    return Field(
        given.name,
        kind,
        given.input.description,
        required=given.required,
        example=given.input.example,
        choices=tuple(keywords.get("enum", ())),
        default=keywords.get("default", ""),
        maximum=keywords.get("maxLength"),
    )


def _part(name: str, about: Mapping[str, Any]) -> Field:
    kind = _LISTS.get(name, "text")
    choices = {"identifiers": SCHEMES, "coverage": SERVICES}.get(kind, ())
    example = about["example"] if kind == "text" else ""
    return Field(
        name, kind, about["description"].replace("`", ""), example=example, choices=choices
    )


def _parts() -> frozenset[str]:
    return frozenset(ProfileFields().fields)


def _read(field: Field, typed: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    text = typed.get(field.name, "").strip()
    match field.kind:
        case "lines":
            return [line.strip() for line in text.splitlines() if line.strip()]
        case "identifiers":
            return [_identifier(row) for row in _rows(field.name, typed) if _is_typed(row)]
        case "coverage":
            return [_coverage(row) for row in _rows(field.name, typed) if any(row.values())]
        case "json":
            return _json(text)
    return text if text or field.name not in _parts() else None


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
    """A row whose scheme alone is chosen is a blank one."""
    return any(text for name, text in row.items() if name != "scheme")


def _identifier(row: Mapping[str, str]) -> dict[str, str]:
    days = {name: row[name] for name in ("valid_from", "valid_to") if row.get(name)}
    return {"scheme": row.get("scheme", ""), "value": row.get("value", ""), **days}


def _coverage(row: Mapping[str, str]) -> dict[str, Any]:
    codes = [each for each in _SEPARATORS.split(row.get("countries", "")) if each]
    codes = [each.lower() if each.lower() == "worldwide" else each for each in codes]
    return {"service": row.get("service", ""), "countries": codes}


def _json(text: str) -> Any:  # noqa: ANN401 - JSON
    """The JSON in the text; what is none stays text, which the schema refuses."""
    if not text:
        return {}
    try:
        return parse(text.encode())
    except NotStrictJson:
        return text


def shown_in(field: Field, value: Any) -> Any:  # noqa: ANN401 - JSON
    """What the form shows of a field's value: a text, or the rows of a table with blank ones."""
    match field.kind:
        case "lines":
            return "\n".join(value or [])
        case "identifiers":
            return [*(value or []), *({"scheme": "", "value": ""} for _ in range(_BLANK_ROWS))]
        case "coverage":
            rows = [{**each, "countries": ", ".join(each["countries"])} for each in value or []]
            return [*rows, *({"service": "", "countries": ""} for _ in range(_BLANK_ROWS))]
        case "json":
            if isinstance(value, str):
                return value
            return json.dumps(value, ensure_ascii=False, indent=2) if value else ""
    return value or field.default
