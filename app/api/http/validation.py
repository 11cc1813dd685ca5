"""Turns Marshmallow's error messages into one sentence a field."""

from collections.abc import Iterator, Mapping
from typing import Any

_SHOWN = 100


class ValidationFailed(Exception):
    """A body or a query breaks a rule. `details` maps each invalid field to one sentence;
    `of_query` says that it is the query."""

    def __init__(self, details: Mapping[str, str], *, of_query: bool = False) -> None:
        super().__init__("Validation failed")
        self.details = details
        self.of_query = of_query


def sentences(messages: Mapping[str, Any]) -> dict[str, str]:
    """The first sentence of each field, by the field's path, such as `identifiers.0.value`.
    `messages` has webargs' form: location → field → sentences, with `{field}` for the path."""
    details: dict[str, str] = {}
    for fields in messages.values():
        for way, found in _failing(fields, ()):
            name = ".".join(way)[:_SHOWN] if way else "body"
            details[name] = found.replace("{field}", name)
    return details


def _failing(
    messages: Mapping[Any, Any], way: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """The path and first sentence of each invalid field. Marshmallow nests its messages as deep as
    the schemas, never as deep as the input; `_schema` is the object itself."""
    for field, found in messages.items():
        here = way if field == "_schema" else (*way, str(field))
        if isinstance(found, Mapping):
            yield from _failing(found, here)
        else:
            yield here, str(found[0])
