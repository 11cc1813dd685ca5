"""The directory's engine over real views: what it finds, and in which pages."""

import json
import random
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from app.application import directory as engine
from app.application.directory import CARRIERS, STATISTICS, BadCursor, Query
from app.application.projections.text import folded, words
from app.application.views import SORTS, Changes, Row, View
from tests.support.directory import Filled, Json, carrier, covers
from tests.support.stores import soon
from tests.support.views import Written, new

NAMES = ("Alpha", "Älpha Cargo", "beta", "Beta Lines", "Gamma & Söhne", "Zeta", "alphabet")
STATUSES = ("active", "suspended", "retired")
COUNTRIES = ("DE", "FR", "worldwide")
SERVICES = ("air", "parcel")


def any_carrier(chance: random.Random, number: int) -> Row:
    """One of many that are much alike."""
    offered = chance.sample(SERVICES, chance.randrange(len(SERVICES) + 1))
    return carrier(
        number,
        chance.choice(NAMES),
        chance.choice(STATUSES),
        coverage=covers(**{each: [chance.choice(COUNTRIES)] for each in offered}),
        identifiers=[{"scheme": "own", "value": str(number % 9)}],
        aliases=chance.sample(NAMES, chance.randrange(3)),
    )


def any_query(chance: random.Random) -> Query:
    """One that mostly finds something."""

    def some(values: Sequence[Any]) -> frozenset[Any]:
        return frozenset(chance.sample(values, chance.choice((0, 0, 1, 2))))

    return Query(
        statuses=some(STATUSES),
        countries=some(("DE", "FR", "IT")),
        services=some(SERVICES),
        identifiers=some([("own", str(value)) for value in range(9)]),
        words=some(("al", "beta", "b", "sohne", "c1", "x")),
        sort=chance.choice(SORTS),
        limit=chance.choice((1, 7, 50)),
    )


def is_wanted(body: Json, query: Query) -> bool:
    """What the query means, said in another way."""
    pairs = {(where, each["service"]) for each in body["coverage"] for where in each["countries"]}
    identifiers = {(each["scheme"], each["value"]) for each in body["identifiers"]}
    texts = [body["name"], body["email"], *body["aliases"], *(value for _, value in identifiers)]
    found = [word for text in texts for word in words(text)]
    return (
        (not query.statuses or body["state"] in query.statuses)
        and (not query.identifiers or bool(identifiers & query.identifiers))
        and (
            not (query.countries or query.services)
            or any(
                (not query.countries or where in {*query.countries, "worldwide"})
                and (not query.services or service in query.services)
                for where, service in pairs
            )
        )
        and all(any(word.startswith(prefix) for word in found) for prefix in query.words)
    )


def in_order(bodies: Sequence[Json], sort: str) -> list[Json]:
    """By the key, then by the id."""
    return sorted(
        bodies,
        key=lambda body: (
            folded(body["name"]) if sort == "name" else body["registered_at"],
            body["carrier_id"],
        ),
    )


@pytest.mark.parametrize("finds_prefixes", [True, False])
@pytest.mark.parametrize("most_looked_at", [engine.MOST_LOOKED_AT, 60])
def test_pages_hold_what_a_plain_filter_finds(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, most_looked_at: int, finds_prefixes: bool
) -> None:
    """In order, each carrier once, also while others are registered meanwhile, whatever the store
    can put in order, and where pages end early."""
    monkeypatch.setattr(engine, "MOST_LOOKED_AT", most_looked_at)
    filled.views.finds_prefixes = finds_prefixes
    chance = random.Random(20260131)
    numbers = iter(chance.sample(range(1, 5000), 4000))
    filled.put(*(any_carrier(chance, next(numbers)) for _ in range(150)))
    seen = 0
    for _ in range(40):
        query = any_query(chance)
        before = [each for each in filled.bodies if is_wanted(each, query)]
        arrivals = iter(range(3))

        def register(arrivals: Iterator[int] = arrivals) -> None:
            if next(arrivals, None) is not None:
                filled.put(any_carrier(chance, next(numbers)))

        found = filled.walk(query, register)
        seen += len(found)
        known = {each["carrier_id"] for each in before}
        assert [each for each in found if each["carrier_id"] in known] == in_order(
            before, query.sort
        )
        assert found == in_order(found, query.sort)
        assert all(is_wanted(each, query) for each in found)
    assert seen > 500


def test_all_carriers_are_found_when_nothing_is_asked(filled: Filled) -> None:
    """The retired ones too."""
    filled.put(carrier(1, "b"), carrier(2, "A", "retired"))
    assert filled.names() == ["A", "b"]
    assert filled.names(sort="registered_at") == ["b", "A"]


def test_country_and_service_ask_for_one_pair(filled: Filled) -> None:
    """Another service in that country is none; worldwide covers every country."""
    filled.put(
        carrier(1, "pair", coverage=covers(air=["DE"])),
        carrier(2, "apart", coverage=covers(air=["FR"], parcel=["DE"])),
        carrier(3, "everywhere", coverage=covers(air=["worldwide"])),
    )
    asked = frozenset({"DE"})
    assert filled.names(countries=asked, services=frozenset({"air"})) == ["everywhere", "pair"]
    assert filled.names(countries=asked) == ["apart", "everywhere", "pair"]


def test_a_place_where_a_carrier_no_longer_stands_counts_for_nothing(filled: Filled) -> None:
    """Neither under a former name nor when its row is gone."""
    filled.put(carrier(1, "beta"))
    filled.views.former = [("alpha", str(UUID(int=1))), ("alpha", str(UUID(int=9)))]
    assert filled.page(Query(limit=1)) == (["beta"], None)


def test_a_page_looks_at_so_many_and_no_more(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be empty then, and still say where to go on."""
    monkeypatch.setattr(engine, "MOST_LOOKED_AT", 5)
    filled.views.finds_prefixes = False
    filled.put(*(carrier(number, f"n{number}") for number in range(8)), carrier(9, "wanted"))
    query = Query(words=frozenset({"wanted"}), limit=1)
    names, cursor = filled.page(query)
    assert (names, filled.views.asked) == ([], 5)
    assert cursor is not None
    assert filled.page(replace(query, cursor=cursor)) == (["wanted"], None)


def test_a_cursor_is_of_one_query(filled: Filled) -> None:
    """With the same filters and order, whatever the size of the page; a mangled one is of none."""
    filled.put(carrier(1, "a"), carrier(2, "b"), carrier(3, "c"))
    query = Query(limit=1)
    _, cursor = filled.page(query)
    assert cursor is not None
    assert filled.page(replace(query, limit=2, cursor=cursor)) == (["b", "c"], None)
    others = (Query(sort="registered_at"), Query(statuses=frozenset({"active"})))
    mangled = (
        "",
        "a",
        "é",
        "W10",
        cursor[:-1],
        f"{cursor}=",
        f" {cursor}",
        "bnVsbA",
        "W1tdLDEsMl0",
    )
    for wrong in (
        *(replace(other, cursor=cursor) for other in others),
        *(replace(query, cursor=text) for text in mangled),
    ):
        with pytest.raises(BadCursor):
            filled.page(wrong)


def test_a_forged_cursor_reaches_no_store(filled: Filled) -> None:
    """Half a surrogate pair, which is not text."""
    digest = Query().digest()
    text = json.dumps(["\ud800", "", digest], separators=(",", ":"))
    cursor = urlsafe_b64encode(text.encode()).decode().rstrip("=")
    with pytest.raises(BadCursor):
        filled.page(Query(cursor=cursor))


def test_another_generation_is_noticed_after_a_page_was_read(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is read again from the one that is live now."""
    monkeypatch.setattr(engine, "_GENERATION_KNOWN_SECONDS", 0)
    filled.put(carrier(1, "old"))
    built = filled.views.begin(CARRIERS, soon())
    Written(filled.views, built).put(*new(carrier(1, "new")))
    filled.views.meanwhile = lambda: filled.views.swap(built, soon())
    assert filled.names() == ["new"]
    assert filled.directory.standing(CARRIERS, soon()).view == built


def test_another_generation_is_noticed_after_counts_were_read(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read again from the one that is live now: the former may be dropped by then."""
    monkeypatch.setattr(engine, "_GENERATION_KNOWN_SECONDS", 0)
    former = View(STATISTICS, 1)
    counted = Changes(1, counts={"total": 7})
    Written(filled.views, former).commit(counted)
    built = filled.views.begin(STATISTICS, soon())
    Written(filled.views, built).commit(counted)

    def replace_it() -> None:
        filled.views.swap(built, soon())
        filled.views.drop(former, soon())

    filled.views.meanwhile = replace_it
    assert filled.directory.counts(soon()) == {"total": 7}
