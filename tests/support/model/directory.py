"""What lists, counts and the file of CSV have of the carriers as they are now."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final

from tests.support.history.carrier import STATES
from tests.support.model.carrier import MERGED, THERE, Carrier
from tests.support.model.themes import documents

OPEN: Final = "9999-12-31"


def last_days(carrier: Carrier) -> dict[str, str]:
    """By kind, the last day on which any document of it holds; OPEN if one has no end."""
    found: dict[str, str] = {}
    for document in carrier.documents:
        days = documents.said(document)
        end = days["valid_to"] or OPEN
        if document.successor is not None:
            begin = documents.said(carrier.documents[document.successor - 1])["valid_from"]
            end = min(end, (date.fromisoformat(begin) - timedelta(1)).isoformat())
        if not document.withdrawn and days["valid_from"] <= end:
            found[days["kind"]] = max(end, found.get(days["kind"], ""))
    return found


def next_expiry(carrier: Carrier) -> str | None:
    """The first of the last days of the kinds, past ones too."""
    return min((day for day in last_days(carrier).values() if day != OPEN), default=None)


def _covers(carrier: Carrier, services: list[str], countries: list[str]) -> bool:
    """One of the services, in one of the countries; any of what is not named."""
    return any(
        (not services or each["service"] in services)
        and (not countries or {*each["countries"]} & {*countries, "worldwide"})
        for each in carrier["coverage"]
    )


def _holds_none(carrier: Carrier, kind: str, on: str) -> bool:
    return not any(
        documents.said(each)["kind"] == kind and documents.holds(carrier, number, on)
        for number, each in enumerate(carrier.documents, 1)
    )


def words(carrier: Carrier) -> set[str]:
    """All that a search can find the carrier by the beginnings of."""
    values = [each["value"] for each in carrier["identifiers"]]
    text = " ".join([carrier.name, carrier.email, *carrier["aliases"], *values])
    return set(re.findall(r"\w+", text.casefold()))


def _waits_for(carrier: Carrier) -> Iterator[str]:
    """What somebody has to decide."""
    if carrier.pending:
        yield "change"
    if carrier.state == "active" and (carrier.decision is None or carrier.changed_since_decision):
        yield "approval"


def _is_found(carrier: Carrier, query: str) -> bool:
    known = words(carrier)
    return all(any(word.startswith(part) for word in known) for part in query.casefold().split())


def matches(carrier: Carrier, asked: Mapping[str, str]) -> bool:
    """Whether a list has the carrier, by all parameters that are given."""
    named: Mapping[str, list[str]] = {name: text.split(",") for name, text in asked.items()}
    on, profile = asked.get("on", ""), carrier.profile
    identifiers = {f"{each['scheme']}:{each['value']}" for each in profile["identifiers"]}
    rules: Mapping[str, Callable[[], bool]] = {
        "state": lambda: carrier.state in named["state"],
        "country": lambda: _covers(carrier, named.get("service", []), named["country"]),
        "service": lambda: _covers(carrier, named["service"], named.get("country", [])),
        "identifier": lambda: bool(identifiers & {*named["identifier"]}),
        "tag": lambda: bool({*profile["tags"]} & {*named["tag"]}),
        "waiting": lambda: bool({*_waits_for(carrier)} & {*named["waiting"]}),
        "q": lambda: _is_found(carrier, asked["q"]),
        "incidents_since": lambda: any(
            day >= asked["incidents_since"] for _, day in carrier.incidents
        ),
        "missing": lambda: _holds_none(carrier, asked["missing"], on),
        "expiring_before": lambda: any(
            on <= day < asked["expiring_before"] for day in last_days(carrier).values()
        ),
        "sort": lambda: asked["sort"] != "next_expiry" or next_expiry(carrier) is not None,
    }
    is_asked_for = carrier.state != MERGED or MERGED in named.get("state", [])
    return is_asked_for and all(rules[name]() for name in asked if name != "on")


SORTED_BY: Final[Mapping[str, Callable[[Carrier], str]]] = {
    "name": lambda carrier: carrier.name.casefold(),
    "registered_at": lambda carrier: carrier.registered_at,
    "next_expiry": lambda carrier: next_expiry(carrier) or "",
}


def statistics(carriers: Iterable[Carrier], days: int) -> dict[str, Any]:
    """`GET /statistics`, but for the position. Retired carriers work nowhere and offer nothing."""
    known = list(carriers)
    states = dict.fromkeys((*STATES, MERGED), 0) | Counter(each.state for each in known)
    countries, services, incidents = (Counter[str]() for _ in range(3))
    for each in known:
        offers = each["coverage"] if each.state in THERE else ()
        services.update({offer["service"] for offer in offers})
        countries.update({name for offer in offers for name in offer["countries"]})
        incidents.update(kind for kind, _ in each.incidents)
    by_day = sorted(
        Counter(each.registered_at[:10] for each in known if each.state != MERGED).items()
    )[-days:]
    return {
        "total": sum(each.state != MERGED for each in known),
        "states": states,
        "countries": countries,
        "services": services,
        "incidents": incidents,
        "registrations": [{"day": day, "count": count} for day, count in by_day],
    }
