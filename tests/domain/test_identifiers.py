"""Identifiers: the format of each scheme, its normal form, and the days of validity."""

import sys
import unicodedata
from collections.abc import Callable

import pytest

from app.domain.errors import InvalidValue
from app.domain.profile.identifiers import SCHEMES, Identifier, Identifiers, identifier_value
from tests.support.work import at_most

LEI = "529900T8BM49AURSDO55"


def refused(make: Callable[..., object], *given: object) -> str:
    """The sentence of the refusal."""
    with pytest.raises(InvalidValue) as refusal:
        make(*given)
    return refusal.value.sentence


@pytest.mark.parametrize(
    ("scheme", "text", "normal"),
    [
        ("scac", " fdeg ", "FDEG"),
        ("scac", "AB", "AB"),
        ("usdot", "12345678", "12345678"),
        ("usdot", "00086876", "86876"),
        ("mc", "MC-123456", "123456"),
        ("mc", "mc123456", "123456"),
        ("mc", "MC 00001", "1"),
        ("mc", "123456", "123456"),
        ("smdg", "msk", "MSK"),
        ("vat", "de 123 456 789", "DE123456789"),
        ("vat", "ATU12345678", "ATU12345678"),
        ("vat", "CHE-123.456.789", "CHE123456789"),
        ("duns", "15-048-3782", "150483782"),
        ("lei", LEI.lower(), LEI),
        ("lei", "HWUPKR0MPOU8FGXBT394", "HWUPKR0MPOU8FGXBT394"),
        ("own", "k-17/ä", "K-17/Ä"),
        ("own", "x" * 64, "X" * 64),
    ],
)
def test_an_identifier_is_kept_in_the_normal_form_of_its_scheme(
    scheme: str, text: str, normal: str
) -> None:
    """An identifier is kept in upper case without separators, a number without leading zeros."""
    assert Identifier(scheme, text).as_json() == {"scheme": scheme, "value": normal}


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("scac", "A"),
        ("scac", "ABCDE"),
        ("scac", "AB1"),
        ("scac", "\u017fAB"),  # its upper case is SAB
        ("usdot", "0"),
        ("usdot", "123456789"),
        ("usdot", "000000001"),
        ("usdot", "-1"),
        ("usdot", "١٢٣"),
        ("usdot", "12\n3"),
        ("mc", "MC"),
        ("mc", "MC--1"),
        ("mc", "MX123"),
        ("mc", "MC123456789"),
        ("smdg", "MS"),
        ("smdg", "MSK1"),
        ("vat", "DE1"),
        ("vat", "1E123"),
        ("vat", "DE" + "1" * 14),
        ("duns", "12345678"),
        ("duns", "1234567890"),
        ("lei", LEI[:-1]),
        ("lei", LEI[:-1] + "6"),
        ("lei", LEI[1] + LEI[0] + LEI[2:]),
        ("own", ""),
        ("own", "a b"),
        ("own", "a\0"),
        ("own", "\u200b"),
        ("own", "\ud800"),
        ("own", "x" * 65),
        ("own", "ß" * 33),  # SS each
        *((scheme, "") for scheme in SCHEMES),
        *((scheme, "1" * 1_000_000) for scheme in SCHEMES),
    ],
)
def test_an_identifier_has_the_format_of_its_scheme(scheme: str, text: str) -> None:
    """The sentence of a refusal names the scheme's own rule."""
    assert refused(Identifier, scheme, text).startswith("The ")


def test_a_scheme_is_one_that_we_know() -> None:
    """A scheme is one of the listed ones, in lower case."""
    sentence = "The scheme must be one of scac, usdot, mc, smdg, vat, duns, lei, own"
    for scheme in ("", "SCAC", "iata"):
        assert refused(Identifier, scheme, "AB") == sentence


def test_an_own_identifier_is_measured_before_it_costs_anything() -> None:
    """A megabyte of combining marks, which takes minutes to normalise, is refused at once."""
    with at_most(0.1):
        refused(Identifier, "own", "a" + "\u0301\u0323" * 20_000)


def test_the_normal_form_of_any_character_is_normal() -> None:
    """Upper case and NFC together are stable after one step, for all of Unicode."""
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        if unicodedata.category(character)[0] not in "CZ":
            value = identifier_value("own", character)
            assert identifier_value("own", value) == value


def test_an_identifier_is_valid_from_day_to_day() -> None:
    """Either day of validity may be missing, and both may be the same."""
    lasting = Identifier("scac", "FDEG", "2026-01-31", "2026-01-31")
    assert lasting.as_json()["valid_to"] == "2026-01-31"
    assert "valid_from" not in Identifier("scac", "FDEG", None, "2026-01-31").as_json()
    assert refused(Identifier, "scac", "FDEG", "2026-02-01", "2026-01-31") == (
        "The valid_to must not be before the valid_from"
    )


@pytest.mark.parametrize(
    "text",
    ["", "20260131", "2026-W05-6", "2026-1-1", "2026-02-30", "0000-01-01", "2026-01-01T00:00",
     " 2026-01-01", "2026-01-01\n", "٢٠٢٦-\u0660\u0661-\u0660\u0661"],
)  # fmt: skip
def test_a_day_is_one_of_the_calendar(text: str) -> None:
    """A day exists and is written as YYYY-MM-DD, which sorts by date."""
    assert refused(Identifier, "own", "x", text) == (
        "The valid_from must be a day such as 2026-01-31"
    )


def test_identifiers_may_share_a_scheme_but_none_is_given_twice() -> None:
    """Two identifiers are the same when their normal forms are equal."""
    raw = [{"scheme": "mc", "value": value} for value in ("MC-1", "1")]
    sentence = "The identifiers must not name the same one twice"
    assert refused(Identifiers.from_json, raw) == sentence
    raw[1]["valid_from"] = "2026-01-01"
    assert len(Identifiers.from_json(raw).as_json()) == 2
    many = [{"scheme": "own", "value": str(number)} for number in range(51)]
    assert refused(Identifiers.from_json, many) == "The identifiers must have at most 50 entries"
