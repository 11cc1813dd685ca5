"""The policy's addresses: schema in, command to the bus, envelope out."""

from flask import Response

from app.api.http.command_context import command_context
from app.api.http.contract import COMMAND, IN_THE_REGISTRY, Answer, ContractBlueprint
from app.api.http.envelope import services, success
from app.api.http.request_cycle import deadline
from app.api.http.versioned import left_at, versioned
from app.api.resources import representations as shown
from app.api.schemas.commands import CommandQuery, HistoryQuerySchema
from app.api.schemas.policy import POLICY_RULE, PolicyBodySchema, ShowPolicySchema
from app.api.schemas.policy_answers import (
    AdoptedSchema,
    PolicyHistorySchema,
    PolicyPlanSchema,
    PolicySchema,
)
from app.application.consistency import ViewNotMade
from app.application.policy_effect import Comparison, Effect, effect_of
from app.application.ports.keys import Scope
from app.application.queries import ShowCarrier, ShowHistory
from app.domain.policy.adopt import DECLARATION, POLICY_ID, AdoptPolicy
from app.domain.policy.policy import Policy
from app.domain.policy.state import DEFAULT, PolicyState
from app.domain.policy.terms import Terms

_SHOWN = {
    200: Answer("The policy", (PolicySchema,), ("ETag",)),
    304: Answer("It is at a version that If-None-Match names", headers=("ETag",)),
}
_HISTORY = {200: Answer("A page of its history", (PolicyHistorySchema,), ("Link",))}
_ADOPTED = {
    200: Answer(
        "Done, or nothing to do; with `dry_run`, what would be done",
        (AdoptedSchema, PolicyPlanSchema),
        ("ETag", "Idempotent-Replay"),
    )
}

blueprint = ContractBlueprint("policy", __name__, description="What is asked of carriers")


@blueprint.view(POLICY_RULE, _SHOWN, (*IN_THE_REGISTRY, 404, 412), query=ShowPolicySchema)
def show_policy(query: ShowCarrier) -> Response:
    """Show the policy: the one that holds, or as it was at a version or at a moment."""
    view = services().policies.show(POLICY_ID, deadline(), query.version, query.at)
    return versioned(shown.policy(view), Policy.noun, POLICY_ID, view.version)


@blueprint.view(f"{POLICY_RULE}/history", _HISTORY, IN_THE_REGISTRY, query=HistoryQuerySchema)
def show_policy_history(query: ShowHistory) -> Response:
    """List the policies that were adopted, oldest first, with who, when and what it changed."""
    page = services().policies.history_page(POLICY_ID, deadline(), query.after, query.limit)
    return success(*shown.history(page, query.limit))


@blueprint.command(
    POLICY_RULE,
    PolicyBodySchema,
    Scope(DECLARATION.group),
    _ADOPTED,
    (*COMMAND, 412),
    method="PUT",
)
def adopt_policy(body: Terms, query: CommandQuery) -> Response:
    """Adopt a policy, in the place of the one that holds. A dry run says besides how many carriers
    would become or cease to be eligible, and why."""
    done = services().bus.dispatch(AdoptPolicy(body), command_context(dry_run=query.dry_run))
    if query.dry_run:
        return success(shown.policy_plan(done, _effect(body)))
    return left_at(done)


def _effect(terms: Terms) -> Effect | None:
    """What the policy would do; None while the view that says so is being made."""
    policies, carriers = services().policies, services().carriers
    holds = policies.load(POLICY_ID, deadline()).state or DEFAULT
    comparison = Comparison(holds, PolicyState.of(terms.as_json()), carriers.now().date())
    try:
        return effect_of(comparison, services().directory, deadline())
    except ViewNotMade:
        return None
