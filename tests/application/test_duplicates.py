"""Which carriers may be one company: the score of a pair, and what is found through terms over real
views."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from app.application.directory import duplicates
from app.application.directory.comparison import DEFAULT_SCORE, Compared, Pair, compared, pair_of
from app.application.directory.duplicates import DuplicatesQuery, all_pairs, page_of_pairs
from app.application.directory.query import BadCursor
from app.application.ports.views import Row, RowChange
from tests.support.directory import Filled, Json, carrier
from tests.support.stores import soon

USDOT = [{"scheme": "usdot", "value": "86876"}]
PHONE, SITE = "+498912345678", "https://www.fedex.com/de"


def of(row: Row) -> Compared:
    """The carrier of a row."""
    return compared(json.loads(row.body))


def pair(one: Row, other: Row) -> Pair | None:
    """The two, with no term that is common."""
    return pair_of(of(one), of(other), frozenset())


@pytest.mark.parametrize(
    ("given", "score", "explanation"),
    [
        ({"identifiers": USDOT}, 90, "Both have the identifier usdot:86876"),
        ({"phone": PHONE}, 60, "Both have the phone number +498912345678"),
        ({"website": SITE}, 50, "Both use the domain fedex.com"),
        ({"aliases": ["Big Red Trucks"]}, 80, "The names, without legal forms, are the same"),
    ],
)
def test_each_reason_alone(given: Json, score: int, explanation: str) -> None:
    """Has its score and its sentence."""
    found = pair(carrier(1, "Alpha", **given), carrier(2, "Omega", **given))
    assert found is not None
    assert (found.score, [each.explanation for each in found.reasons]) == (score, [explanation])
    assert found == pair(carrier(2, "Omega", **given), carrier(1, "Alpha", **given))


def test_reasons_add_up() -> None:
    """As evidence that is each of its own: 1 - 0.4 * 0.5 * 0.2."""
    given: Json = {"phone": PHONE, "website": SITE}
    found = pair(carrier(1, "Müller GmbH", **given), carrier(2, "Muller Ltd", **given))
    assert found is not None
    assert (found.score, [each.kind for each in found.reasons]) == (96, ["phone", "domain", "name"])


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("Müller Transport GmbH", "Transport Muller", 80, 80),
        ("Schenker Kurier", "Schenkerkurrier", 60, 79),
        ("Schenker Kurier", "Schenker Courier", 50, 79),
        ("Schenker Kurier", "Schenker Kurier Berlin", 30, 49),
        ("Schenker Kurier", "Schenker Baumaschinen", 0, 0),
        ("Mueller Spedition", "Müller Spedition", 60, 79),
    ],
)
def test_names_are_alike_by_degrees(one: str, other: str, least: int, most: int) -> None:
    """The same ones most, and those that only share a word not at all."""
    found = pair(carrier(1, one), carrier(2, other))
    assert found is not None
    assert least <= found.score <= most


def test_a_pair_that_was_told_apart_is_none() -> None:
    """Whichever of the two says so; nor is one of which a carrier is retired."""
    one, other = carrier(1, identifiers=USDOT), carrier(2, identifiers=USDOT)
    assert pair(one, other) is not None
    apart = replace(of(one), distinct_from=frozenset({other.carrier_id}))
    for both in ((apart, of(other)), (of(other), apart)):
        assert pair_of(*both, frozenset()) is None
    assert pair(one, carrier(3, state="retired", identifiers=USDOT)) is None


WORDS = ["Adlersberg", "Bergmann", "Cavallino", "Dubrovnik", "Eisenstadt", "Falkenburg"]
SLIPS = st.sampled_from(["", "x", "xx"])


@st.composite
def names(draw: st.DrawFn, place: int) -> str:
    """Of two words in any order and with any legal form; a word may have wrong letters at this
    place, all of which are behind the fourth or all before the fourth from the end."""
    chosen = draw(st.permutations(draw(st.sampled_from(list(combinations(WORDS, 2))))))
    written = [word[:place] + draw(SLIPS) + word[place:] for word in chosen]
    return " ".join(written) + draw(st.sampled_from(["", " GmbH", " S.p.A.", " & Co. KG"]))


@st.composite
def registries(draw: st.DrawFn) -> list[Row]:
    """Up to ten carriers that have much in common."""
    some = st.none() | st.sampled_from(["1", "2"])
    place = draw(st.sampled_from([2, 6]))
    rows = []
    for number in range(draw(st.integers(2, 10))):
        phone, site, usdot = draw(some), draw(some), draw(some)
        rows.append(
            carrier(
                number,
                draw(names(place)),
                draw(st.sampled_from(["active", "active", "suspended", "retired"])),
                phone=phone and f"+4989123456{phone}",
                website=site and f"https://{site}.example",
                identifiers=[{"scheme": "usdot", "value": usdot}] if usdot else [],
            )
        )
    return rows


@settings(deadline=None, max_examples=60)
@for_all(registries())
def test_terms_find_what_comparing_all_with_all_finds(rows: list[Row]) -> None:
    """Every pair whose carriers have an identifier, a phone number or a domain in common, or names
    that are alike and differ by order, legal form, or letters in one half of each word."""
    carriers = [of(row) for row in rows]
    # What finds a pair is no matter here: each is given a term that all have.
    known = [replace(each, terms=each.terms | {"any"}) for each in carriers]
    every = [pair_of(*both, frozenset()) for both in combinations(known, 2)]
    expected = [pair for pair in every if pair and pair.score >= DEFAULT_SCORE]
    found = all_pairs([[json.loads(row.body) for row in rows]], DEFAULT_SCORE)
    assert keys(found) == keys(expected)
    assert len(found) == len(expected)


def keys(pairs: Sequence[Pair]) -> set[tuple[str, str, int]]:
    """Who is in them, and their scores."""
    return {
        (pair.carriers[0].carrier_id, pair.carriers[1].carrier_id, pair.score) for pair in pairs
    }


@pytest.fixture
def registry(filled: Filled) -> Filled:
    """100 carriers with much in common, also words and numbers that too many have."""
    chance = random.Random(20261126)
    rows = (
        carrier(
            number,
            f"{chance.choice(WORDS)} {chance.choice(WORDS)} Transport",
            chance.choice(["active", "active", "suspended", "retired"]),
            phone=f"+4989123456{chance.choice((0, 0, number))}",
            website=f"https://{chance.choice((0, number % 40))}.example",
            identifiers=[{"scheme": "own", "value": str(number % 90)}],
        )
        for number in chance.sample(range(1000), 100)
    )
    filled.put(*rows)
    return filled


def walked(filled: Filled, query: DuplicatesQuery) -> Iterator[list[Pair]]:
    """All pages."""
    while True:
        page = page_of_pairs(filled.directory, query, soon())
        yield page.pairs
        if page.next_cursor is None:
            return
        query = replace(query, cursor=page.next_cursor)


@pytest.mark.parametrize(("limit", "looked_at"), [(1, 25), (7, 25), (100, 500)])
@pytest.mark.parametrize("together", [0, 50, duplicates.TOGETHER])
def test_pages_have_what_the_whole_list_has(
    registry: Filled, monkeypatch: pytest.MonkeyPatch, limit: int, looked_at: int, together: int
) -> None:
    """Each pair once, wherever pages end, with the same terms left out as common, whether carriers
    are looked up together or each by itself."""
    monkeypatch.setattr(duplicates, "TOGETHER", together)
    monkeypatch.setattr(duplicates, "MAX_LOOKED_AT", looked_at)
    expected = all_pairs([registry.bodies], 1)
    pages = list(walked(registry, DuplicatesQuery(1, limit)))
    found = [pair for page in pages for pair in page]
    assert len(found) == len(expected) > 100
    assert keys(found) == keys(expected)
    assert max(map(len, pages)) < limit + MOST_OF_ONE
    for page in pages:
        moments = [pair.carriers[1].registered_at for pair in page]
        assert moments == sorted(moments)


MOST_OF_ONE = 10 * duplicates.MAX_SHARED
"""A carrier of the registry above has so few terms."""


def test_the_whole_list_begins_with_the_likeliest(registry: Filled) -> None:
    """Nothing in it scores less than was asked for."""
    scores = [pair.score for pair in all_pairs([registry.bodies], 70)]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 70


def test_a_page_without_time_ends_early(registry: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a cursor; it has looked at some carriers, so a walk comes to its end."""
    monkeypatch.setattr(duplicates, "PAGE_SECONDS", 0.0)
    pages = list(walked(registry, DuplicatesQuery(1, 100)))
    assert len(pages) > 1
    assert sum(map(len, pages)) == len(all_pairs([registry.bodies], 1))


@pytest.mark.parametrize("number", [duplicates.MAX_SHARED, duplicates.MAX_SHARED + 1])
@pytest.mark.parametrize("together", [0, duplicates.TOGETHER])
def test_what_too_many_share_says_nothing(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, number: int, together: int
) -> None:
    """A domain of twenty carriers is a group's, one of twenty-one may be a provider's."""
    monkeypatch.setattr(duplicates, "TOGETHER", together)
    given: Json = {"website": "https://group.example"}
    filled.put(*(carrier(each, f"{each:x}" * 9, **given) for each in range(1, number + 1)))
    pages = walked(filled, DuplicatesQuery(limit=100))
    found = sum(map(len, pages))
    is_few = number <= duplicates.MAX_SHARED
    assert (
        found
        == len(all_pairs([filled.bodies], DEFAULT_SCORE))
        == is_few * number * (number - 1) // 2
    )


def test_a_carrier_that_has_changed_is_found_no_longer(filled: Filled) -> None:
    """Also where the list of a store still names it."""
    was, other = carrier(1, "Alpha", phone=PHONE), carrier(2, "Omega", phone=PHONE)
    filled.put(was, other)
    assert len(page_of_pairs(filled.directory, DuplicatesQuery(), soon()).pairs) == 1
    now = replace(carrier(1, "Alpha"), version=2)
    filled.written.put(RowChange(now, [was]))
    filled.views.former = [("2026-01-01T00:01:00.000+00:00", str(UUID(int=1)))]
    assert page_of_pairs(filled.directory, DuplicatesQuery(), soon()).pairs == []


def test_a_cursor_of_something_else_is_refused() -> None:
    """It would go on anywhere."""
    with pytest.raises(BadCursor):
        DuplicatesQuery(cursor="bm8").walk().after()
