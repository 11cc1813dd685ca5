"""A caller's own data about a carrier: a small JSON object that the registry never interprets."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.errors import InvalidValue

METADATA_MAX_BYTES = 4096
METADATA_MAX_KEYS = 50
METADATA_MAX_DEPTH = 4
METADATA_KEY_MAX_CHARACTERS = 64

_TOO_LARGE = f"The metadata must be at most {METADATA_MAX_BYTES} bytes as compact JSON"


@dataclass(frozen=True, slots=True)
class Metadata:
    """A JSON object: at most 4,096 bytes in compact UTF-8 and 50 keys, objects and lists at most
    four deep (itself included), keys of 1 to 64 characters, and numbers that a double can hold."""

    members: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not isinstance(self.members, dict):
            raise InvalidValue("The metadata must be a JSON object")
        if len(self.members) > METADATA_MAX_KEYS:
            raise InvalidValue(f"The metadata must have at most {METADATA_MAX_KEYS} keys")
        _check(self.members)
        text = json.dumps(self.members, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > METADATA_MAX_BYTES:
            raise InvalidValue(_TOO_LARGE)
        object.__setattr__(self, "members", json.loads(text))  # a copy that nobody else holds

    def as_json(self) -> dict[str, Any]:
        """A copy of the object."""
        return dict(self.members)


def _check(members: object) -> None:
    """Refuse values that are not allowed at any depth. Works without recursion, and stops as soon
    as the values seen exceed the limit, so a huge object costs no more. Raises InvalidValue."""
    pending: list[tuple[object, int]] = [(members, 1)]
    seen = 0
    while pending:
        value, depth = pending.pop()
        seen += 1
        if seen > METADATA_MAX_BYTES:  # a value takes a byte at least
            raise InvalidValue(_TOO_LARGE)
        if isinstance(value, dict | list):
            _check_container(value, depth)
            inner = value.values() if isinstance(value, dict) else value
            pending.extend((member, depth + 1) for member in inner)
        else:
            _check_scalar(value)


def _check_container(value: dict[object, object] | list[object], depth: int) -> None:
    if depth > METADATA_MAX_DEPTH:
        raise InvalidValue(f"The metadata must be at most {METADATA_MAX_DEPTH} levels deep")
    if len(value) > METADATA_MAX_BYTES:
        raise InvalidValue(_TOO_LARGE)
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or not 1 <= len(key) <= METADATA_KEY_MAX_CHARACTERS:
                raise InvalidValue(
                    "The metadata must have keys of "
                    f"1 to {METADATA_KEY_MAX_CHARACTERS} characters only"
                )
            _check_text(key)


def _check_scalar(value: object) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int | float):
        try:
            finite = math.isfinite(value)
        except OverflowError:  # an integer beyond a double, which most readers make infinite
            finite = False
        if not finite:
            raise InvalidValue("The metadata must not contain numbers beyond a double's range")
    elif value is not None:
        raise InvalidValue("The metadata must contain JSON only")


def _check_text(text: str) -> None:
    if len(text) > METADATA_MAX_BYTES:
        raise InvalidValue(_TOO_LARGE)
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise InvalidValue("The metadata must not contain NUL or half a surrogate pair")
