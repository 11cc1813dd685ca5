"""Duplicates: pairs of carriers that may be one company, and the two of a pair beside each other,
with what settles it."""

import time
from functools import lru_cache
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, request
from marshmallow import ValidationError

from app.api.http.authentication import DESK
from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.api.http.validation import sentences
from app.api.resources import representations as shown
from app.api.schemas.duplicates import DuplicatesQuerySchema
from app.application.directory.comparison import DEFAULT_SCORE, Pair
from app.application.directory.duplicates import (
    DuplicatesQuery,
    Pairs,
    page_of_pairs,
    pairs_with,
)
from app.application.directory.pages import Directory
from app.application.directory.query import CARRIERS
from app.desk.comparing import beside
from app.desk.frame import blueprint, page
from app.domain.commands import merge
from app.domain.state import FIELDS

LIMIT = 25
"""How many pairs a page has, about: it ends with a carrier."""

AT_A_GLANCE_SECONDS = 0.03
"""How long the start page looks for pairs."""

_ANY_SCORE = 1


@blueprint.get("/duplicates")
def list_duplicates() -> Response:
    """A page of pairs; how alike they must be is in the address."""
    asked = {name: text for name, text in request.args.items() if text.strip()}
    problem, found, status = None, Pairs([], None), 200
    try:
        query: DuplicatesQuery = DuplicatesQuerySchema().load({"limit": str(LIMIT), **asked})
        with services().directory.place():  # it may take a second
            found = page_of_pairs(services().directory, query, deadline())
    except ValidationError as error:
        problem, status = next(iter(sentences({"query": error.messages_dict}).values())), 400
    following = found.next_cursor and urlencode({**asked, "cursor": found.next_cursor})
    return page(
        "duplicates.html",
        status,
        problem=problem,
        pairs=[shown.pair(each) for each in found.pairs],
        following=following and f"{DESK}/duplicates?{following}",
        is_first="cursor" not in asked,
        min_score=asked.get("min_score", DEFAULT_SCORE),
    )


@blueprint.get("/duplicates/<uuid:one>/<uuid:other>")
def show_pair(one: UUID, other: UUID) -> Response:
    """The two beside each other, and why they may be one."""
    both = [services().carriers.show(str(each), deadline()) for each in (one, other)]
    of_one = pairs_with(services().directory, both[0], _ANY_SCORE, deadline())
    found = next((each for each in of_one if str(other) in _ids(each)), None)
    carriers = [shown.carrier(each, services().carriers.today(each.state)) for each in both]
    fields = beside(*carriers)
    return page(
        "pair.html",
        carriers=carriers,
        fields=fields,
        pair=found and shown.pair(found),
        taken=[each.field for each in fields if each.differs and each.field in FIELDS],
        mergeable=merge.DECLARATION.states,
    )


def at_a_glance() -> Pairs:
    """The first pairs, as many as are found in a moment; as long as the view has not moved, those
    that were found within the last minute, as one look may be cut short where the next is not."""
    directory = services().directory
    minute = int(time.monotonic() // 60)
    return _first_pairs(directory, directory.standing(CARRIERS, deadline()).tag, minute)


@lru_cache(maxsize=1)
def _first_pairs(directory: Directory, _tag: str, _minute: int) -> Pairs:
    query = DuplicatesQuery(limit=LIMIT)
    return page_of_pairs(directory, query, deadline(), AT_A_GLANCE_SECONDS)


def _ids(pair: Pair) -> set[str]:
    return {each.carrier_id for each in pair.carriers}
