"""The page of one carrier: who it is, what it may do and why not, and what can be done to it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response, request
from marshmallow import ValidationError

from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.api.http.validation import sentences
from app.api.resources import representations as shown
from app.api.schemas.commands import resource_of
from app.api.schemas.eligibility import EligibilityQuerySchema
from app.application.judgement import Judge, judge_by
from app.application.ports.keys import Scope
from app.application.queries import JudgeEligibility
from app.desk.changes import since_version
from app.desk.fields import numbers_of
from app.desk.frame import blueprint, caller, page
from app.domain.command import Declaration
from app.domain.declarations import DECLARATIONS
from app.domain.policy.adopt import POLICY_ID
from app.domain.profile.coverage import SERVICES, WORLDWIDE

LATEST = 5
"""How many events the page shows; the timeline has all of them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether a carrier can be given a piece of work, by each rule."""

    country: str
    service: str
    eligible: bool
    rules: list[dict[str, Any]]


@blueprint.get("/carriers/<uuid:carrier_id>")
def show_carrier(carrier_id: UUID) -> Response:
    """The carrier as it is now."""
    name, budget = str(carrier_id), deadline()
    carriers, policies = services().carriers, services().policies
    events, latest = carriers.dated_with_latest(name, budget, LATEST)
    judge = judge_by(carriers, policies.show(POLICY_ID, budget), name, events, None)
    view = judge.carrier
    carrier = shown.carrier(view, judge.today)
    asked, problem = _asked()
    possible = actions_on(view.state.state)
    return page(
        "carrier.html",
        400 if problem else 200,
        carrier=carrier,
        changes=since_version(name, view.version),
        offered=[_judged(judge, _offered(each)) for each in carrier["coverage"]],
        judged=_judged(judge, asked) if asked else None,
        problem=problem,
        services=SERVICES,
        incidents=view.state.incidents,
        documents=shown.documents(view, judge.today)["documents"],
        instructions=_instructions(shown.blocks(view, judge.today)),
        # What is about one thing of the carrier is offered beside that thing.
        actions=[(name, each) for name, each in possible if not numbers_of(each)],
        settling=[name for name, each in possible if numbers_of(each)],
        latest=[shown.history_entry(each) for each in reversed(latest)],
        done=request.args.get("done"),
    )


def actions_on(state: str) -> list[tuple[str, Declaration]]:
    """The commands that the state allows and the caller may send, with the last part of their
    addresses."""
    return [
        (resource_of(each), each)
        for each in DECLARATIONS
        if state in each.states and caller().may(Scope(each.group))
    ]


def _instructions(given: dict[str, Any]) -> list[tuple[str, int, dict[str, Any]]]:
    """The blocks, preferences and overrides that were not taken back, with what each is called and
    its number, by which it is taken back."""
    kinds = (("block", "blocks"), ("preference", "preferences"), ("override", "overrides"))
    return [
        (noun, each[f"{noun}_id"], each)
        for noun, several in kinds
        for each in given[several]
        if not each["taken_back"]
    ]


def _asked() -> tuple[JudgeEligibility | None, str | None]:
    """The work that the address asks about, or what is wrong with it."""
    given = {name: request.args[name] for name in ("country", "service") if name in request.args}
    if not given:
        return None, None
    try:
        query: JudgeEligibility = EligibilityQuerySchema().load(given)
    except ValidationError as error:
        return None, next(iter(sentences({"query": error.messages_dict}).values()))
    return query, None


def _offered(coverage: dict[str, Any]) -> JudgeEligibility:
    """The work to judge a service by: that in the first of its countries, as in any of them."""
    return JudgeEligibility(coverage["countries"][0], coverage["service"])


def _judged(judge: Judge, asked: JudgeEligibility) -> Judged:
    said = shown.judgement("", judge.judged(asked))
    country = asked.country if asked.country != WORLDWIDE else ""
    return Judged(country, asked.service, said["eligible"], said["rules"])
