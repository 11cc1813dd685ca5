"""Folding text: what people type finds what is written otherwise."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.application.projections.text import folded, words


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("muller", "Müller"),
        ("strasse", "Straße"),
        ("STRASSE", "Straße"),
        ("lodz", "Łódź"),
        ("aero", "Ærø"),
        ("fi xii", "ﬁ  Ⅻ"),
        ("istanbul", "İSTANBUL"),
        ("ζεύς", "ΖΕΥΣ"),
        ("елка", "Ёлка"),
        ("한국", unicodedata.normalize("NFD", "한국")),
        ("fedex", "Fed\u00adEx"),
    ],
)
def test_spellings_of_one_text_are_one_when_folded(typed: str, written: str) -> None:
    """Case, accents, strokes, compatibility forms and invisible characters make no difference."""
    assert folded(typed) == folded(written)


def test_marks_that_spell_another_letter_stay() -> None:
    """A voiced kana is another letter, not an accented one."""
    assert folded("が") != folded("か")


@given(st.text())
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    """A stored folded text and a folded search for it are equal, and in NFKC."""
    once = folded(text)
    assert folded(once) == once
    assert unicodedata.is_normalized("NFKC", once)


@given(st.text(st.characters(max_codepoint=0x7F)))
def test_the_short_way_for_ascii_is_the_long_one(text: str) -> None:
    """A letter beyond ASCII elsewhere in the text does not change how the rest is folded."""
    assert words(text + " \u00fc") == [*words(text), "u"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("  O'Brien & Sons, Ltd. ", ["o", "brien", "sons", "ltd"]),
        ("snake_case 24/7", ["snake", "case", "24", "7"]),
        ("株式会社 ヤマト運輸", ["株式会社", "ヤマト運輸"]),
        ("हिन्दी कंपनी", ["हिन्दी", "कंपनी"]),
        ("—", []),
    ],
)
def test_words_end_at_whatever_is_no_letter_digit_or_mark(text: str, found: list[str]) -> None:
    """Words of every script stay whole."""
    assert words(text) == found
