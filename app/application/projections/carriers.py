"""The directory's view: one row a carrier, and by which terms and words it is found.

Pure functions of a carrier. The queries use the same ones to name what they look for, and to check
a row that a store found by its body alone.

Who offers a service worldwide has the terms of the country WORLDWIDE and of no other. So a query
for a country asks for two alternatives, `country_term("DE")` and `country_term(WORLDWIDE)`, and so
for a pair, `pair_term("DE", "air")` and `pair_term(WORLDWIDE, "air")`.
"""

import json
from collections.abc import Mapping
from typing import Any

from app.application.projections.folding import Folded
from app.application.projections.text import folded, words
from app.application.views import Row
from app.domain.profile.coverage import WORLDWIDE

__all__ = [
    "ALL",
    "WORLDWIDE",
    "country_term",
    "identifier_term",
    "pair_term",
    "row_of",
    "search_words",
    "service_term",
    "sort_keys",
    "status_term",
    "terms_of",
]

ALL = "all"
"""The term that every row has."""

NAME_KEY_CHARACTERS = 128
"""A key is part of a cursor, and a cursor of an address; folding makes some names much longer."""

Body = Mapping[str, Any]
"""What a row's body is as JSON."""

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def row_of(carrier: Folded) -> Row:
    """The carrier's row. Its body is the carrier as the API shows it, and `updated_at`."""
    registered_at = carrier.registered_at.isoformat(timespec="milliseconds")
    updated_at = (
        registered_at
        if carrier.updated_at == carrier.registered_at
        else carrier.updated_at.isoformat(timespec="milliseconds")
    )
    body = {
        "carrier_id": carrier.carrier_id,
        "version": carrier.version,
        "registered_at": registered_at,
        "updated_at": updated_at,
        **carrier.state.as_json(),
    }
    return Row(
        carrier_id=carrier.carrier_id,
        version=carrier.version,
        body=_dumps(body),
        keys=sort_keys(body),
        terms=terms_of(body),
        words=search_words(body),
    )


def sort_keys(body: Body) -> dict[str, str]:
    """Where the row with this body stands in each of `views.SORTS`. Moments are UTC and of fixed
    width, so their text has their order."""
    name = folded(body["name"])[:NAME_KEY_CHARACTERS]
    return {"name": name, "registered_at": body["registered_at"]}


def terms_of(body: Body) -> frozenset[str]:
    """The terms of the row with this body."""
    terms = {ALL, status_term(body["state"])}
    for entry in body["coverage"]:
        service = entry["service"]
        terms.add(service_term(service))
        for country in entry["countries"]:
            terms.add(country_term(country))
            terms.add(pair_term(country, service))
    for identifier in body["identifiers"]:
        terms.add(identifier_term(identifier["scheme"], identifier["value"]))
    return frozenset(terms)


def search_words(body: Body) -> frozenset[str]:
    """The words of the row with this body: of the name, the aliases, the e-mail address and the
    values of the identifiers. What is searched comes from `text.words` too, so each of its words
    has to begin one of these."""
    found = {*words(body["name"]), *words(body["email"])}
    for alias in body["aliases"]:
        found.update(words(alias))
    for identifier in body["identifiers"]:
        found.update(words(identifier["value"]))
    return frozenset(found)


def status_term(state: str) -> str:
    """Those in that state."""
    return f"status:{state}"


def country_term(code: str) -> str:
    """Those who offer any service there; `code` is alpha-2, or WORLDWIDE."""
    return f"country:{code.lower()}"


def service_term(service: str) -> str:
    """Those who offer it anywhere."""
    return f"service:{service}"


def pair_term(country: str, service: str) -> str:
    """Those who offer that service in that country (or WORLDWIDE)."""
    return f"pair:{country.lower()}/{service}"


def identifier_term(scheme: str, value: str) -> str:
    """Those known by it; `value` in the normal form of its scheme."""
    return f"identifier:{scheme}:{value}"
