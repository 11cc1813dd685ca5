"""By what the caller's books know the bank account that a carrier is paid into."""

import re
import unicodedata
from dataclasses import dataclass

from app.domain.errors import InvalidValue
from app.domain.profile.identifiers import has_valid_check_digits

BANK_REFERENCE_MAX_CHARACTERS = 64

_RULE = (
    f"The bank reference must be 1 to {BANK_REFERENCE_MAX_CHARACTERS} visible characters,"
    " with single spaces between them"
)
# ISO 13616: country, check digits, and the account in its country's form.
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


@dataclass(frozen=True, slots=True)
class BankReference:
    """An IBAN, or the account's number in the books of whoever pays. What has the form of an IBAN
    must have check digits that fit it, and is kept in upper case without spaces."""

    text: str

    def __post_init__(self) -> None:
        text = self.text.strip()
        if not 1 <= len(text) <= BANK_REFERENCE_MAX_CHARACTERS or "  " in text:
            raise InvalidValue(_RULE)
        if any(unicodedata.category(each)[0] in "CZ" for each in text.replace(" ", "")):
            raise InvalidValue(_RULE)
        bare = text.replace(" ", "")
        if bare.isascii() and _IBAN.fullmatch(bare.upper()):
            text = bare.upper()
            if not has_valid_check_digits(text[4:] + text[:4]):
                raise InvalidValue(
                    "The bank reference has the form of an IBAN and must have check digits that"
                    " fit it"
                )
        object.__setattr__(self, "text", text)

    def as_json(self) -> str:
        """The reference, such as DE89370400440532013000."""
        return self.text
