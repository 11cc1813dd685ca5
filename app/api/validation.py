"""From what Marshmallow found to one sentence a field."""

from collections.abc import Mapping
from typing import Any

_SHOWN = 100


class ValidationFailed(Exception):
    """Well-formed JSON that breaks a rule. `details` maps each failing field to a sentence."""

    def __init__(self, details: Mapping[str, str]) -> None:
        super().__init__("Validation failed")
        self.details = details


def sentences(messages: Mapping[str, Any]) -> dict[str, str]:
    """`messages` as webargs gives them: location → field → sentences, in which `{field}` stands
    for the field's name; the first sentence of each field counts."""
    details: dict[str, str] = {}
    for fields in messages.values():
        for field, found in fields.items():
            name = "body" if field == "_schema" else str(field)[:_SHOWN]
            details[name] = str(found[0]).replace("{field}", name)
    return details
