"""By what the caller's books know a carrier's bank account."""

import unicodedata

import pytest

from app.domain.errors import InvalidValue
from app.domain.profile.bank import BankReference


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        (" gb82 west 1234 5698 7654 32 ", "GB82WEST12345698765432"),
        ("IBAN: NO93-8601-1117-947", "NO9386011117947"),
        ("MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"),
        ("K-17", "K-17"),
        ("Konto 4711 Größe", "Konto 4711 Größe"),
        (unicodedata.normalize("NFD", "Größe"), "Größe"),
        ("DE88", "DE88"),
        ("VN20260000012345", "VN20260000012345"),
        ("x" * 64, "x" * 64),
    ],
)
def test_a_reference_is_an_iban_or_the_callers_own(text: str, normal: str) -> None:
    """An IBAN is kept as machines write it, another reference as it is: Vietnam has no IBAN."""
    assert BankReference(text).as_json() == normal


@pytest.mark.parametrize("text", ["", " ", "x" * 65, "a\tb", "\u200b", "a\ud800"])
def test_a_reference_is_one_line_that_can_be_read(text: str) -> None:
    """As a name is."""
    with pytest.raises(InvalidValue, match=r"^The bank reference must "):
        BankReference(text)


@pytest.mark.parametrize(
    "text",
    [
        "DE88 3704 0044 0532 0130 00",
        "de98370400440532013000",
        "IBAN DE8937040044053201300",
        "DE89-3704-0044-0532-0130-000",
    ],
)
def test_a_slip_in_an_iban_is_found(text: str) -> None:
    """Before money goes to another account."""
    with pytest.raises(InvalidValue, match="check digits that fit it"):
        BankReference(text)
