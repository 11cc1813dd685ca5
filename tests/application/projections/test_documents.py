"""What carriers are found by because of their documents: right on every day, without a new row."""

from datetime import date, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.application.projections.days import before_terms, between_terms, day_terms
from app.application.projections.documents import (
    UNDOCUMENTED,
    Covered,
    document_terms,
    expiring_terms,
    is_missing,
    missing_terms,
    next_expiry,
)
from app.domain.documents import Document, covered, held

KIND = "cargo-insurance"
START = date(2026, 1, 28)
NEAR = st.integers(0, 70).map(lambda days: (START + timedelta(days)).isoformat())
FAR = st.dates(date(1990, 1, 1), date(2150, 1, 1)).map(date.isoformat)
DAYS = NEAR | FAR


@st.composite
def filings(draw: st.DrawFn) -> dict[int, Document]:
    """Some documents, of which some were replaced or withdrawn."""
    found = {}
    for number in range(1, draw(st.integers(0, 4)) + 1):
        first, last = draw(DAYS), draw(st.none() | DAYS)
        found[number] = Document(
            number,
            draw(st.sampled_from([KIND, "contract"])),
            "1",
            "Insurer",
            first if last is None else min(first, last),
            None if last is None else max(first, last),
            replaced_from=draw(st.none() | st.none() | DAYS),
            withdrawn=draw(st.sampled_from([False, False, True])),
        )
    return found


def terms_of(days: Covered, changed_on: str) -> set[str]:
    """What the row of a carrier is found by."""
    return set(document_terms(days, changed_on)) if days else {UNDOCUMENTED}


@settings(deadline=None, max_examples=500)
@given(filings(), DAYS, DAYS)
def test_a_kind_is_missing_if_no_document_of_it_holds(
    documents: dict[int, Document], one: str, other: str
) -> None:
    """Asked on any day since the row was made, the terms find every carrier of which it is true."""
    changed_on, on = sorted((one, other))
    days = covered(documents)
    assert is_missing(days, KIND, on) is not bool(held(documents, KIND, on))
    if is_missing(days, KIND, on):
        assert terms_of(days, changed_on) & missing_terms(KIND, on)


@settings(deadline=None, max_examples=500)
@given(filings(), DAYS, DAYS)
def test_what_expires_is_found_by_the_last_day_of_a_kind(
    documents: dict[int, Document], one: str, other: str
) -> None:
    """Of a kind that holds on some day from `on` on, and from a day before `before` no more."""
    on, before = sorted((one, other))
    days = covered(documents)
    ends = [spans[-1][1] for spans in days.values()]
    expires = any(end is not None and on <= end < before for end in ends)
    found = terms_of(days, on) & expiring_terms(on, before)
    assert bool(found) is expires
    assert next_expiry(days) == min((end for end in ends if end is not None), default=None)


@settings(deadline=None, max_examples=500)
@given(filings(), DAYS)
def test_the_days_are_those_on_which_a_document_holds(
    documents: dict[int, Document], on: str
) -> None:
    """Without a gap where two meet, and in order."""
    for kind, spans in covered(documents).items():
        inside = any(first <= on and (last is None or on <= last) for first, last in spans)  # type: ignore[operator]
        assert inside is bool(held(documents, kind, on))
        firsts = [first for first, _ in spans]
        assert firsts == sorted(firsts)  # type: ignore[type-var]
        assert all(last is not None for _, last in spans[:-1])


def test_a_renewal_without_a_gap_is_one_time() -> None:
    """From the first day of the former one."""
    former = Document(1, KIND, "1", "Insurer", "2026-01-01", replaced_from="2027-01-01")
    renewal = Document(2, KIND, "2", "Insurer", "2027-01-01", "2027-12-31")
    assert covered({1: former, 2: renewal}) == {KIND: [["2026-01-01", "2027-12-31"]]}


@settings(deadline=None, max_examples=1000)
@given(DAYS, DAYS, DAYS)
@example("2026-11-26", "2026-11-26", "2026-11-27")
@example("2026-11-26", "2026-11-27", "2026-11-27")
@example("2026-12-31", "2026-01-01", "2027-01-01")
def test_a_range_of_days_is_found_exactly_and_once(day: str, first: str, end: str) -> None:
    """By few terms."""
    terms = between_terms("d", first, end)
    assert len(day_terms("d", day) & terms) == (1 if first <= day < end else 0)
    assert len(terms) <= 120
    assert len(day_terms("d", day) & before_terms("d", end)) == (1 if day < end else 0)
