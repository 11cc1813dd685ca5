"""The page of one carrier: who it is, what it may do and why not, and what can be done to it."""

from collections.abc import Callable
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
from app.api.schemas.directory import EligibilityQuerySchema
from app.application.ports.keys import Scope
from app.application.queries import JudgeEligibility
from app.application.shown import DatedEvent
from app.desk.frame import blueprint, caller, page
from app.domain.command import CarrierEvent, Declaration
from app.domain.declarations import DECLARATIONS
from app.domain.documents import today as day_at
from app.domain.eligibility import Work, facts_of, judge
from app.domain.policy.adopt import POLICY_ID
from app.domain.policy.state import DEFAULT
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
    view = services().carriers.show(name, budget)
    events = services().carriers.dated_events(name, budget)
    latest = services().carriers.history(name, budget, after=max(0, len(events) - LATEST))
    carrier = shown.carrier(view)
    asked, problem = _asked()
    judged = _judge_of(events)
    today = day_at(services().carriers.now(), carrier["time_zone"])
    return page(
        "carrier.html",
        400 if problem else 200,
        carrier=carrier,
        offered=[judged(_offered(each)) for each in carrier["coverage"]],
        judged=judged(asked) if asked else None,
        problem=problem,
        services=SERVICES,
        incidents=view.state.incidents,
        documents=shown.documents(view, today)["documents"],
        instructions=_instructions(shown.blocks(view, today)),
        actions=actions_on(view.state.state),
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


def _judge_of(events: list[DatedEvent[CarrierEvent]]) -> Callable[[JudgeEligibility], Judged]:
    """What judges the carrier of these events for a piece of work today, by the policy that
    holds."""
    policy = services().policies.load(POLICY_ID, deadline()).state or DEFAULT
    facts = facts_of([each.event for each in events], [each.at for each in events])
    today = services().carriers.now().date()

    def judged(asked: JudgeEligibility) -> Judged:
        work = Work(asked.country, asked.service, today)
        said = shown.eligibility(events, judge(facts, work, policy))
        country = asked.country if asked.country != WORLDWIDE else ""
        return Judged(country, asked.service, said["eligible"], said["rules"])

    return judged
