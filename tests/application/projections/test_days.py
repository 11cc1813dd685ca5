"""Days as terms: a range of days is found by a few of them, exactly."""

from datetime import date

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.application.projections.days import day_terms, since_terms

DAYS = st.dates(date(1900, 1, 1), date(2099, 12, 31))


@settings(deadline=None, max_examples=1000)
@given(DAYS, DAYS)
@example(date(2026, 11, 20), date(2026, 11, 20))
@example(date(2026, 11, 19), date(2026, 11, 20))
@example(date(1999, 12, 31), date(2000, 1, 1))
@example(date(2099, 12, 31), date(1900, 1, 1))
@example(date(2026, 11, 1), date(2026, 11, 1))
@example(date(2026, 11, 30), date(2026, 11, 1))
@example(date(2026, 10, 31), date(2026, 11, 1))
def test_a_row_is_found_once_if_its_day_is_not_before(day: date, since: date) -> None:
    """And else not at all."""
    found = day_terms("d", day.isoformat()) & since_terms("d", since.isoformat())
    assert len(found) == (1 if day >= since else 0)


@given(DAYS)
@example(date(1900, 1, 1))
@example(date(1900, 1, 2))
def test_the_terms_are_few(since: date) -> None:
    """Each is a list that is read for every page."""
    assert len(since_terms("d", since.isoformat())) <= 60


def test_a_day_beyond_those_that_are_looked_for_finds_none_but_its_own() -> None:
    """No such day can have been noted; the query is still a condition."""
    found = since_terms("d", "2150-12-31")
    assert "d:2150-12-31" in found
    assert not found & day_terms("d", "2026-11-20")
