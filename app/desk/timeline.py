"""The timeline of a carrier: every event, and the carrier as it was beside how it is now."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, request
from marshmallow import ValidationError

from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.api.http.validation import sentences
from app.api.resources import representations as shown
from app.api.schemas.documents import ShowCarrierSchema
from app.application.history import HistoryEntry
from app.application.queries import ShowOnDay
from app.application.shown import AggregateNotFound
from app.desk.changes import since_version
from app.desk.comparing import beside
from app.desk.frame import blueprint, page

LIMIT = 50
"""How many events a page of the timeline has."""

_MADE_OF_A_NAME = 5
"""The version of such a UUID (RFC 9562)."""
_MINUTE = "%Y-%m-%dT%H:%M"


@blueprint.get("/carriers/<uuid:carrier_id>/timeline")
def show_timeline(carrier_id: UUID) -> Response:
    """A page of the events, newest first, and one earlier state if the address names it."""
    name = str(carrier_id)
    now = services().carriers.show(name, deadline())
    carrier = shown.carrier(now, services().carriers.today(now.state))
    then, problem = _then(name)
    request_id = request.args.get("request", "").strip()
    through = _through(now.version)
    after = 0 if request_id else max(0, through - LIMIT)
    entries = services().carriers.history(name, deadline(), after=after, limit=through - after)
    if request_id:
        entries = _of_request(entries, request_id)
    return page(
        "timeline.html",
        400 if problem else 200,
        carrier=carrier,
        changes=since_version(name, now.version),
        then=then,
        fields=beside(then, carrier) if then else [],
        problem=problem,
        entries=[shown.history_entry(each) for each in reversed(entries)],
        older=after or None,
        newer=through + LIMIT if through < now.version else None,
        at=request.args.get("at", "")[: len("2026-01-31T12:00")],
        request_id=request_id,
        import_id=_as_import(request_id),
    )


def _of_request(entries: Iterable[HistoryEntry], request_id: str) -> list[HistoryEntry]:
    """What one request has done: all of its events are correlated with its id."""
    return [each for each in entries if each.correlation_id == request_id]


def _as_import(request_id: str) -> UUID | None:
    """The id as that of an import, if it can be one: all events of an import are correlated with
    it, and it is made of the file (version 5), as no other request's is."""
    try:
        found = UUID(request_id)
    except ValueError:
        return None
    return found if found.version == _MADE_OF_A_NAME else None


def _then(carrier_id: str) -> tuple[dict[str, Any] | None, str | None]:
    """The carrier as the address asks for it, or why there is no such."""
    given = {name: request.args[name] for name in ("version", "at") if request.args.get(name)}
    if not given:
        return None, None
    if "at" in given:
        given["at"] = _with_zone(given["at"])
    try:
        query: ShowOnDay = ShowCarrierSchema().load(given)
        view = services().carriers.show(carrier_id, deadline(), query.version, query.at)
        return shown.carrier(view, services().carriers.day(view, query)), None
    except ValidationError as error:
        return None, next(iter(sentences({"query": error.messages_dict}).values()))
    except AggregateNotFound as error:
        return None, error.sentence


def _with_zone(text: str) -> str:
    """A moment as a browser's field gives it, without a zone, is of UTC, as the label says."""
    try:
        return datetime.strptime(text, _MINUTE).isoformat() + "Z"  # noqa: DTZ007 - the zone follows
    except ValueError:
        return text


def _through(version: int) -> int:
    """The last event that the page shows."""
    text = request.args.get("through", "")
    asked = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(version)) else 0
    return min(asked, version) if asked > 0 else version
