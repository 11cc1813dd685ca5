"""How alike two carriers are, and why. Pure functions of two rows' bodies.

The score is the chance, in percent, that the two are one company, as if each reason were evidence
of its own: a phone number (60) and a domain (50) make 80, which is 1 - 0.4 * 0.5.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from rapidfuzz import fuzz

from app.application.projections.carriers import shared_terms
from app.application.projections.likeness import names_of
from app.domain.state import GONE

DEFAULT_SCORE = 50
"""A pair that scores less is not shown unless somebody asks for it."""

_CHANCES = {"identifier": 0.9, "phone": 0.6, "domain": 0.5}
_ALIKE_FROM, _SAME = 80.0, 100.0
_ALIKE_CHANCE, _SAME_CHANCE = 0.3, 0.8
_SENTENCES = {
    "identifier": "Both have the identifier {}",
    "phone": "Both have the phone number {}",
    "domain": "Both use the domain {}",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """A carrier as it is compared: what it shares with others, and the words of its names."""

    carrier_id: str
    name: str
    state: str
    registered_at: str
    terms: frozenset[str]
    names: tuple[tuple[str, ...], ...]
    distinct_from: frozenset[str]

    @property
    def place(self) -> tuple[str, str]:
        """Where the carrier stands in the order of registration."""
        return self.registered_at, self.carrier_id

    def may_be(self, other: "Compared") -> bool:
        """Whether the two can be one company: both are still in the registry, and nobody has said
        that they are two."""
        return (
            GONE.isdisjoint({self.state, other.state})
            and other.carrier_id not in self.distinct_from
            and self.carrier_id not in other.distinct_from
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that two carriers have in common: its kind, and a sentence."""

    kind: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two carriers that may be one, the one that was registered earlier first."""

    carriers: tuple[Compared, Compared]
    score: int
    reasons: tuple[Reason, ...]


def compared(body: Mapping[str, Any]) -> Compared:
    """The carrier with this row's body."""
    return Compared(
        body["carrier_id"],
        body["name"],
        body["state"],
        body["registered_at"],
        shared_terms(body),
        tuple(names_of(body)),
        frozenset(body["distinct_from"]),
    )


def pair_of(one: Compared, other: Compared, common: frozenset[str]) -> Pair | None:
    """The pair with its score and reasons; None if the two share no term but the `common` ones,
    which too many carriers have, or if they cannot be one company."""
    shared = (one.terms & other.terms) - common
    if not shared or not one.may_be(other):
        return None
    earlier, later = sorted((one, other), key=lambda each: each.place)
    found = [*_facts(shared), *_names(earlier, later)]
    left = prod(1 - chance for chance, _ in found)
    return Pair((earlier, later), round(100 * (1 - left)), tuple(reason for _, reason in found))


def _facts(shared: frozenset[str]) -> Iterator[tuple[float, Reason]]:
    """Each kind of fact with its chance, once, however many of the kind there are."""
    for kind, chance in _CHANCES.items():
        said = sorted(term.partition(":")[2] for term in shared if term.startswith(f"{kind}:"))
        if said:
            yield chance, Reason(kind, _SENTENCES[kind].format(" and ".join(said)))


def _names(one: Compared, other: Compared) -> Iterator[tuple[float, Reason]]:
    """The likest two of the names, whatever the order of their words and their spaces."""
    alike = max((_likeness(*both) for both in product(one.names, other.names)), default=0.0)
    if alike >= _ALIKE_FROM:
        share = (alike - _ALIKE_FROM) / (_SAME - _ALIKE_FROM)
        chance = _ALIKE_CHANCE + share * (_SAME_CHANCE - _ALIKE_CHANCE)
        said = "the same" if alike == _SAME else f"alike by {alike:.0f} %"
        yield chance, Reason("name", f"The names, without legal forms, are {said}")


def _likeness(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    if one == other:
        return _SAME
    in_order = fuzz.ratio(" ".join(sorted(one)), " ".join(sorted(other)), score_cutoff=_ALIKE_FROM)
    spaceless = fuzz.ratio("".join(one), "".join(other), score_cutoff=_ALIKE_FROM)
    return max(in_order, spaceless)
