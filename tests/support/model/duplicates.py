"""Which carriers may be one company: what they have in common, and the score that it makes.

Names of the walk are the same or not alike at all: how much alike is measured elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Final

from tests.support.model.carrier import THERE, Carrier

SCORES: Final = {"identifier": 90, "phone": 60, "domain": 50, "name": 80}
"""The chance in percent that two are one, by what they have in common."""
COMMON: Final = 20
"""What more carriers have says nothing."""
FREE_MAIL: Final = frozenset({"gmail.com"})

Pair = frozenset[str]
Found = tuple[int, tuple[str, ...]]
"""A score, and the kinds of reasons."""


def facts(carrier: Carrier) -> Iterator[tuple[str, str]]:
    """What another carrier may have too: its kind and its value."""
    for each in carrier["identifiers"]:
        yield "identifier", f"{each['scheme']}:{each['value']}"
    if carrier["phone"]:
        yield "phone", carrier["phone"]
    site = (carrier["website"] or "").removeprefix("https://www.").partition("/")[0]
    for domain in {carrier.email.rpartition("@")[2], site} - FREE_MAIL - {""}:
        yield "domain", domain
    for name in {carrier.name.casefold(), *(each.casefold() for each in carrier["aliases"])}:
        yield "name", name


def pairs(carriers: Iterable[Carrier]) -> dict[Pair, Found]:
    """Every pair that has something in common."""
    there = {each.id: each for each in carriers if each.state in THERE}
    having: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for each in there.values():
        for fact in facts(each):
            having[fact].add(each.id)
    shared: defaultdict[Pair, set[str]] = defaultdict(set)
    for (kind, _), ids in having.items():
        if len(ids) <= COMMON:
            for both in combinations(ids, 2):
                if not _are_apart(*(there[each] for each in both)):
                    shared[frozenset(both)].add(kind)
    return {pair: (_score(kinds), tuple(sorted(kinds))) for pair, kinds in shared.items()}


def _are_apart(one: Carrier, other: Carrier) -> bool:
    return other.id in one.distinct_from or one.id in other.distinct_from


def _score(kinds: Iterable[str]) -> int:
    """As if each reason were evidence of its own."""
    doubt = 1.0
    for kind in kinds:
        doubt *= 1 - SCORES[kind] / 100
    return round(100 * (1 - doubt))
