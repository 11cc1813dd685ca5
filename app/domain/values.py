"""Values that cannot exist when they break a rule. Built by the API's schemas, held by commands.

Each takes raw text and keeps it in its normal form, or raises `InvalidValue` with one sentence.
"""

import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from app.domain.errors import InvalidValue

NAME_MAX_CHARACTERS = 255
EMAIL_MAX_CHARACTERS = 254

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


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ"
