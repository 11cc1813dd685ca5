"""A carrier's coverage: the services it offers, each with its countries."""

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
    """A service and its countries: sorted alpha-2 codes, or "worldwide" alone."""

    service: str
    countries: Sequence[str]

    def __post_init__(self) -> None:
        known_service(self.service)
        object.__setattr__(self, "countries", tuple(countries(self.countries)))

    def as_json(self) -> dict[str, Any]:
        """An object of `service` and `countries`, which is always a list."""
        return {"service": self.service, "countries": list(self.countries)}


@dataclass(frozen=True, slots=True)
class Coverages:
    """A carrier's whole coverage in the caller's order, each service once. A service named twice is
    refused, not merged: it is usually a mistake (once "worldwide", once DE), and the answer would
    differ from what the caller sent."""

    entries: Sequence[Coverage]

    def __post_init__(self) -> None:
        if len({entry.service for entry in self.entries}) < len(self.entries):
            raise InvalidValue("The coverage must name each service only once")
        object.__setattr__(self, "entries", tuple(self.entries))

    @classmethod
    def from_json(cls, given: Sequence[Mapping[str, Any]]) -> "Coverages":
        """The coverage of JSON objects with `service` and `countries`. Raises InvalidValue."""
        return cls(tuple(Coverage(one["service"], one["countries"]) for one in given))

    def as_json(self) -> list[dict[str, Any]]:
        """The list of objects that `Coverage.as_json` makes."""
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


def country(code: str) -> str:
    """`code` in upper case, if it is an ISO 3166 alpha-2 code. Raises InvalidValue."""
    if not (code.isascii() and code.upper() in _iso_3166()):
        raise InvalidValue("The country must be an ISO 3166 alpha-2 code, such as DE")
    return code.upper()


@cache  # read from the library's file at first use, not at import
def _iso_3166() -> frozenset[str]:
    return frozenset(country.alpha_2 for country in pycountry.countries)
