"""A carrier's identifiers, such as SCAC or VAT number, each in the format of its scheme."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.domain.errors import InvalidValue
from app.domain.profile.contact import at_most

IDENTIFIERS_MAX = 50
OWN_MAX_CHARACTERS = 64

_RAW_MAX = 4 * OWN_MAX_CHARACTERS  # as written: more could not become a value
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # the only one of ISO 8601's many


@dataclass(frozen=True, slots=True)
class _Format:
    """A scheme's format: `pattern` must match the text without the `ignored` characters, and its
    group 1 in upper case is the normal form. `sentence` is the error."""

    pattern: str
    sentence: str
    ignored: str = ""

    def read(self, text: str) -> str:
        """The normal form of `text`. Raises InvalidValue."""
        written = text.translate(dict.fromkeys(map(ord, self.ignored)))
        # ASCII: there are letters beyond it whose upper case is an ASCII one.
        found = re.fullmatch(self.pattern, written, re.IGNORECASE | re.ASCII)
        if found is None:
            raise InvalidValue(self.sentence)
        return found[1].upper()


_FORMATS = {
    "scac": _Format("([A-Z]{2,4})", "The SCAC must be 2 to 4 letters"),
    # Leading zeros do not count: 00123 is 123. The number 0 is not given out.
    "usdot": _Format(r"(?=[0-9]{1,8}\Z)0*([1-9][0-9]*)", "The USDOT number must be 1 to 8 digits"),
    "mc": _Format(
        r"(?:MC[ -]?)?(?=[0-9]{1,8}\Z)0*([1-9][0-9]*)", "The MC number must be 1 to 8 digits"
    ),
    "smdg": _Format("([A-Z]{3})", "The SMDG code must be 3 letters"),
    "vat": _Format(
        "([A-Z]{2}[A-Z0-9]{2,13})",
        "The VAT number must be a 2-letter prefix and 2 to 13 letters or digits",
        ignored=" .-",
    ),
    "duns": _Format("([0-9]{9})", "The DUNS number must be 9 digits", ignored="-"),
    "lei": _Format(
        "([A-Z0-9]{18}[0-9]{2})", "The LEI must be 18 letters or digits and 2 check digits"
    ),
}
_OWN = "own"
_OWN_RULE = f"The own identifier must be 1 to {OWN_MAX_CHARACTERS} visible characters"

SCHEMES = (*_FORMATS, _OWN)


@dataclass(frozen=True, slots=True)
class Identifier:
    """One identifier. `valid_from` and `valid_to`, as YYYY-MM-DD, are its first and last day."""

    scheme: str
    value: str
    valid_from: str | None = None
    valid_to: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", identifier_value(self.scheme, self.value))
        for field, text in (("valid_from", self.valid_from), ("valid_to", self.valid_to)):
            if text is not None:
                day(field, text)
        in_order(self.valid_from, self.valid_to)

    def as_json(self) -> dict[str, str]:
        """An object of the fields; a day that is None is left out."""
        days = {"valid_from": self.valid_from, "valid_to": self.valid_to}
        known = {field: text for field, text in days.items() if text is not None}
        return {"scheme": self.scheme, "value": self.value, **known}


@dataclass(frozen=True, slots=True)
class Identifiers:
    """A carrier's identifiers in the caller's order, 50 at most, none twice. A scheme may occur
    several times, as values change over the years."""

    entries: Sequence[Identifier]

    def __post_init__(self) -> None:
        at_most("identifiers", len(self.entries), IDENTIFIERS_MAX)
        if len(set(self.entries)) < len(self.entries):
            raise InvalidValue("The identifiers must not name the same one twice")
        object.__setattr__(self, "entries", tuple(self.entries))

    @classmethod
    def from_json(cls, given: Sequence[Mapping[str, Any]]) -> "Identifiers":
        """The identifiers of JSON objects with the fields of `Identifier`. Raises InvalidValue."""
        at_most("identifiers", len(given), IDENTIFIERS_MAX)
        return cls(
            tuple(
                Identifier(one["scheme"], one["value"], one.get("valid_from"), one.get("valid_to"))
                for one in given
            )
        )

    def as_json(self) -> list[dict[str, str]]:
        """The list of objects that `Identifier.as_json` makes."""
        return [entry.as_json() for entry in self.entries]


def known_scheme(text: str) -> str:
    """`text`, if it is one of SCHEMES. Raises InvalidValue."""
    if text not in SCHEMES:
        raise InvalidValue(f"The scheme must be one of {', '.join(SCHEMES)}")
    return text


def identifier_value(scheme: str, text: str) -> str:
    """`text` in the normal form of its scheme: upper case, trimmed. Raises InvalidValue."""
    written = text.strip()
    if known_scheme(scheme) == _OWN:
        return _own(written)
    value = _FORMATS[scheme].read(written)
    if scheme == "lei" and not has_valid_check_digits(value):
        raise InvalidValue("The LEI must have check digits that fit it")
    return value


def day(field: str, text: str) -> str:
    """`text`, if it is an existing day as YYYY-MM-DD; `field` names it in the error. Raises
    InvalidValue."""
    if _DAY.fullmatch(text):
        with suppress(ValueError):  # no such day
            return date.fromisoformat(text).isoformat()
    raise InvalidValue(f"The {field} must be a day such as 2026-01-31")


def in_order(valid_from: str | None, valid_to: str | None) -> None:
    """Check that the last day is not before the first. Raises InvalidValue."""
    if valid_from is not None and valid_to is not None and valid_to < valid_from:
        raise InvalidValue("The valid_to must not be before the valid_from")


def has_valid_check_digits(text: str) -> bool:
    """Check the last two of these ASCII letters and digits by ISO 7064 MOD 97-10, as ISO 17442 has
    it for an LEI: letters count as 10 to 35."""
    return int("".join(str(int(character, 36)) for character in text)) % 97 == 1


def _own(written: str) -> str:
    # Only as much as could become a value is normalised, as NFC takes quadratic time.
    value = unicodedata.normalize("NFC", written[:_RAW_MAX].upper())
    if not 1 <= len(value) <= OWN_MAX_CHARACTERS or len(written) > _RAW_MAX:
        raise InvalidValue(_OWN_RULE)
    if any(unicodedata.category(character)[0] in "CZ" for character in value):
        raise InvalidValue(_OWN_RULE)
    return value
