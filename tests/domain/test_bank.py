"""By what the caller's books know a carrier's bank account."""

import pytest

from app.domain.errors import InvalidValue
from app.domain.profile.bank import BankReference


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        (" gb82 west 1234 5698 7654 32 ", "GB82WEST12345698765432"),
        ("K-17", "K-17"),
        ("Konto 4711 Größe", "Konto 4711 Größe"),
        ("DE88", "DE88"),
        ("x" * 64, "x" * 64),
    ],
)
def test_a_reference_is_an_iban_or_the_callers_own(text: str, normal: str) -> None:
    """An IBAN is kept as machines write it, another reference as it is."""
    assert BankReference(text).as_json() == normal


@pytest.mark.parametrize("text", ["", " ", "x" * 65, "a  b", "a\tb", "a\u00a0b", "a\ud800"])
def test_a_reference_is_one_line_that_can_be_read(text: str) -> None:
    """Nothing in it is invisible."""
    with pytest.raises(InvalidValue, match="must be 1 to 64 visible characters"):
        BankReference(text)


@pytest.mark.parametrize("text", ["DE88 3704 0044 0532 0130 00", "de98370400440532013000"])
def test_a_slip_in_an_iban_is_found(text: str) -> None:
    """Before money goes to another account."""
    with pytest.raises(InvalidValue, match="check digits that fit it"):
        BankReference(text)
