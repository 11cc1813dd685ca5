"""The addresses of duplicates: which carriers may be one company, in the whole registry or beside
one carrier. Answered from the view of carriers, like the directory.
"""

from uuid import UUID

from flask import Response

from app.api.http.contract import Answer, ContractBlueprint
from app.api.http.envelope import services, success
from app.api.http.request_cycle import deadline
from app.api.resources import representations as shown
from app.api.resources.directory import OF_A_VIEW, link_to, wait_for_view
from app.api.schemas.duplicates import (
    CarrierDuplicatesSchema,
    DuplicatesQuerySchema,
    DuplicatesSchema,
    ScoreSchema,
)
from app.application.directory.duplicates import DuplicatesQuery, page_of_pairs, pairs_with

_PAGE = {200: Answer("A page of pairs", (DuplicatesSchema,), ("Link",))}
_OF_ONE = {200: Answer("The pairs of the carrier", (CarrierDuplicatesSchema,))}

blueprint = ContractBlueprint("duplicates", __name__, description="Which carriers may be one")


@blueprint.view(
    "/duplicates", _PAGE, OF_A_VIEW, query=DuplicatesQuerySchema, headers=("Consistency-Token",)
)
def list_duplicates(query: DuplicatesQuery) -> Response:
    """List pairs of carriers that may be one company, page by page, with a score and the reasons.
    Retired and merged carriers take no part, nor do pairs of which `not-a-duplicate` was said."""
    wait_for_view()
    with services().directory.place():  # it may take a second
        page = page_of_pairs(services().directory, query, deadline())
    headers = link_to(page.next_cursor)
    pairs = [shown.pair(each) for each in page.pairs]
    return success({"pairs": pairs, "next": page.next_cursor}, 200, headers)


@blueprint.view(
    "/carriers/<uuid:carrier_id>/duplicates",
    _OF_ONE,
    (*OF_A_VIEW, 404),
    query=ScoreSchema,
    headers=("Consistency-Token",),
)
def show_duplicates(query: dict[str, int], carrier_id: UUID) -> Response:
    """List the carriers that may be the same company as this one, the likeliest first."""
    wait_for_view()
    carrier = services().carriers.show(str(carrier_id), deadline())
    pairs = pairs_with(services().directory, carrier, query["min_score"], deadline())
    return success({"carrier_id": str(carrier_id), "pairs": [shown.pair(each) for each in pairs]})
