"""What a carrier is found by as a duplicate: its names without what says nothing, its domains, its
phone number."""

from typing import Any

import pytest

from app.application.projections.likeness import essential_words, likeness_terms
from tests.support.directory import carrier


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Müller Transport GmbH", ["muller", "transport"]),
        ("MÜLLER  Transport G.m.b.H. & Co. KG", ["muller", "transport"]),
        ("Rossi Trasporti S.p.A.", ["rossi", "trasporti"]),
        ("Kowalski Sp. z o.o.", ["kowalski"]),
        ("Novák a.s.", ["novak"]),
        ("UAB Vilniaus Kurjeris", ["vilniaus", "kurjeris"]),
        ("Acme Freight, Inc.", ["acme", "freight"]),
        ("Weber & Söhne", ["weber", "sohne"]),
        ("Weber und Söhne Ltd", ["weber", "sohne"]),
        ("J. B. Hunt", ["jb", "hunt"]),
        ("GmbH", ["gmbh"]),
        ("東京 運送", ["東京", "運送"]),
        ("!!!", []),
    ],
)
def test_a_name_is_what_is_left_without_its_legal_form(name: str, words: list[str]) -> None:
    """However it is written; a name that is nothing else stays."""
    assert list(essential_words(name)) == words


def terms(**given: object) -> set[str]:
    """Those of a carrier, without those of its name."""
    nothing = {"name": "?", "email": "a@b.example", "phone": None, "website": None}
    return set(likeness_terms({**nothing, "aliases": [], **given}))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"email": "info@FedEx.com"}, {"domain:fedex.com"}),
        ({"email": "fedex@gmail.com"}, set()),
        ({"email": "a@müller.example"}, {"domain:xn--mller-kva.example"}),
        ({"email": "x@a.example", "website": "https://www.a.example/de?x"}, {"domain:a.example"}),
        (
            {"email": "x@a.example", "website": "https://b.example:8443"},
            {"domain:a.example", "domain:b.example"},
        ),
        ({"email": "x@web.de", "website": "https://www.facebook.com/fedex"}, set()),
        ({"email": "no address", "website": "no address"}, set()),
        ({"phone": "+498912345678"}, {"phone:+498912345678", "domain:b.example"}),
    ],
)
def test_domains_and_phone_are_terms(given: dict[str, str], expected: set[str]) -> None:
    """In one spelling each; a domain that everybody has, such as a free-mail provider's, is none;
    and what is no address any longer stops nothing."""
    assert terms(**given) == expected


@pytest.mark.parametrize(
    "other",
    [
        *("Schenker Kurier", "KURIER Schenker", "Schencker Kurierr", "Szhenker Qurier"),
        *("Scheenker Kuhrir", "Skhenkker Kourier", "Schenkerkurier", "Schenker"),
    ],
)
def test_a_slip_of_the_pen_leaves_a_term(other: str) -> None:
    """Another form or order, letters near the end or near the beginning, letters that sound alike,
    a space, a word that is missing."""
    assert terms(name="Schenker Kurier GmbH") & terms(name=other) - {"domain:b.example"}


@pytest.mark.parametrize("other", ["Mueller Spedition", "Muler Speditionn"])
def test_a_name_sounds_alike_however_it_is_spelt(other: str) -> None:
    """By its consonants."""
    assert "sounds:mlr spdtn" in terms(name="Müller Spedition AG") & terms(name=other)


def test_an_alias_is_a_name() -> None:
    """The first five of them."""
    found = terms(aliases=[f"{letter}alias" for letter in "BCDFGKL"])
    assert {each for each in found if each.startswith("start:")} == {
        f"start:{letter}alias" for letter in "bcdfg"
    }


def test_a_retired_carrier_is_not_found() -> None:
    """But by its identifiers, which the directory finds."""
    given: dict[str, Any] = {
        "identifiers": [{"scheme": "scac", "value": "FDEG"}],
        "phone": "+498912345678",
    }
    active, retired = (carrier(1, "FedEx", state, **given) for state in ("active", "retired"))
    assert active.shared - retired.shared == {
        "phone:+498912345678",
        *("begins:fede", "ends:edex", "sounds:fdx", "start:fedex"),
    }
    assert "identifier:scac:FDEG" in retired.shared
