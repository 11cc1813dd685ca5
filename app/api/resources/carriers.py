"""The carriers' addresses: schema in, command to the bus, envelope out."""

from typing import Any
from uuid import UUID

from flask import Response, request
from werkzeug.exceptions import BadRequest

from app.api.http.command_context import command_context
from app.api.http.contract import COMMAND, IN_THE_REGISTRY, Answer, ContractBlueprint, View
from app.api.http.envelope import services, success
from app.api.http.request_cycle import deadline
from app.api.http.versioned import versioned
from app.api.resources import representations as shown
from app.api.schemas import answers as answer_schemas
from app.api.schemas.blocks import BlocksSchema
from app.api.schemas.commands import (
    CommandQuery,
    HistoryQuerySchema,
    body_schema,
    resource_of,
    rule_of,
)
from app.api.schemas.documents import DocumentsSchema, ShowCarrierSchema, ShowOnDaySchema
from app.api.schemas.eligibility import EligibilityQuerySchema, EligibilitySchema, VettingSchema
from app.application.consistency import token_of
from app.application.handlers import CommandDone
from app.application.judgement import judge_of
from app.application.ports.errors import StoreUnavailable
from app.application.ports.keys import Scope
from app.application.queries import JudgeEligibility, ShowHistory, ShowOnDay
from app.application.vetting import vetting_by, vetting_of
from app.domain.carrier import Carrier
from app.domain.command import Command, Declaration
from app.domain.declarations import DECLARATIONS
from app.domain.taking_effect import taking_effect

FEED_SECONDS = 0.5
"""How long the answer to a command waits for the feed's id, once a second at most; without it the
Consistency-Token is not bound to the feed."""

_REPLAY = {"Idempotent-Replay": "true"}

_REGISTERED = {
    201: Answer(
        "Registered",
        (answer_schemas.RegisteredSchema,),
        ("Location", "ETag", "Idempotent-Replay", "Consistency-Token"),
    ),
    200: Answer("With `dry_run`, what would be done", (answer_schemas.PlanSchema,)),
}
_RECORDED = {
    201: Answer(
        "Recorded",
        (VettingSchema,),
        ("Location.record", "ETag", "Idempotent-Replay", "Consistency-Token"),
    ),
    200: Answer("With `dry_run`, what would be done", (answer_schemas.PlanSchema,)),
}
_VETTED = {200: Answer("The vetting", (VettingSchema,))}
_SHOWN = {
    200: Answer("The carrier", (answer_schemas.ShownCarrierSchema,), ("ETag.dated",)),
    304: Answer("It is at a version that If-None-Match names", headers=("ETag.dated",)),
}
_JUDGED = {
    200: Answer("Whether it is, and why", (EligibilitySchema,), ("ETag.judged",)),
    304: Answer("Nothing that it follows from has changed", headers=("ETag.judged",)),
}
_DOCUMENTS = {200: Answer("Its documents", (DocumentsSchema,))}
_BLOCKS = {200: Answer("Its blocks, preferences and overrides", (BlocksSchema,))}
_HISTORY = {200: Answer("A page of its history", (answer_schemas.HistorySchema,), ("Link",))}

blueprint = ContractBlueprint("carriers", __name__, description="Companies that carry goods")


def _add_command(declaration: Declaration) -> None:
    """Give the command its address, as it is declared."""

    def change(body: dict[str, Any], query: CommandQuery, carrier_id: UUID) -> Response:
        return _change(declaration.made(str(carrier_id), body), query)

    def register(body: dict[str, Any], query: CommandQuery) -> Response:
        return _register(declaration.made("", body), query)

    def record(body: dict[str, Any], query: CommandQuery, carrier_id: UUID) -> Response:
        return _record(declaration.made(str(carrier_id), body), query)

    view: View = change
    if declaration.registers or declaration.records:
        view = register if declaration.registers else record
    view.__name__ = resource_of(declaration).replace("-", "_")  # OpenAPI's operationId
    view.__doc__ = declaration.summary or declaration.sentence
    rule, schema, scope = rule_of(declaration), body_schema(declaration), Scope(declaration.group)
    if declaration.registers:
        blueprint.command(rule, schema, scope, _REGISTERED, COMMAND)(view)
    elif declaration.records:
        blueprint.command(rule, schema, scope, _RECORDED)(view)
    else:
        blueprint.command(rule, schema, scope)(view)


for each in DECLARATIONS:
    _add_command(each)


@blueprint.view(
    "/carriers/<uuid:carrier_id>", _SHOWN, (*IN_THE_REGISTRY, 404, 412), query=ShowCarrierSchema
)
def show_carrier(query: ShowOnDay, carrier_id: UUID) -> Response:
    """Show a carrier as its events tell it: now, at a version, or at a moment; and on which day, as
    changes that are scheduled count from their day on."""
    carriers = services().carriers
    view = carriers.show(str(carrier_id), deadline(), query.version, query.at)
    on = carriers.day(view, query)
    # When a change comes into effect the answer is another one, at the same version.
    begun = len(list(taking_effect(view.state, on)))
    tag = f"{view.version}.{begun}" if begun else None
    return versioned(shown.carrier(view, on), Carrier.noun, view.id, view.version, tag)


@blueprint.view(
    "/carriers/<uuid:carrier_id>/eligibility",
    _JUDGED,
    (*IN_THE_REGISTRY, 404, 412),
    query=EligibilityQuerySchema,
)
def show_eligibility(query: JudgeEligibility, carrier_id: UUID) -> Response:
    """Tell whether a carrier can be given a piece of work, by which rules, and which event decided
    each of them: the rules that always count, and those of the policy. `on` is the day of the work,
    `at` the moment until which it had been recorded, of the carrier and of the policy; neither
    stands for the other."""
    carriers, policies = services().carriers, services().policies
    judge = judge_of(carriers, policies, str(carrier_id), query, deadline())
    found = judge.judged(query)
    # Of what the answer follows from; the day counts only where something depends on it.
    version, policy, on = found.version, found.policy_version, found.work.on
    tag = f"{version}.{policy}.{on}" if found.depends_on_the_day else str(version)
    data = shown.judgement(str(carrier_id), found)
    return versioned(data, Carrier.noun, str(carrier_id), version, tag)


@blueprint.view("/vettings/<vetting_id>", _VETTED, (*IN_THE_REGISTRY, 404))
def show_vetting(vetting_id: str) -> Response:
    """Show a vetting as it was recorded: the same for ever."""
    return success(shown.vetting(vetting_by(services().carriers, vetting_id, deadline())))


@blueprint.view(
    "/carriers/<uuid:carrier_id>/documents",
    _DOCUMENTS,
    (*IN_THE_REGISTRY, 404),
    query=ShowOnDaySchema,
)
def show_documents(query: ShowOnDay, carrier_id: UUID) -> Response:
    """Show a carrier's documents, and which of them hold on a day."""
    carriers = services().carriers
    view = carriers.show(str(carrier_id), deadline(), query.version, query.at)
    # No ETag: without `on` the answer is another one tomorrow, at the same version.
    return success(shown.documents(view, query.on or carriers.today(view.state)))


@blueprint.view(
    "/carriers/<uuid:carrier_id>/blocks",
    _BLOCKS,
    (*IN_THE_REGISTRY, 404),
    query=ShowOnDaySchema,
)
def show_blocks(query: ShowOnDay, carrier_id: UUID) -> Response:
    """Show a carrier's blocks, preferences and overrides, and which of them hold on a day."""
    carriers = services().carriers
    view = carriers.show(str(carrier_id), deadline(), query.version, query.at)
    # No ETag, as of the documents.
    return success(shown.blocks(view, query.on or carriers.today(view.state)))


@blueprint.view(
    "/carriers/<uuid:carrier_id>/history",
    _HISTORY,
    (*IN_THE_REGISTRY, 404),
    query=HistoryQuerySchema,
)
def show_history(query: ShowHistory, carrier_id: UUID) -> Response:
    """List what happened to a carrier, oldest first, with who, when and what it changed."""
    page = services().carriers.history_page(str(carrier_id), deadline(), query.after, query.limit)
    return success(*shown.history(page, query.limit, {"carrier_id": str(carrier_id)}))


def _dispatch(command: Command, query: CommandQuery) -> CommandDone:
    return services().bus.dispatch(command, command_context(dry_run=query.dry_run))


def _register(command: Command, query: CommandQuery) -> Response:
    if "If-Match" in request.headers:
        raise BadRequest("There is nothing yet that If-Match could name; leave it out")
    done = _dispatch(command, query)
    if query.dry_run:
        return success(shown.plan(done))
    headers = {"Location": f"/carriers/{done.stream}", **_headers(done)}
    return success(shown.registered(done), 201, headers)


def _change(command: Command, query: CommandQuery) -> Response:
    done = _dispatch(command, query)
    if query.dry_run:
        return success(shown.plan(done))
    return success(shown.changed(done), headers=_headers(done))


def _record(command: Command, query: CommandQuery) -> Response:
    done = _dispatch(command, query)
    if query.dry_run:
        return success(shown.plan(done))
    found = vetting_of(services().carriers, done, deadline())
    headers = {"Location": f"/vettings/{found.id}", **_headers(done)}
    return success(shown.vetting(found), 201, headers)


def _feed() -> str | None:
    """The feed's id as far as it can be known: what was done is done, whether it can or not."""
    budget = deadline().within(FEED_SECONDS)
    try:
        return services().feed.identity(budget)
    except StoreUnavailable:
        return None


def _headers(done: CommandDone) -> dict[str, str]:
    token = token_of({done.stream: done.version, **done.beside}, _feed())
    headers = {"ETag": f'"{done.version}"', "Consistency-Token": token}
    return headers | _REPLAY if done.replayed else headers
