"""Beside the way of the data: `GET /`, which says where things are, to people and to programs."""

from typing import Final

from flask import Response, request
from marshmallow import Schema, fields

from app.api.http.contract import ANYWHERE, Answer, ContractBlueprint
from app.api.http.envelope import success
from app.api.resources.docs import page_file

_JSON: Final = "application/json"
_HTML: Final = "text/html"
_LINKS: Final = {
    "docs": "/docs",
    "openapi": "/openapi.json",
    "register": "/register-carrier",
    "carriers": "/carriers",
    "statistics": "/statistics",
    "duplicates": "/duplicates",
    "events": "/events",
    "stream": "/events/stream",
    "health": "/health/ready",
}


class RootSchema(Schema):
    """The data of the start: where things are."""

    name = fields.String(required=True, metadata={"example": "Distributing Carriers"})
    links = fields.Dict(
        keys=fields.String(),
        values=fields.String(metadata={"format": "uri-reference"}),
        required=True,
        metadata={"description": "What there is, and its address.", "example": _LINKS},
    )


_START = {
    200: Answer(
        "Where things are; a page for who prefers `text/html`",
        (RootSchema,),
        media_type=_HTML,
        example="<!doctype html>",
    )
}

blueprint = ContractBlueprint("start", __name__, description="Where things are")


@blueprint.view("/", _START, (*ANYWHERE, 421, 429))
def show_root() -> Response:
    """Say where things are."""
    # A wildcard, which is what curl and most programs send, gets JSON; browsers name text/html.
    if request.accept_mimetypes.best_match([_JSON, _HTML]) == _HTML:
        answer = page_file("root.html")
    else:
        answer = success({"name": "Distributing Carriers", "links": _LINKS})
    answer.vary.add("Accept")
    return answer
