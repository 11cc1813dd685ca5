"""The directory's engine over real views: what it finds, and in which pages."""

import json
import random
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from app.application.consistency import ViewNotMade
from app.application.deadline import Deadline
from app.application.directory import candidates as joining
from app.application.directory import live_views
from app.application.directory.candidates import COSTLY_AFTER, MAX_BLOCK, ROW_COST
from app.application.directory.pages import STATISTICS, Directory, SearchTooLong
from app.application.directory.query import CARRIERS, BadCursor, Query
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import NO_STREAM
from app.application.ports.views import SORTS, Changes, Row, RowChange, View
from app.application.projections import PROJECTIONS
from app.application.projections.carriers import FILTERS
from app.application.projections.text import folded, words
from app.domain.documents import Document
from app.domain.scheduled import ScheduledChange
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.registry import SqliteRegistry
from tests.support.directory import LIVE, Filled, Json, Views, carrier, covers
from tests.support.stores import commit, soon
from tests.support.views import Written, new

NAMES = ("Alpha", "Älpha Cargo", "beta", "Beta Lines", "Gamma & Söhne", "Zeta", "alphabet")
STATUSES = ("active", "suspended", "retired")
COUNTRIES = ("DE", "FR", "worldwide")
SERVICES = ("air", "parcel")
DAYS = ("1999-12-31", "2025-01-31", "2025-12-31", "2026-01-01", "2026-11-09", "2026-11-25")

KINDS = ("cargo-insurance", "contract")
DOCUMENT_DAYS = (
    "2025-06-30",
    "2026-01-01",
    "2026-01-02",
    "2026-01-31",
    "2026-02-01",
    "2027-03-15",
    "2031-12-31",
)


def since(day: str) -> frozenset[str]:
    """What is looked for from a day on."""
    return next(each.terms(day) for each in FILTERS if each.name == "incidents_since")


def any_carrier(chance: random.Random, number: int) -> Row:
    """One of many that are much alike."""
    offered = chance.sample(SERVICES, chance.randrange(len(SERVICES) + 1))
    return carrier(
        number,
        chance.choice(NAMES),
        chance.choice(STATUSES),
        chance.choice((None, *DAYS)),
        coverage=covers(**{each: [chance.choice(COUNTRIES)] for each in offered}),
        identifiers=[{"scheme": "own", "value": str(number % 9)}],
        aliases=chance.sample(NAMES, chance.randrange(3)),
        documents={each: any_document(chance, each) for each in range(1, chance.choice((1, 1, 4)))},
        scheduled={each: any_change(chance, each) for each in range(1, chance.choice((1, 1, 4)))},
    )


def any_change(chance: random.Random, number: int) -> ScheduledChange:
    """Of a name, or of what is offered where and an identifier; some are cancelled."""
    offered = covers(**{chance.choice(SERVICES): [chance.choice(COUNTRIES)]})
    identifiers = [{"scheme": "own", "value": str(chance.randrange(9))}]
    return ScheduledChange(
        number,
        chance.choice(
            ({"name": chance.choice(NAMES)}, {"coverage": offered, "identifiers": identifiers})
        ),
        chance.choice(DOCUMENT_DAYS),
        "Agreed",
        cancelled=chance.choice((None, None, None, "Not so")),
    )


def any_document(chance: random.Random, number: int) -> Document:
    """Of one of two kinds; some are over, to come, open, replaced or withdrawn."""
    first, last = sorted(chance.sample(DOCUMENT_DAYS, 2))
    return Document(
        number,
        chance.choice(KINDS),
        "1",
        "Insurer",
        first,
        chance.choice((last, last, None)),
        replaced_from=chance.choice((None, None, chance.choice(DOCUMENT_DAYS))),
        withdrawn=chance.random() < 0.2,
    )


def any_query(chance: random.Random) -> Query:
    """One that mostly finds something."""

    def some(values: Sequence[Any]) -> frozenset[Any]:
        return frozenset(chance.sample(values, chance.choice((0, 0, 1, 2))))

    return Query(
        states=some(STATUSES),
        countries=some(("DE", "FR", "IT")),
        services=some(SERVICES),
        identifiers=some([("own", str(value)) for value in range(9)]),
        words=some(("al", "beta", "b", "sohne", "c1", "x")),
        also=frozenset(since(day) for day in chance.sample(DAYS, chance.choice((0, 0, 1)))),
        missing=chance.choice((None, None, None, None, *KINDS)),
        expiring_before=chance.choice((*[None] * 12, *DOCUMENT_DAYS[3:])),
        on=chance.choice(DOCUMENT_DAYS[3:]),
        sort=chance.choice(SORTS),
        limit=chance.choice((1, 7, 50)),
    )


def on_day(body: Json, day: str) -> Json:
    """The carrier with what is scheduled by that day, said in another way."""
    due = [each for each in body["scheduled"] if each[0] <= day]
    said = {**body, **{name: value for _, each in due for name, value in each.items()}}
    judged = {**body["judged_by"], "profile_of": due[-1][0]} if due else body["judged_by"]
    return {**said, "judged_by": judged}


def is_wanted(body: Json, query: Query) -> bool:
    """What the query means, said in another way."""
    pairs = {(where, each["service"]) for each in body["coverage"] for where in each["countries"]}
    identifiers = {(each["scheme"], each["value"]) for each in body["identifiers"]}
    texts = [body["name"], body["email"], *body["aliases"], *(value for _, value in identifiers)]
    found = [word for text in texts for word in words(text)]
    ends = [spans[-1][1] for spans in body["covered"].values()]
    return (
        (query.sort != "next_expiry" or any(ends))
        and (query.missing is None or not covers_day(body, query.missing, query.on))
        and (
            query.expiring_before is None
            or any(end and query.on <= end < query.expiring_before for end in ends)
        )
        and (not query.states or body["state"] in query.states)
        and all(
            any(since(day) == terms and (body["last_incident_on"] or "") >= day for day in DAYS)
            for terms in query.also
        )
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


def covers_day(body: Json, kind: str, on: str) -> bool:
    """Whether a document of the kind holds on the day."""
    return any(
        first <= on <= (last or "9999-12-31") for first, last in body["covered"].get(kind, [])
    )


def in_order(bodies: Sequence[Json], sort: str, recorded: Sequence[Json]) -> list[Json]:
    """By the key, then by the id; by name as recorded, whatever is scheduled."""
    names = {body["carrier_id"]: body["name"] for body in recorded}

    def key(body: Json) -> tuple[str, str]:
        return _key({**body, "name": names[body["carrier_id"]]}, sort), body["carrier_id"]

    return sorted(bodies, key=key)


def _key(body: Json, sort: str) -> str:
    if sort == "next_expiry":
        return str(min(spans[-1][1] or "9999-12-31" for spans in body["covered"].values()))
    return folded(body["name"]) if sort == "name" else str(body["registered_at"])


@pytest.mark.parametrize("finds_prefixes", [True, False])
@pytest.mark.parametrize(
    ("max_block", "row_cost", "costly_after"),
    [(MAX_BLOCK, ROW_COST, COSTLY_AFTER), (3, 2, 0), (5, 1000, 7)],
)
def test_pages_hold_what_a_plain_filter_finds(
    filled: Filled,
    monkeypatch: pytest.MonkeyPatch,
    max_block: int,
    row_cost: int,
    costly_after: int,
    finds_prefixes: bool,
) -> None:
    """In order, each carrier once, every page but the last one full; also while others are
    registered meanwhile, whatever the store can put in order, and in however many blocks its lists
    are read. All at once are the same."""
    monkeypatch.setattr(joining, "MAX_BLOCK", max_block)
    monkeypatch.setattr(joining, "ROW_COST", row_cost)
    monkeypatch.setattr(joining, "COSTLY_AFTER", costly_after)
    filled.views.finds_prefixes = finds_prefixes
    chance = random.Random(20260131)
    numbers = iter(chance.sample(range(1, 5000), 4000))
    filled.put(*(any_carrier(chance, next(numbers)) for _ in range(150)))
    seen = 0
    for _ in range(60):
        query = any_query(chance)
        today = [on_day(each, query.on) for each in filled.bodies]
        before = [each for each in today if is_wanted(each, query)]
        arrivals = iter(range(3))

        def register(arrivals: Iterator[int] = arrivals) -> None:
            if next(arrivals, None) is not None:
                filled.put(any_carrier(chance, next(numbers)))

        found = filled.walk(query, register)
        seen += len(found)
        known = {each["carrier_id"] for each in before}
        assert [each for each in found if each["carrier_id"] in known] == in_order(
            before, query.sort, filled.bodies
        )
        assert found == in_order(found, query.sort, filled.bodies)
        assert all(is_wanted(each, query) for each in found)
        today = [on_day(each, query.on) for each in filled.bodies]
        wanted = [each for each in today if is_wanted(each, query)]
        at_once = filled.directory.all_of(query, 10_000, soon(), soon())
        assert at_once == in_order(wanted, query.sort, filled.bodies)
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


@pytest.mark.parametrize("words", [frozenset(), frozenset({"fx"})])
def test_a_carrier_that_is_renamed_while_a_page_is_read_is_on_it(
    filled: Filled, words: frozenset[str]
) -> None:
    """It has gone to another place when its row is read: the page is read again."""
    former, now = (carrier(1, name, aliases=["fx"]) for name in ("Zeta", "Alpha"))
    filled.put(former)
    filled.views.before_rows = lambda: filled.written.put(RowChange(now, [former]))
    assert filled.names(words=words) == ["Alpha"]


def test_a_join_skips_what_another_list_lacks(filled: Filled) -> None:
    """The carriers of one state stand before those of one service, but for two that are both: that
    is found without reading either list to its end."""
    air = covers(air=["DE"])
    filled.put(
        *(carrier(number, f"a{number:04}") for number in range(1_500)),
        carrier(2_000, "b", coverage=air),
        *(
            carrier(number, f"c{number:04}", "retired", coverage=air)
            for number in range(3_000, 4_500)
        ),
        carrier(5_000, "d", coverage=air),
    )
    asked: dict[str, Any] = {"states": frozenset({"active"}), "services": frozenset({"air"})}
    assert filled.names(**asked) == ["b", "d"]
    assert filled.views.asked < 1_000


def test_two_frequent_words_that_hardly_any_carrier_has_both_of(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is too common for a list of its own: what has both is found without reading the rows of
    all carriers, also behind a page."""
    monkeypatch.setattr(joining, "COSTLY_AFTER", 20)
    monkeypatch.setattr(joining, "MAX_BLOCK", 10)
    filled.views.finds_prefixes = False
    filled.put(
        *(carrier(number, f"a{number:05} cargo") for number in range(400)),
        carrier(400, "b cargo group"),
        *(carrier(number, f"c{number:05} group") for number in range(500, 900)),
        carrier(900, "d group cargo"),
    )
    words = frozenset({"cargo", "group"})
    names, cursor = filled.page(Query(words=words, limit=1))
    assert names == ["b cargo group"]
    filled.views.rows_read = 0
    assert filled.page(Query(words=words, limit=1, cursor=cursor)) == (["d group cargo"], None)
    assert filled.views.rows_read < 50


def test_a_search_that_takes_longer_than_the_request_may_is_given_up(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why; never a page that is not full."""
    monkeypatch.setattr(joining, "MAX_BLOCK", 2)
    filled.views.finds_prefixes = False
    filled.put(*(carrier(number, f"n{number}") for number in range(40)), carrier(90, "wanted"))
    query = Query(words=frozenset({"wanted"}), limit=1)
    assert filled.page(query) == (["wanted"], None)
    filled.views.before_rows = lambda: time.sleep(0.3)
    with pytest.raises(SearchTooLong):
        filled.directory.page(query, Deadline.after(0.2))


def test_a_cursor_is_of_one_query(filled: Filled) -> None:
    """With the same filters and order, whatever the size of the page; a mangled one is of none."""
    filled.put(carrier(1, "a"), carrier(2, "b"), carrier(3, "c"))
    query = Query(limit=1)
    _, cursor = filled.page(query)
    assert cursor is not None
    assert filled.page(replace(query, limit=2, cursor=cursor)) == (["b", "c"], None)
    others = (Query(sort="registered_at"), Query(states=frozenset({"active"})))
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


def test_another_generation_is_noticed_after_a_page_was_read(filled: Filled) -> None:
    """The page is read again from the one that is live now."""
    filled.put(carrier(1, "old"))
    built = filled.views.begin(LIVE.projection, soon())
    Written(filled.views, built).put(*new(carrier(1, "new")))
    filled.views.meanwhile = lambda: filled.views.swap(built, soon())
    assert filled.names() == ["new"]
    assert filled.directory.standing(CARRIERS, soon()).view == built


def test_another_generation_is_noticed_after_counts_were_read(filled: Filled) -> None:
    """They are read again from the one that is live now: the former may be dropped by then."""
    former = View(PROJECTIONS[STATISTICS].key, 1)
    counted = Changes(1, counts={"total": 7})
    Written(filled.views, former).commit(counted)
    built = filled.views.begin(former.projection, soon())
    Written(filled.views, built).commit(counted)

    def replace_it() -> None:
        filled.views.swap(built, soon())
        filled.views.drop(former, soon())

    filled.views.meanwhile = replace_it
    assert filled.directory.counts(soon()) == {"total": 7}


def not_made(filled: Filled) -> None:
    """Look at a file of views that was made anew: no view is built in it yet."""
    with closing(SqliteEventStore(filled.path)) as store:
        commit_id, events = commit()
        store.append("s", NO_STREAM, events, commit_id, soon())
    filled.views = Views(filled.path.with_name("anew"), SqliteRegistry(filled.path))
    filled.directory = Directory(filled.views, filled.wake, filled.tail.listener)


def test_a_view_that_is_being_made_is_waited_for(filled: Filled) -> None:
    """Whoever makes it is woken."""

    def make_it() -> None:
        view = filled.views.begin(LIVE.projection, soon())
        Written(filled.views, view).put(*new(carrier(1, "anew")))
        filled.views.swap(view, soon())

    not_made(filled)
    filled.woken = make_it
    assert filled.names() == ["anew"]


def test_a_view_that_is_not_made_in_time_does_not_answer(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither with nothing nor with a part."""
    monkeypatch.setattr(live_views, "PATIENCE_SECONDS", 0.1)
    not_made(filled)
    filled.views.begin(LIVE.projection, soon())
    with pytest.raises(ViewNotMade):
        filled.names()
    with pytest.raises(ViewNotMade):
        filled.directory.counts(soon())


def test_a_damaged_row_is_named(filled: Filled) -> None:
    """The view is made of the feed: it can be made anew, and the answer says how."""
    row = carrier(1, "damaged")
    filled.put(row)
    filled.written.put(RowChange(replace(row, body="{"), (row,)))
    with pytest.raises(StoreUnavailable, match=f"carrier {row.carrier_id} is damaged"):
        filled.names()
