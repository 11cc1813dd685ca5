"""A carrier's documents, and on which days they hold. Imports only the domain.

Nothing expires by a timer: a document is kept with its days, and whether it holds follows from the
day that is asked for.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pycountry

from app.domain.errors import InvalidInput, InvalidValue
from app.domain.profile.identifiers import in_order

KINDS = (
    "cargo-insurance",
    "liability-insurance",
    "operating-authority",
    "customs-bond",
    "dangerous-goods",
    "food-safety",
    "contract",
    "other",
)
LIMITED = ("cargo-insurance", "liability-insurance", "customs-bond", "contract")
"""The kinds that can have a limit: up to how much money they answer for."""

IN_FORCE_MAX = 200
"""So many documents of a carrier at most are neither withdrawn nor replaced."""

IN_FORCE, REPLACED, WITHDRAWN = "in-force", "replaced", "withdrawn"
STANDINGS = (IN_FORCE, REPLACED, WITHDRAWN)

_AMOUNT = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,3})?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Limit:
    """Up to how much money a document answers for: a decimal number without needless zeros, and an
    ISO 4217 currency."""

    amount: str
    currency: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", amount(self.amount))
        object.__setattr__(self, "currency", currency(self.currency))

    def as_json(self) -> dict[str, str]:
        """An object of `amount` and `currency`."""
        return {"amount": self.amount, "currency": self.currency}


def amount(text: str) -> str:
    """An amount above zero in normal form. Raises InvalidValue."""
    if not _AMOUNT.fullmatch(text) or not Decimal(text):
        raise InvalidValue("The amount must be a number above 0, such as 1000000.00")
    return f"{Decimal(text).normalize():f}"


def currency(text: str) -> str:
    """A currency's code in upper case. Raises InvalidValue."""
    if not text.isascii() or text.upper() not in _iso_4217():
        raise InvalidValue("The currency must be an ISO 4217 code, such as EUR")
    return text.upper()


def sha256(text: str) -> str:
    """The SHA-256 of a file as 64 hexadecimal digits in lower case. Raises InvalidValue."""
    if not _SHA256.fullmatch(text):
        raise InvalidValue("The sha256 must be 64 hexadecimal digits")
    return text.lower()


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was filed: plain text, as the events hold it. Days are YYYY-MM-DD.

    `valid_to` is the last day; None if it is open. `limit` is the JSON of a Limit. `replaced_by` is
    the document that stands in its place from the day `replaced_from` on. `withdrawn` says whether
    it was taken back. `reason` is why it was replaced or withdrawn.
    """

    document_id: int
    kind: str
    number: str
    issuer: str
    valid_from: str
    valid_to: str | None = None
    limit: Mapping[str, str] | None = None
    sha256: str | None = None
    url: str | None = None
    replaced_by: int | None = None
    replaced_from: str | None = None
    withdrawn: bool = False
    reason: str | None = None

    @property
    def standing(self) -> str:
        """One of STANDINGS."""
        if self.withdrawn:
            return WITHDRAWN
        return IN_FORCE if self.replaced_by is None else REPLACED

    def holds(self, on: str) -> bool:
        """Whether the document holds on that day. One that was withdrawn holds on none; one that
        was replaced still holds on its days before the other one begins."""
        return (
            not self.withdrawn
            and self.valid_from <= on
            and (self.valid_to is None or on <= self.valid_to)
            and (self.replaced_from is None or on < self.replaced_from)
        )

    def says_the_same(self, other: "Document") -> bool:
        """Whether the two differ in nothing but their ids and what became of them."""
        return _said(self) == _said(other)


Documents = Mapping[int, Document]
"""A carrier's documents by their ids, in the order in which they were filed. None is ever taken
away, so no id is given twice."""


def next_id(documents: Documents) -> int:
    """The id of the document that is filed next."""
    return max(documents, default=0) + 1


def in_force(documents: Documents) -> Iterator[Document]:
    """Those that are neither withdrawn nor replaced, whatever their days."""
    return (each for each in documents.values() if each.standing == IN_FORCE)


def held(documents: Documents, kind: str, on: str) -> list[Document]:
    """The documents of a kind that hold on that day, YYYY-MM-DD."""
    return [each for each in documents.values() if each.kind == kind and each.holds(on)]


def covered(documents: Documents) -> dict[str, list[list[str | None]]]:
    """By kind the days on which a carrier holds a document of it: the first and the last day of
    each time without a gap, in order. The last day is None if it is open. Kinds of which it holds
    none on any day are left out."""
    found: dict[str, list[list[str | None]]] = {}
    for each in sorted(documents.values(), key=lambda each: each.valid_from):
        last = _last_day(each)
        if each.withdrawn or (last is not None and last < each.valid_from):
            continue
        spans = found.setdefault(each.kind, [])
        if spans and ((end := spans[-1][1]) is None or each.valid_from <= _day_after(end)):
            spans[-1][1] = None if end is None or last is None else max(end, last)
        else:
            spans.append([each.valid_from, last])
    return found


def on_file(documents: Documents, document_id: int) -> Document:
    """The carrier's document with this id. Raises InvalidInput."""
    if document_id not in documents:
        raise InvalidInput("document_id", "The document_id must be one of this carrier's documents")
    return documents[document_id]


def refuse_former(document: Document) -> NoReturn:
    """Refuse to change a document that is not in force any more. Raises InvalidInput."""
    because = f"document {document.replaced_by} replaced it"
    if document.standing == WITHDRAWN:
        because = "it was withdrawn"
    raise InvalidInput("document_id", f"The document_id must be of one in force: {because}")


def check(document: Document) -> None:
    """The rules across a document's fields. Raises InvalidInput."""
    try:
        in_order(document.valid_from, document.valid_to)
    except InvalidValue as error:
        raise InvalidInput("valid_to", error.sentence) from error
    if document.limit is not None and document.kind not in LIMITED:
        raise InvalidInput(
            "limit", f"The limit must be left out: only {', '.join(LIMITED)} have one"
        )


def today(now: datetime, time_zone: str | None) -> str:
    """The day that it is at that moment in a time zone of the IANA's, UTC without one. A zone that
    this machine does not know counts as UTC: it was valid when it was recorded. At either end of
    the calendar, where that day would be beyond it, the day that the moment itself says."""
    try:
        zone = ZoneInfo(time_zone) if time_zone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        zone = UTC
    with suppress(OverflowError):
        now = now.astimezone(zone)
    return now.date().isoformat()


def _last_day(document: Document) -> str | None:
    """The last day on which the document holds, unless it was withdrawn; None if it is open."""
    ends = [document.valid_to] if document.valid_to is not None else []
    if document.replaced_from is not None:
        ends.append(_shifted(document.replaced_from, -1))
    return min(ends, default=None)


def _day_after(day: str) -> str:
    return _shifted(day, 1)


def _shifted(day: str, days: int) -> str:
    """The day that many days later; of the calendar's first and last day, itself."""
    try:
        return (date.fromisoformat(day) + timedelta(days)).isoformat()
    except OverflowError:
        return day


def _said(document: Document) -> tuple[Any, ...]:
    limit = dict(document.limit) if document.limit is not None else None
    return (
        document.kind,
        document.number,
        document.issuer,
        document.valid_from,
        document.valid_to,
        limit,
        document.sha256,
        document.url,
    )


@cache  # read from the library's file at first use, not at import
def _iso_4217() -> frozenset[str]:
    return frozenset(each.alpha_3 for each in pycountry.currencies)
