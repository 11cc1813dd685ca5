"""From what Marshmallow found to one sentence a field."""

from collections.abc import Iterator, Mapping
from typing import Any

_SHOWN = 100


class ValidationFailed(Exception):
    """Well-formed JSON that breaks a rule, or a query that does. `details` maps each failing
    field to a sentence."""

    def __init__(self, details: Mapping[str, str], *, of_query: bool = False) -> None:
        super().__init__("Validation failed")
        self.details = details
        self.of_query = of_query


def sentences(messages: Mapping[str, Any]) -> dict[str, str]:
    """`messages` as webargs gives them: location → field → sentences, in which `{field}` stands
    for the field's name; the first sentence of each field counts. Fields within a field are
    named by the way to them: `identifiers.0.value`."""
    details: dict[str, str] = {}
    for fields in messages.values():
        for way, found in _failing(fields, ()):
            name = ".".join(way)[:_SHOWN] if way else "body"
            details[name] = found.replace("{field}", name)
    return details


def _failing(
    messages: Mapping[Any, Any], way: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each failing field's way and first sentence. Marshmallow nests its messages as the schemas
    are nested, never as deep as what came in; `_schema` is the object itself."""
    for field, found in messages.items():
        here = way if field == "_schema" else (*way, str(field))
        if isinstance(found, Mapping):
            yield from _failing(found, here)
        else:
            yield here, str(found[0])
