"""The two projections: how a carrier shows as a row, and in which counts it is one."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.application.projections.carriers import (
    ALL,
    WORLDWIDE,
    as_of,
    country_term,
    identifier_term,
    pair_term,
    row_of,
    search_words,
    service_term,
    shared_terms,
    sort_keys,
    state_term,
    terms_of,
)
from app.application.projections.documents import UNDOCUMENTED
from app.application.projections.eligibility import waiting_term
from app.application.projections.replay import Folded
from app.application.projections.statistics import counted
from app.domain.carrier import RETIRED, CarrierState
from app.domain.profile import Profile
from app.domain.scheduled import ScheduledChange

REGISTERED = datetime(2026, 11, 23, 23, 59, 59, 999_000, tzinfo=UTC)
PROFILE = Profile(
    aliases=["Weiße Flotte"],
    identifiers=[{"scheme": "own", "value": "ÄB-12/X"}, {"scheme": "scac", "value": "ABCD"}],
    coverage=[
        {"service": "parcel", "countries": ["DE", "FR"]},
        {"service": "express", "countries": ["DE"]},
        {"service": "air", "countries": ["worldwide"]},
    ],
)
STATE = CarrierState("Müller  Spedition", "Jörg.Ö@fed-ex.example", profile=PROFILE)
CARRIER = Folded(
    "a-carrier", 7, STATE, REGISTERED, REGISTERED + timedelta(days=1), REGISTERED.date()
)


def test_the_body_is_the_carrier_as_the_api_shows_it() -> None:
    """Everything is in it, moments in the API's form, and it is compact."""
    body = row_of(CARRIER).body
    assert json.loads(body) == {
        "carrier_id": "a-carrier",
        "version": 7,
        "registered_at": "2026-11-23T23:59:59.999+00:00",
        "updated_at": "2026-11-24T23:59:59.999+00:00",
        "last_incident_on": None,
        "covered": {},
        "judged_by": {"profile_of": "2026-11-23"},
        "distinct_from": [],
        "scheduled": [],
        **STATE.as_json(),
    }
    assert "ü" in body
    assert '": ' not in body


def test_a_row_says_of_every_day_what_the_carrier_says() -> None:
    """By what is scheduled; it is found by the terms and words of each of its days."""
    days = ("2026-12-01", "2026-12-02", "2026-12-03")
    offered = [{"service": "air", "countries": ["US"]}]
    scheduled = {
        1: ScheduledChange(1, {"name": "Zeta", "coverage": offered}, days[2], "x"),
        2: ScheduledChange(2, {"name": "Eta", "phone": "+498912345678"}, days[0], "x"),
        3: ScheduledChange(3, {"name": "Theta", "tags": ["sold"]}, days[1], "x", cancelled="No"),
        4: ScheduledChange(4, {"name": "Iota", "coverage": []}, days[0], "x"),
    }
    state = replace(STATE, scheduled=scheduled)
    row = row_of(replace(CARRIER, state=state))
    for day in ("2026-11-24", *days, "9999-12-31"):
        body = as_of(json.loads(row.body), day)
        shown = state.on(day).as_json()
        assert {name: body[name] for name in shown} == shown
        assert terms_of(body) <= row.terms
        assert search_words(body) <= row.words
    assert search_words({**json.loads(row.body), "name": "Theta"}) - row.words == {"theta"}
    retired = row_of(replace(CARRIER, state=replace(state, state=RETIRED)))
    assert json.loads(retired.body)["scheduled"] == []


def test_it_is_ordered_by_its_folded_name_and_by_its_registration() -> None:
    """The keys compare as text."""
    later = replace(CARRIER, registered_at=REGISTERED + timedelta(milliseconds=1))
    assert row_of(CARRIER).keys["name"] == "muller spedition"
    assert row_of(CARRIER).keys["registered_at"] < row_of(later).keys["registered_at"]


def test_it_is_found_by_its_terms() -> None:
    """By state, country, service, the pairs that it covers and no others, and identifiers."""
    assert row_of(CARRIER).terms == {
        ALL,
        state_term("active"),
        *map(country_term, ("DE", "FR", WORLDWIDE)),
        *map(service_term, ("parcel", "express", "air")),
        pair_term("DE", "parcel"),
        pair_term("FR", "parcel"),
        pair_term("DE", "express"),
        pair_term(WORLDWIDE, "air"),
        identifier_term("own", "ÄB-12/X"),
        identifier_term("scac", "ABCD"),
        UNDOCUMENTED,
        waiting_term("approval"),
    }


def test_it_is_found_by_what_a_duplicate_would_have_as_well() -> None:
    """Its identifiers, its domain and its names."""
    assert row_of(CARRIER).shared == {
        identifier_term("own", "ÄB-12/X"),
        identifier_term("scac", "ABCD"),
        "domain:fed-ex.example",
        *("begins:mull sped", "ends:ller tion", "sounds:mlr spdtn", "start:mullersp"),
        *("begins:flot weis", "ends:isse otte", "sounds:flt ws", "start:weissefl"),
    }


def test_it_is_found_by_the_words_of_names_address_and_identifiers() -> None:
    """All folded."""
    assert row_of(CARRIER).words == {
        *("muller", "spedition", "weisse", "flotte"),
        *("jorg", "o", "fed", "ex", "example"),
        *("ab", "12", "x", "abcd"),
    }


def test_a_body_alone_tells_what_its_row_is_found_by() -> None:
    """So a query can check what a store found."""
    row = row_of(CARRIER)
    body = json.loads(row.body)
    assert (sort_keys(body), terms_of(body)) == (row.keys, row.terms)
    assert (search_words(body), shared_terms(body)) == (row.words, row.shared)


def test_a_carrier_is_one_in_each_count_that_it_belongs_to() -> None:
    """Each country and service once; the day is UTC's."""
    keys = {
        *("total", "state:active", "registered:2026-11-23"),
        *("country:DE", "country:FR", "country:worldwide"),
        *("service:parcel", "service:express", "service:air"),
    }
    assert counted(CARRIER) == dict.fromkeys(keys, 1)


def test_a_retired_carrier_offers_nothing() -> None:
    """It stays in the total, its state and its day of registration."""
    retired = replace(CARRIER, state=replace(STATE, state=RETIRED))
    keys = {"total", "state:retired", "registered:2026-11-23"}
    assert counted(retired) == dict.fromkeys(keys, 1)
