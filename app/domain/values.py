"""Value objects, which are always valid. Made by the API's schemas, held by commands.

Each is made from raw text and holds its normal form; invalid text raises `InvalidValue`.
"""

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import idna
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from app.domain.errors import InvalidValue

NAME_MAX_CHARACTERS = 255
EMAIL_MAX_CHARACTERS = 254
REASON_MAX_CHARACTERS = 500
_UUID_MAX_CHARACTERS = 45  # with urn:uuid: and hyphens
CATEGORIES = ("insurance", "authority", "safety", "fraud", "commercial", "other")
"""The categories of a suspension."""

# What most addresses are: lower case, ASCII, a dot-atom, labels without two hyphens in a row. Such
# an address is valid and its own normal form, which costs the library many times as much to say.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"(?![a-z0-9-]{64})[a-z0-9]+(?:-[a-z0-9]+)*"
_PLAIN_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}(?<=[a-z])")
_RESERVED_DOMAINS = tuple(f"{at}{name}" for name in SPECIAL_USE_DOMAIN_NAMES for at in "@.")

# Cc: control characters; Zl, Zp: line and paragraph separators, which are line breaks to a
# terminal or a log; Cs: lone surrogates, which are not text at all.
_NOT_IN_A_LINE = frozenset({"Cc", "Zl", "Zp", "Cs"})


@dataclass(frozen=True, slots=True)
class CarrierName:
    """A carrier's name: trimmed, NFC, 1 to 255 characters (code points), no control characters."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", one_line("name", NAME_MAX_CHARACTERS, self.text))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address as email-validator normalises it (RFC 5321, 6531), at most 254 characters.

    DNS is not queried: whether a mail server answers today does not decide if an address is valid.
    """

    text: str

    def __post_init__(self) -> None:
        if len(self.text) > EMAIL_MAX_CHARACTERS:
            raise InvalidValue(f"The email must be at most {EMAIL_MAX_CHARACTERS} characters long")
        if is_plain_email(self.text):
            return
        try:
            valid = validate_email(self.text, check_deliverability=False)
        except EmailNotValidError as error:
            raise InvalidValue("The email must be a valid email address") from error
        object.__setattr__(self, "text", valid.normalized)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason for a command: trimmed, NFC, 1 to 500 characters on one line."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", one_line("reason", REASON_MAX_CHARACTERS, self.text))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Category:
    """The category of a suspension: one of CATEGORIES."""

    text: str = "other"

    def __post_init__(self) -> None:
        one_of("category", CATEGORIES, self.text)

    def __str__(self) -> str:
        return self.text


def one_line(field: str, maximum: int, text: str) -> str:
    """`text` trimmed and in NFC: 1 to `maximum` characters (code points) without control
    characters. Raises InvalidValue."""
    # NFC takes quadratic time and joins at most four characters into one, so longer text
    # is not normalised: it could not become short enough.
    raw = text.strip()
    if 0 < len(raw) <= maximum and raw.isascii() and raw.isprintable():
        return raw  # as most texts are: in NFC, visible, and without control characters
    if len(raw) > 4 * maximum:
        raise InvalidValue(f"The {field} must be at most {maximum} characters long")
    line = unicodedata.normalize("NFC", raw).strip()
    # A text that has only joiners and other invisible format characters is displayed as blank.
    if not any(_is_visible(character) for character in line):
        raise InvalidValue(f"The {field} must not be blank")
    if len(line) > maximum:
        raise InvalidValue(f"The {field} must be at most {maximum} characters long")
    if any(unicodedata.category(character) in _NOT_IN_A_LINE for character in line):
        raise InvalidValue(f"The {field} must not contain control characters")
    return line


def one_of(field: str, choices: Sequence[str], text: str) -> str:
    """`text`, if it is one of the choices. Raises InvalidValue."""
    if text not in choices:
        raise InvalidValue(f"The {field} must be one of {', '.join(choices)}")
    return text


def carrier_id(field: str, text: str) -> str:
    """The id in its normal form, lower case with hyphens; `field` names it in the error. Raises
    InvalidValue."""
    with suppress(ValueError):
        if len(text) <= _UUID_MAX_CHARACTERS:
            return str(UUID(text))
    raise InvalidValue(f"The {field} must be a carrier's id, a UUID")


def is_plain_email(text: str) -> bool:
    """Whether it is an address of the form that most have, for which nothing needs to be looked up;
    False says nothing about other texts of up to EMAIL_MAX_CHARACTERS."""
    return _PLAIN_EMAIL.fullmatch(text) is not None and not text.endswith(_RESERVED_DOMAINS)


def comparable_email(text: str) -> str:
    """The form that all spellings of one address share: case-folded, NFKC, the domain in IDNA.

    It accepts any text, as a stored address may be older than today's rules.
    """
    local, at, domain = unicodedata.normalize("NFKC", text).rpartition("@")
    return f"{_folded(local)}{at}{comparable_domain(domain)}"


def comparable_domain(domain: str) -> str:
    """The form that all spellings of one domain share: case-folded, in IDNA; of any text."""
    folded = _folded(domain)
    if domain.isascii():
        return folded
    # The original spelling comes first: folding makes "ss" of "ß", which is another domain in IDNA.
    for spelling in (domain, folded):
        with suppress(idna.IDNAError):
            return idna.encode(spelling, uts46=True).decode()
    return folded


def _folded(text: str) -> str:
    # Case folding can undo the normal form, and normalising can undo the folding.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.casefold()).casefold())


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ"
