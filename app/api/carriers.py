"""The carriers' addresses: schema in, command to the bus, envelope out."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, request
from werkzeug.exceptions import BadRequest

from app.api import answer_schemas, schemas
from app.api import representations as shown
from app.api.attempt import command_context, expected_versions
from app.api.contract import COMMAND, IN_THE_REGISTRY, Answer, ContractBlueprint
from app.api.directory_schemas import EligibilityQuerySchema, EligibilitySchema
from app.api.envelope import services, success
from app.api.request_cycle import deadline
from app.application.commands import (
    ChangeEmail,
    Command,
    RegisterCarrier,
    ReinstateCarrier,
    RenameCarrier,
    RetireCarrier,
    SuspendCarrier,
    UpdateProfile,
)
from app.application.consistency import token_of
from app.application.handlers import CommandDone, StaleVersion
from app.domain.eligibility import verdicts
from app.domain.profile import PROFILE_PARTS

_REPLAY = {"Idempotent-Replay": "true"}

_REGISTERED = {
    201: Answer(
        "Registered",
        (answer_schemas.RegisteredSchema,),
        ("Location", "ETag", "Idempotent-Replay", "Consistency-Token"),
    ),
    200: Answer("With `dry_run`, what would be done", (answer_schemas.PlanSchema,)),
}
_SHOWN = {
    200: Answer("The carrier", (answer_schemas.CarrierSchema,), ("ETag",)),
    304: Answer("It is at a version that If-None-Match names", headers=("ETag",)),
}
_JUDGED = {
    200: Answer("Whether it is, and why", (EligibilitySchema,), ("ETag",)),
    304: Answer("It is at a version that If-None-Match names", headers=("ETag",)),
}
_HISTORY = {200: Answer("A page of its history", (answer_schemas.HistorySchema,), ("Link",))}

blueprint = ContractBlueprint("carriers", __name__, description="Companies that carry goods")


@blueprint.command("/register-carrier", schemas.RegisterCarrierSchema, _REGISTERED, COMMAND)
def register_carrier(body: dict[str, Any], query: dict[str, Any]) -> Response:
    """Register a carrier."""
    if "If-Match" in request.headers:
        raise BadRequest("There is nothing yet that If-Match could name; leave it out")
    profile = {part: body.pop(part) for part in PROFILE_PARTS if part in body}
    done = _dispatch(RegisterCarrier(**body, profile=profile), query)
    if query["dry_run"]:
        return success(shown.plan(done))
    headers = {"Location": f"/carriers/{done.carrier_id}", **_headers(done)}
    return success(shown.registered(done), 201, headers)


@blueprint.command("/carriers/<uuid:carrier_id>/rename", schemas.RenameSchema)
def rename(body: dict[str, Any], query: dict[str, Any], carrier_id: UUID) -> Response:
    """Give a carrier another name."""
    return _change(RenameCarrier(str(carrier_id), **body), query)


@blueprint.command("/carriers/<uuid:carrier_id>/change-email", schemas.ChangeEmailSchema)
def change_email(body: dict[str, Any], query: dict[str, Any], carrier_id: UUID) -> Response:
    """Give a carrier another e-mail address, which no other carrier may have."""
    return _change(ChangeEmail(str(carrier_id), **body), query)


@blueprint.command("/carriers/<uuid:carrier_id>/update-profile", schemas.UpdateProfileSchema)
def update_profile(body: dict[str, Any], query: dict[str, Any], carrier_id: UUID) -> Response:
    """Replace parts of a carrier's profile."""
    return _change(UpdateProfile(str(carrier_id), body), query)


@blueprint.command("/carriers/<uuid:carrier_id>/suspend", schemas.SuspendSchema)
def suspend(body: dict[str, Any], query: dict[str, Any], carrier_id: UUID) -> Response:
    """Suspend a carrier until it is reinstated."""
    return _change(SuspendCarrier(str(carrier_id), **body), query)


@blueprint.command("/carriers/<uuid:carrier_id>/reinstate", schemas.ReinstateSchema)
def reinstate(body: dict[str, Any], query: dict[str, Any], carrier_id: UUID) -> Response:
    """End a carrier's suspension."""
    return _change(ReinstateCarrier(str(carrier_id), **body), query)


@blueprint.command("/carriers/<uuid:carrier_id>/retire", schemas.RetireSchema)
def retire(body: dict[str, Any], query: dict[str, Any], carrier_id: UUID) -> Response:
    """Take a carrier out of the registry for good; its e-mail address is free again."""
    return _change(RetireCarrier(str(carrier_id), **body), query)


@blueprint.view(
    "/carriers/<uuid:carrier_id>", _SHOWN, (*IN_THE_REGISTRY, 404, 412), query=schemas.ShowSchema
)
def show_carrier(query: dict[str, Any], carrier_id: UUID) -> Response:
    """Show a carrier as its events tell it: now, at a version, or at a moment."""
    view = services().carriers.show(str(carrier_id), deadline(), **query)
    return _versioned(shown.carrier(view), view.carrier_id, view.version)


@blueprint.view(
    "/carriers/<uuid:carrier_id>/eligibility",
    _JUDGED,
    (*IN_THE_REGISTRY, 404, 412),
    query=EligibilityQuerySchema,
)
def show_eligibility(query: dict[str, str], carrier_id: UUID) -> Response:
    """Tell whether a carrier can be given a piece of work, by which rules, and which event decided
    each of them."""
    told = services().carriers.told(str(carrier_id), deadline())
    found = verdicts([each.event for each in told], query["country"], query["service"])
    version = told[-1].version
    about = {"carrier_id": str(carrier_id), "version": version}
    return _versioned({**about, **shown.eligibility(told, found)}, str(carrier_id), version)


@blueprint.view(
    "/carriers/<uuid:carrier_id>/history",
    _HISTORY,
    (*IN_THE_REGISTRY, 404),
    query=schemas.HistoryQuerySchema,
)
def show_history(query: dict[str, Any], carrier_id: UUID) -> Response:
    """List what happened to a carrier, oldest first, with who, when and what it changed."""
    after, limit = query["after"], query["limit"]
    # One more than asked for tells whether there is a next page; no store counts any further.
    one_more = min(limit + 1, schemas.LAST_VERSION - after)
    found = services().carriers.history(str(carrier_id), deadline(), after, one_more)
    more = after + limit if len(found) > limit else None
    headers = {"Link": f'<?after={more}&limit={limit}>; rel="next"'} if more else None
    events = [shown.history_entry(entry) for entry in found[:limit]]
    return success({"carrier_id": str(carrier_id), "events": events, "next": more}, 200, headers)


def _dispatch(command: Command, query: dict[str, Any]) -> CommandDone:
    done: CommandDone = services().bus.dispatch(command, command_context(**query))
    return done


def _change(command: Command, query: dict[str, Any]) -> Response:
    done = _dispatch(command, query)
    if query["dry_run"]:
        return success(shown.plan(done))
    return success(shown.changed(done), headers=_headers(done))


def _versioned(data: object, carrier_id: str, version: int) -> Response:
    """What is shown of a carrier at a version, on the conditions of If-None-Match and If-Match.
    Raises StaleVersion, and BadRequest for an If-Match that is none."""
    expected_versions()
    answer = success(data, headers={"ETag": f'"{version}"'})
    answer.make_conditional(request)
    if answer.status_code == HTTPStatus.PRECONDITION_FAILED:
        raise StaleVersion(carrier_id, version, [])
    return answer


def _headers(done: CommandDone) -> dict[str, str]:
    token = token_of(done.carrier_id, done.version)
    headers = {"ETag": f'"{done.version}"', "Consistency-Token": token}
    return headers | _REPLAY if done.replayed else headers
