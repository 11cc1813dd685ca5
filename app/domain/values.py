"""Values that cannot exist when they break a rule. Built by the API's schemas, held by commands.

Each takes raw text and keeps it in its normal form, or raises `InvalidValue` with one sentence.
"""

import unicodedata
from contextlib import suppress
from dataclasses import dataclass

import idna
from email_validator import EmailNotValidError, validate_email

from app.domain.errors import InvalidValue

NAME_MAX_CHARACTERS = 255
EMAIL_MAX_CHARACTERS = 254
REASON_MAX_CHARACTERS = 500
CATEGORIES = ("insurance", "authority", "safety", "fraud", "commercial", "other")
"""What a suspension may be about."""

_REASON_TOO_LONG = f"The reason must be at most {REASON_MAX_CHARACTERS} characters long"

# Cc: control characters; Zl, Zp: line and paragraph separators, which are line breaks to a
# terminal or a log; Cs: lone surrogates, which are not text at all.
_NOT_IN_A_NAME = frozenset({"Cc", "Zl", "Zp", "Cs"})


@dataclass(frozen=True, slots=True)
class CarrierName:
    """A carrier's name: trimmed, NFC, 1 to 255 characters (code points), no control characters."""

    text: str

    def __post_init__(self) -> None:
        # NFC takes quadratic time, so no more of it than could still be a name: it joins four
        # characters at most into one.
        raw = self.text.strip()
        if len(raw) > 4 * NAME_MAX_CHARACTERS:
            raise InvalidValue(f"The name must be at most {NAME_MAX_CHARACTERS} characters long")
        text = unicodedata.normalize("NFC", raw).strip()
        object.__setattr__(self, "text", text)
        # A name of nothing but joiners and other invisible format characters shows as no name.
        if not any(_is_visible(character) for character in text):
            raise InvalidValue("The name must not be blank")
        if len(text) > NAME_MAX_CHARACTERS:
            raise InvalidValue(f"The name must be at most {NAME_MAX_CHARACTERS} characters long")
        if any(unicodedata.category(character) in _NOT_IN_A_NAME for character in text):
            raise InvalidValue("The name must not contain control characters")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address as email-validator normalises it (RFC 5321, 6531), at most 254 characters.

    No DNS is asked: whether a mail server answers today says nothing about the rule.
    """

    text: str

    def __post_init__(self) -> None:
        if len(self.text) > EMAIL_MAX_CHARACTERS:
            raise InvalidValue(f"The email must be at most {EMAIL_MAX_CHARACTERS} characters long")
        try:
            valid = validate_email(self.text, check_deliverability=False)
        except EmailNotValidError as error:
            raise InvalidValue("The email must be a valid email address") from error
        object.__setattr__(self, "text", valid.normalized)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was done: trimmed, NFC, 1 to 500 characters on one line."""

    text: str

    def __post_init__(self) -> None:
        raw = self.text.strip()
        if len(raw) > 4 * REASON_MAX_CHARACTERS:
            raise InvalidValue(_REASON_TOO_LONG)
        text = unicodedata.normalize("NFC", raw).strip()
        object.__setattr__(self, "text", text)
        if not any(_is_visible(character) for character in text):
            raise InvalidValue("The reason must not be blank")
        if len(text) > REASON_MAX_CHARACTERS:
            raise InvalidValue(_REASON_TOO_LONG)
        if any(unicodedata.category(character) in _NOT_IN_A_NAME for character in text):
            raise InvalidValue("The reason must not contain control characters")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Category:
    """What a suspension is about: one of CATEGORIES."""

    text: str = "other"

    def __post_init__(self) -> None:
        if self.text not in CATEGORIES:
            raise InvalidValue(f"The category must be one of {', '.join(CATEGORIES)}")

    def __str__(self) -> str:
        return self.text


def comparable_email(text: str) -> str:
    """What two spellings of one address have in common: case-folded, NFKC, the domain in IDNA.

    Of stored text, which may be older than today's rules: it never refuses.
    """
    local, at, domain = unicodedata.normalize("NFKC", text).rpartition("@")
    return f"{_folded(local)}{at}{_comparable_domain(domain)}"


def _comparable_domain(domain: str) -> str:
    folded = _folded(domain)
    if domain.isascii():
        return folded
    # As it is written first: folding makes "ss" of "ß", which to IDNA is another domain.
    for spelling in (domain, folded):
        with suppress(idna.IDNAError):
            return idna.encode(spelling, uts46=True).decode()
    return folded


def _folded(text: str) -> str:
    # Folding can undo the normal form, and the normal form the folding.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.casefold()).casefold())


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ"
