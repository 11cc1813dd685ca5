"""The normal forms of values, as the API's description and docs/csv.md say that they are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from tests.support.model.carrier import Json


def trimmed(text: str) -> str:
    """Without spaces around it."""
    return text.strip()


def phone(text: str | None) -> str | None:
    """E.164."""
    return text and text.replace(" ", "")


def amount(limit: Json | None) -> Json | None:
    """A decimal number without needless zeros, and a currency in upper case."""
    if limit is None:
        return None
    number = f"{Decimal(limit['amount']).normalize():f}"
    return {"amount": number, "currency": limit["currency"].upper()}


def identifiers(given: list[Json]) -> list[Json]:
    """Values in upper case; a day that is not given is left out."""
    found: list[Json] = []
    for each in given:
        days = {name: each[name] for name in ("valid_from", "valid_to") if each.get(name)}
        found.append({"scheme": each["scheme"], "value": each["value"].upper(), **days})
    return found


def coverage(given: list[Json]) -> list[Json]:
    """Countries in upper case and sorted, or `worldwide` alone, always as a list."""
    return [
        {"service": each["service"], "countries": _countries(each["countries"])} for each in given
    ]


def _countries(given: str | list[str]) -> list[str]:
    if given in ("worldwide", ["worldwide"]):
        return ["worldwide"]
    return sorted(each.upper() for each in given)


def tags(given: list[str]) -> list[str]:
    """In lower case and in the order of the alphabet."""
    return sorted({each.lower() for each in given})


def contacts(given: list[Json]) -> list[Json]:
    """Without what was not given."""
    kept: list[Json] = []
    for each in given:
        found = {name: value for name, value in each.items() if value is not None}
        if "phone" in found:
            found["phone"] = phone(found["phone"])
        kept.append(found)
    return kept


def country(text: str | None) -> str | None:
    """In upper case."""
    return text and text.upper()


NORMAL: Final[Mapping[str, Callable[[Any], Any]]] = {
    "name": trimmed,
    "reason": lambda text: text and trimmed(text),
    "note": trimmed,
    "phone": phone,
    "identifiers": identifiers,
    "coverage": coverage,
    "tags": tags,
    "contacts": contacts,
    "country": country,
    "limit": amount,
}


def normal(body: Json) -> dict[str, Any]:
    """A body in normal form."""
    return {name: NORMAL[name](value) if name in NORMAL else value for name, value in body.items()}
