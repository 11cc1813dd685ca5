"""What a row of the directory is found by because of the carrier's documents. Pure.

A day that passes changes no row. So a row says nothing that is true today only: it has terms for
the last day of each kind of documents, and for first days that are still to come; a query names the
day, and looks for the terms of the days before or behind it.

Whether a kind is missing on a day is said by the row's body. The terms find all carriers of which
it may be true, and few others: those whose documents of the kind begin in the month of the day.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from app.application.projections.days import (
    LAST_DAY,
    before_terms,
    between_terms,
    day_terms,
    since_terms,
)
from app.domain.documents import KINDS

Covered = Mapping[str, Sequence[Sequence[str | None]]]
"""By kind the days on which a carrier holds a document of it, as first and last days in order; the
last is None if it is open. As `domain.documents.covered` gives it."""

UNDOCUMENTED = "documents:none"
"""The only such term of carriers that hold no document on any day."""

_SKEW_DAYS = 2
"""Clocks of machines differ, and so do the days that they take an event for."""


def next_expiry(covered: Covered) -> str | None:
    """The first of the last days of the kinds that a carrier has documents of; None if all are
    open, or there are none."""
    return min(_last_days(covered).values(), default=None)


def document_terms(covered: Covered, changed_on: str) -> Iterator[str]:
    """The terms of a carrier that has documents and was last changed on that day. First days that
    were over by then are not among them: nobody asks for the days before."""
    yield from (_without(kind) for kind in KINDS if kind not in covered)
    for kind, last in _last_days(covered).items():
        yield from day_terms(_until(kind), last)
        yield from day_terms("expiry", last)
    known = (date.fromisoformat(changed_on) - timedelta(_SKEW_DAYS)).isoformat()
    for kind, spans in covered.items():
        for first, _ in spans:
            if first is not None and first > known:
                yield from day_terms(_from(kind), min(first, LAST_DAY))


def expiring_terms(on: str, before: str) -> frozenset[str]:
    """Terms of which a row has one if a kind of the carrier's documents has its last day on the day
    `on` or later, and before the day `before`; else none. At most 120."""
    return between_terms("expiry", on, before)


def missing_terms(kind: str, on: str) -> frozenset[str]:
    """Terms of which each row has one that `is_missing` is true of, and few others. `on` is not
    before the day of the row's last change. At most 100."""
    ended = before_terms(_until(kind), on)
    to_come = since_terms(_from(kind), f"{min(on, LAST_DAY)[:8]}01")
    return frozenset({UNDOCUMENTED, _without(kind)}) | ended | to_come


def is_missing(covered: Covered, kind: str, on: str) -> bool:
    """Whether the carrier holds no document of the kind on that day."""
    return not any(
        first is not None and first <= on and (last is None or on <= last)
        for first, last in covered.get(kind, ())
    )


def _last_days(covered: Covered) -> dict[str, str]:
    """The last day of each kind that has one."""
    ends = {kind: spans[-1][1] for kind, spans in covered.items()}
    return {kind: end for kind, end in ends.items() if end is not None}


def _without(kind: str) -> str:
    return f"no-document:{kind}"


def _until(kind: str) -> str:
    return f"until:{kind}"


def _from(kind: str) -> str:
    return f"from:{kind}"
