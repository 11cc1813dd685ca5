"""By what the caller's books know the bank account that a carrier is paid into."""

import re
from dataclasses import dataclass

from app.domain.errors import InvalidValue
from app.domain.profile.identifiers import has_valid_check_digits
from app.domain.values import one_line

BANK_REFERENCE_MAX_CHARACTERS = 64

# ISO 13616: country, check digits, and the account; people write it in groups.
_IBAN = re.compile(r"(?:IBAN:?)?([A-Z]{2}[0-9]{2}[A-Z0-9]{11,30})")
_GROUPS = str.maketrans("", "", " -")
_LENGTHS = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "FK", "FO", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"), 20),
    **dict.fromkeys(("CH", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "OM", "SO", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("LY", "PT", "ST"), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(
        ("AL", "AZ", "BY", "CY", "DO", "EG", "GT", "HN", "HU", "LB", "NI", "PL", "SV"), 28
    ),
    **dict.fromkeys(("BR", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    **dict.fromkeys(("LC",), 32),
    **dict.fromkeys(("RU",), 33),
}
"""How many characters an IBAN has, by its country (SWIFT's registry of IBANs)."""


@dataclass(frozen=True, slots=True)
class BankReference:
    """An IBAN, or the account's number in the books of whoever pays: one line. What has the form of
    an IBAN must be one, and is kept as machines write it, without spaces and hyphens."""

    text: str

    def __post_init__(self) -> None:
        text = one_line("bank reference", BANK_REFERENCE_MAX_CHARACTERS, self.text)
        found = _IBAN.fullmatch(text.upper().translate(_GROUPS)) if text.isascii() else None
        if found and found[1][:2] in _LENGTHS:
            text = _iban(found[1])
        object.__setattr__(self, "text", text)

    def as_json(self) -> str:
        """The reference, such as DE89370400440532013000."""
        return self.text


def _iban(text: str) -> str:
    if len(text) != _LENGTHS[text[:2]] or not has_valid_check_digits(text[4:] + text[:4]):
        raise InvalidValue(
            "The bank reference has the form of an IBAN and must have the length of its country's"
            " and check digits that fit it"
        )
    return text
