"""What is asked of the carriers' directory: a filter, an order, and a page by its cursor."""

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any

from app.application.ports.views import Place
from app.application.projections import PROJECTIONS
from app.application.projections.carriers import (
    ALL,
    WORLDWIDE,
    country_term,
    identifier_term,
    pair_term,
    search_words,
    service_term,
    state_term,
    terms_of,
)
from app.application.projections.documents import expiring_terms, is_missing, missing_terms
from app.application.projections.eligibility import admitted_terms, asked_terms, may
from app.application.shown import Shown
from app.domain.eligibility import Work
from app.domain.policy.state import PolicyState
from app.domain.state import ACTIVE

CARRIERS = "carriers"
"""The name of the projection that queries of carriers read."""


_NONE = frozenset({"nothing"})
"""A term that no row has."""


class BadCursor(ValueError):
    """The text is no cursor of this query."""


@dataclass(frozen=True, slots=True)
class Query:
    """A filter, an order and a page. A carrier matches if each non-empty set has a value that fits.

    Countries are alpha-2 codes, identifiers scheme and value in normal form, words folded
    beginnings, each of a word of the carrier. With countries and services, one service has to be
    offered in one of the countries. Without `states` the retired ones count too, and merged ones do
    not. `also` are sets of terms, of each of which a carrier must have one (`carriers.FILTERS`).
    `missing` is a kind of documents of which a carrier holds none on the day `on`; with
    `expiring_before` a kind of its documents has its last day from `on` on and before that day.
    Carriers are as they are on the day `on`, by what is scheduled; as recorded, if it is empty.
    Days are YYYY-MM-DD. With `work` a carrier must be eligible for it, by the `policy`; by the one
    that holds, if none is named.
    """

    states: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    identifiers: frozenset[tuple[str, str]] = frozenset()
    words: frozenset[str] = frozenset()
    also: frozenset[frozenset[str]] = frozenset()
    missing: str | None = None
    expiring_before: str | None = None
    on: str = ""
    work: Work | None = None
    policy: Shown[PolicyState] | None = None
    sort: str = "name"
    limit: int = 25
    cursor: str | None = None

    @property
    def beside(self) -> str:
        """What the answer depends on beside the view: the day, and the policy's version if the
        query asks for one."""
        return self.on if self.policy is None else f"{self.on}.{self.policy.version}"

    def conditions(self) -> list[frozenset[str]]:
        """Sets of terms; a matching carrier has a term of each set. The set that is likely to match
        the fewest carriers comes first."""
        found = (
            frozenset(identifier_term(*each) for each in self.identifiers),
            *sorted(self.also, key=sorted),
            *self._documents(),
            self._coverage(),
            *self._eligibility(),
            frozenset(map(state_term, self.states)),
        )
        return [terms for terms in found if terms]

    def _documents(self) -> Iterator[frozenset[str]]:
        if self.expiring_before is not None:
            yield expiring_terms(self.on, self.expiring_before) or _NONE
        if self.missing is not None:
            yield missing_terms(self.missing, self.on)

    def _eligibility(self) -> Iterator[frozenset[str]]:
        if (judged := self._judged) is not None:
            work, policy = judged
            offered = _offering({work.country}, {work.service})
            yield offered | admitted_terms(work.country, work.service)
            yield from asked_terms(work, policy)
            yield frozenset({state_term(ACTIVE)})

    @property
    def _judged(self) -> tuple[Work, PolicyState] | None:
        if self.work is None:
            return None
        assert self.policy is not None, "the directory names the one that holds"  # noqa: S101
        return self.work, self.policy.state

    def _coverage(self) -> frozenset[str]:
        if self.countries and self.services:
            return _offering(self.countries, self.services)
        if self.countries:
            return frozenset(map(country_term, {*self.countries, WORLDWIDE}))
        return frozenset(map(service_term, self.services))

    def fits(self, body: Mapping[str, Any]) -> bool:
        """Whether the carrier with this row body, as of the day `on`, matches the filter."""
        if (judged := self._judged) is not None and not may(body, *judged):
            return False
        terms = terms_of(body)
        if any(terms.isdisjoint(each) for each in self.conditions()):
            return False
        if not self.states and ALL not in terms:
            return False
        if self.missing is not None and not is_missing(body["covered"], self.missing, self.on):
            return False
        words = search_words(body) if self.words else frozenset()
        return all(any(word.startswith(prefix) for word in words) for prefix in self.words)

    def digest(self) -> str:
        """A hash of the filter, the order and the view's version, but not of the page's size, nor
        of the day, so that a walk can go on past midnight. A view of another version may have
        another order, in which a cursor would skip carriers."""
        asked: list[frozenset[Any]] = [
            self.states,
            self.countries,
            self.services,
            self.identifiers,
            self.words,
        ]
        also = sorted(map(sorted, self.also))
        work = self.work
        judged = [work.country, work.service, work.customer] if work else []
        alone = [self.missing, self.expiring_before, *judged]
        text = json.dumps(
            [PROJECTIONS[CARRIERS].key, self.sort, *alone, *map(sorted, asked), *also]
        )
        return blake2s(text.encode(), digest_size=6).hexdigest()

    def after(self) -> Place | None:
        """The place in the order that the query's cursor names. Raises BadCursor."""
        if self.cursor is None:
            return None
        try:
            padding = "=" * (-len(self.cursor) % 4)
            key, carrier_id, _ = json.loads(
                b64decode(self.cursor + padding, altchars=b"-_", validate=True)
            )
            place = str(key), str(carrier_id)
            if self.cursor_at(place) == self.cursor:
                return place
        except (ValueError, TypeError, RecursionError) as error:
            raise BadCursor from error
        raise BadCursor

    def cursor_at(self, place: Place) -> str:
        """A cursor of this query that continues after `place`."""
        text = json.dumps([*place, self.digest()], ensure_ascii=False, separators=(",", ":"))
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _offering(countries: AbstractSet[str], services: AbstractSet[str]) -> frozenset[str]:
    """The terms of carriers that offer one of the services in one of the countries."""
    return frozenset(pair_term(at, what) for at in {*countries, WORLDWIDE} for what in services)
