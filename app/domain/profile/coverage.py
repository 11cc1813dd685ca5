"""What a carrier does where: pairs of a service and its countries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pycountry

from app.domain.errors import InvalidValue

SERVICES = (
    "parcel",
    "express",
    "freight",
    "ltl",
    "ftl",
    "air",
    "ocean",
    "rail",
    "last-mile",
    "cold-chain",
    "hazmat",
)
WORLDWIDE = "worldwide"

_COUNTRIES = f'The countries must be ISO 3166 alpha-2 codes, or "{WORLDWIDE}" alone'


@dataclass(frozen=True, slots=True)
class Coverage:
    """A service and the countries it is offered in: sorted alpha-2 codes, or "worldwide" alone."""

    service: str
    countries: Sequence[str]

    def __post_init__(self) -> None:
        known_service(self.service)
        object.__setattr__(self, "countries", tuple(countries(self.countries)))

    def as_json(self) -> dict[str, Any]:
        """Countries are a list always, so that readers need to know one shape only."""
        return {"service": self.service, "countries": list(self.countries)}


@dataclass(frozen=True, slots=True)
class Coverages:
    """Coverage in the caller's order, each service once. A service named twice is refused
    rather than merged: it is a slip more often than not ("worldwide" here, DE there), and the
    carrier would not read as it was written."""

    entries: Sequence[Coverage]

    def __post_init__(self) -> None:
        if len({entry.service for entry in self.entries}) < len(self.entries):
            raise InvalidValue("The coverage must name each service only once")
        object.__setattr__(self, "entries", tuple(self.entries))

    @classmethod
    def from_json(cls, given: Sequence[Mapping[str, Any]]) -> "Coverages":
        """From objects of a service and its countries. Raises InvalidValue."""
        return cls(tuple(Coverage(one["service"], one["countries"]) for one in given))

    def as_json(self) -> list[dict[str, Any]]:
        """The pairs."""
        return [entry.as_json() for entry in self.entries]


def known_service(text: str) -> str:
    """`text`, if it is one of SERVICES. Raises InvalidValue."""
    if text not in SERVICES:
        raise InvalidValue(f"The service must be one of {', '.join(SERVICES)}")
    return text


def countries(codes: Sequence[str]) -> list[str]:
    """`codes` in upper case, sorted, each once; or "worldwide" alone. Raises InvalidValue."""
    if not codes:
        raise InvalidValue("The countries must not be empty")
    if set(codes) == {WORLDWIDE}:
        return [WORLDWIDE]
    # There are letters beyond ASCII whose upper case is an ASCII one.
    if not all(code.isascii() and code.upper() in _iso_3166() for code in codes):
        raise InvalidValue(_COUNTRIES)
    return sorted({code.upper() for code in codes})


@cache  # read from the library's file at first use, not at import
def _iso_3166() -> frozenset[str]:
    return frozenset(country.alpha_2 for country in pycountry.countries)
