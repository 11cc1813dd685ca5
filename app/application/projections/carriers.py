"""The directory's view: one row a carrier, with the terms and words that queries find it by.

Pure functions of a carrier. Queries use the same functions to name the terms that they look for,
and to check a row by its body.

A carrier that offers a service worldwide has the terms of the country WORLDWIDE and of no other. So
a query for a country looks for either of two terms, `country_term("DE")` and
`country_term(WORLDWIDE)`, and likewise for a pair of country and service.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.application.filters import any_of, since
from app.application.ports.views import Row
from app.application.projections.days import day_terms
from app.application.projections.documents import UNDOCUMENTED, document_terms, next_expiry
from app.application.projections.eligibility import (
    eligibility_terms,
    judged_after,
    judged_by,
    waiting_term,
)
from app.application.projections.likeness import likeness_terms
from app.application.projections.replay import Folded
from app.application.projections.text import folded, words
from app.domain.carrier import MERGED, RETIRED
from app.domain.documents import covered
from app.domain.profile.coverage import WORLDWIDE
from app.domain.profile.tags import tag
from app.domain.taking_effect import taking_effect

__all__ = [
    "ALL",
    "FILTERS",
    "NOT_SHOWN",
    "VERSION",
    "WORLDWIDE",
    "country_term",
    "identifier_term",
    "pair_term",
    "row_of",
    "search_words",
    "service_term",
    "shared_terms",
    "sort_keys",
    "state_term",
    "tag_term",
    "terms_of",
]

VERSION = 3
"""See `Projection.version`."""

ALL = "all"
"""The term that every row has but those of merged carriers, which are found by their state alone:
another row stands for each of them."""

NAME_KEY_CHARACTERS = 128
"""The length of a name's sort key. The key is part of a cursor, and so of a URL, and folding makes
some names much longer."""

NOT_SHOWN = frozenset(
    {"updated_at", "last_incident_on", "covered", "judged_by", "distinct_from", "scheduled"}
)
"""What a row's body holds beside the carrier as the API shows it."""

LAST = "9999-12-31"
"""The last day that there is."""

Body = Mapping[str, Any]
"""A row's body as a JSON object."""

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def row_of(carrier: Folded) -> Row:
    """The carrier's row. Its body is the carrier as the API shows it, and NOT_SHOWN."""
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
        "last_incident_on": carrier.state.last_incident_on,
        "covered": covered(carrier.state.documents),
        "judged_by": judged_by(carrier.state, carrier.profile_of),
        "distinct_from": sorted(carrier.state.distinct_from),
        "scheduled": [
            [each.effective_on, each.changes] for each in taking_effect(carrier.state, LAST)
        ],
        **carrier.state.as_json(),
    }
    terms, found_by = terms_of(body), search_words(body)
    for later in to_come(body):
        terms, found_by = terms | terms_of(later), found_by | search_words(later)
    return Row(
        carrier_id=carrier.carrier_id,
        version=carrier.version,
        body=_dumps(body),
        keys=sort_keys(body),
        terms=terms,
        words=found_by,
        shared=shared_terms(body),
    )


def as_of(body: dict[str, Any], day: str) -> dict[str, Any]:
    """The row's body with the values that hold on that day, which is not before the row's last
    change; the row's own for no day at all (empty)."""
    due = [each for each in body["scheduled"] if each[0] <= day]
    if not due:
        return body
    later = dict(body)
    for _, changes in due:
        later |= changes
    last, _ = due[-1]
    later["judged_by"] = judged_after(body, later, last)
    return later


def to_come(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The row's body as it is to be after each scheduled change. A row is found by the terms and
    the words of all of these too; which one it is on a day says `as_of`."""
    return (as_of(body, effective_on) for effective_on, _ in body["scheduled"])


def sort_keys(body: Body) -> dict[str, str]:
    """The row's sort keys, see `ports.views.Row`. Moments are UTC texts of fixed width, so
    they sort by time. A row stands where it is put by its name as recorded, on all days."""
    name = folded(body["name"])[:NAME_KEY_CHARACTERS]
    keys = {"name": name, "registered_at": body["registered_at"]}
    if body["covered"] and (expiry := next_expiry(body["covered"])):
        keys["next_expiry"] = expiry
    return keys


def terms_of(body: Body) -> frozenset[str]:
    """The terms of the row with this body."""
    terms = {state_term(body["state"])}
    if body["state"] != MERGED:
        terms.add(ALL)
    for entry in body["coverage"]:
        service = entry["service"]
        terms.add(service_term(service))
        for country in entry["countries"]:
            terms.add(country_term(country))
            terms.add(pair_term(country, service))
    terms.update(map(tag_term, body["tags"]))
    for identifier in body["identifiers"]:
        terms.add(identifier_term(identifier["scheme"], identifier["value"]))
    if last := body.get("last_incident_on"):
        terms |= day_terms("incident", last)
    terms.update(eligibility_terms(body))
    if body["covered"]:
        terms.update(document_terms(body["covered"], body["updated_at"][:10]))
    else:
        terms.add(UNDOCUMENTED)
    return frozenset(terms)


def shared_terms(body: Body) -> frozenset[str]:
    """The terms of the row with this body that another carrier's row may have as well if the two
    are one company; none of a merged carrier, and none of a retired one but those of its
    identifiers."""
    if body["state"] == MERGED:
        return frozenset()
    identifiers = (identifier_term(each["scheme"], each["value"]) for each in body["identifiers"])
    likeness = likeness_terms(body) if body["state"] != RETIRED else frozenset[str]()
    return likeness.union(identifiers)


def search_words(body: Body) -> frozenset[str]:
    """The words of the row with this body: of the name, the aliases, the e-mail address and the
    values of the identifiers. A search splits its text with `text.words` as well, and each of its
    words must be a prefix of one of these."""
    found = {*words(body["name"]), *words(body["email"])}
    for alias in body["aliases"]:
        found.update(words(alias))
    for identifier in body["identifiers"]:
        found.update(words(identifier["value"]))
    return frozenset(found)


def tag_term(tag: str) -> str:
    """Those with that tag, in its normal form."""
    return f"tag:{tag}"


def state_term(state: str) -> str:
    """Those in that state."""
    return f"status:{state}"


def country_term(code: str) -> str:
    """The term of carriers that offer a service there; `code` is alpha-2, or WORLDWIDE."""
    return f"country:{code.lower()}"


def service_term(service: str) -> str:
    """The term of carriers that offer the service anywhere."""
    return f"service:{service}"


def pair_term(country: str, service: str) -> str:
    """The term of carriers that offer that service in that country (or WORLDWIDE)."""
    return f"pair:{country.lower()}/{service}"


def identifier_term(scheme: str, value: str) -> str:
    """The term of carriers with that identifier; `value` in the normal form of its scheme."""
    return f"identifier:{scheme}:{value}"


FILTERS = (
    since("incidents_since", "incident", "Had an incident on this day or later."),
    any_of(
        "tag",
        lambda text: tag_term(tag(text)),
        "Has any of these tags, separated by commas.",
        "preferred,reefer",
        "TAG,…",
    ),
    any_of(
        "waiting",
        waiting_term,
        "Waits for any of these, separated by commas: that a second person settles a change of it"
        " (change), that somebody approves or rejects it as it is now (approval; active ones).",
        "change,approval",
        "WHAT,…",
    ),
)
"""What carriers can be selected by, beside what `directory.query.Query` names."""
