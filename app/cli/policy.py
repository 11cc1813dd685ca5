"""`carriers policy`: show the policy, list those before it, adopt another one.

a file → the API's schema → command → the same bus, in this process, over the store of the settings
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

import click

from app.api.resources import representations
from app.api.schemas.commands import HistoryQuerySchema
from app.api.schemas.policy import PolicyBodySchema, ShowPolicySchema
from app.application.deadline import Deadline
from app.application.policy_effect import Comparison, Effect, effect_of
from app.application.queries import ShowCarrier, ShowHistory
from app.application.services import Services
from app.application.strict_json import NotStrictJson, parse
from app.cli import options
from app.cli.directory import opened_directory
from app.cli.errors import INVALID, CarrierCommand, CliError, tell_done
from app.cli.groups import CommandGroup
from app.cli.opened import context_of, opened
from app.cli.output import (
    aligned,
    carrier_rows,
    history_rows,
    in_text,
    plan_rows,
    write_data,
)
from app.domain.policy.adopt import POLICY_ID, AdoptPolicy
from app.domain.policy.state import DEFAULT, PolicyState
from app.domain.policy.terms import Terms
from config.settings import Settings

_as_json = click.option("--json", "as_json", is_flag=True, help=options.AS_JSON.help)


@click.group(cls=CommandGroup)
def policy() -> None:
    """What is asked of carriers that are to be given work: show it, list its history, adopt
    another.

    Until one is adopted the default holds, which is version 0 and asks for nothing.
    """


@policy.command(cls=CarrierCommand)
@click.option("--version", metavar="N", help="As it was at this version; 0 is the default.")
@click.option("--at", metavar="TIME", help="As it was then: ISO 8601 with an offset.")
@_as_json
@click.pass_obj
def show(settings: Settings, version: str | None, at: str | None, *, as_json: bool) -> None:
    """Show the policy: the one that holds, or as it was."""
    asked = options.body_of({"version": version, "at": at})
    query: ShowCarrier = options.loaded(ShowPolicySchema(), asked)
    with opened(settings) as (services, deadline):
        view = services.policies.show(POLICY_ID, deadline, query.version, query.at)
    data = representations.policy(view)
    rows = carrier_rows({**data, **data["policy"], "policy": None})
    write_data(data, aligned(rows), as_json=as_json)


@policy.command(cls=CarrierCommand)
@click.option("--after", metavar="N", help="Begin after this version.")
@click.option("--limit", metavar="N", help="At most so many events; 100 if not given.")
@_as_json
@click.pass_obj
def history(settings: Settings, after: str | None, limit: str | None, *, as_json: bool) -> None:
    """List the policies that were adopted, oldest first: who, when, and what it changed."""
    given = options.body_of({"after": after, "limit": limit})
    asked: ShowHistory = options.loaded(HistoryQuerySchema(), given)
    with opened(settings) as (services, deadline):
        page = services.policies.history_page(POLICY_ID, deadline, asked.after, asked.limit)
    data, _, _ = representations.history(page, asked.limit)
    lines = aligned(history_rows(data["events"]))
    if page.next:
        lines.append(f"There is more: --after {page.next}")
    write_data(data, lines, as_json=as_json)


@policy.command(cls=CarrierCommand)
@click.argument("file", metavar="FILE", type=click.File("rb"))
@click.option(
    "--if-version",
    type=click.IntRange(0),
    metavar="N",
    help="Only if the policy is at this version; 0: if none was adopted.",
)
@click.option("--dry-run", is_flag=True, help=options.DRY_RUN.help)
@click.option(
    "--idempotency-key",
    metavar="KEY",
    callback=options.IDEMPOTENCY_KEY.callback,
    help=options.IDEMPOTENCY_KEY.help,
)
@_as_json
@click.pass_obj
def adopt(
    settings: Settings,
    file: BinaryIO,
    if_version: int | None,
    dry_run: bool,
    idempotency_key: str | None,
    *,
    as_json: bool,
) -> None:
    """Adopt the policy in FILE, JSON as `carriers policy show --json` has it under `policy`.

    It takes the place of the one that holds, as a whole. `-` reads it from stdin.
    """
    body = _content(file)
    terms: Terms = options.loaded(PolicyBodySchema(), body)
    with opened(settings, makes=True) as (services, deadline):
        context = replace(
            context_of(services, deadline, idempotency_key, ["adopt-policy", body]),
            expected=None if if_version is None else frozenset({if_version}),
            dry_run=dry_run,
        )
        done = services.bus.dispatch(AdoptPolicy(terms), context)
        if dry_run:
            plan = representations.policy_plan(done, _effect(settings, services, terms))
            write_data(plan, aligned(_plan_rows(plan)), as_json=as_json)
            return
    data = {"version": done.version}
    rows = [("version", str(done.version))]
    if done.replayed:
        rows.append(("replayed", "it had been done before; this is the first answer"))
    tell_done(in_text(data, aligned(rows), as_json=as_json))


def _effect(settings: Settings, services: Services, terms: Terms) -> Effect:
    """What the policy would do, by a view that is caught up."""
    deadline = Deadline.after(settings.request_timeout)
    holds = services.policies.load(POLICY_ID, deadline).state or DEFAULT
    on = services.carriers.now().date()
    comparison = Comparison(holds, PolicyState.of(terms.as_json()), on)
    with opened_directory(settings) as directory:
        return effect_of(comparison, directory, Deadline.after(settings.request_timeout))


def _plan_rows(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    effect = plan["effect"]
    looked_at = f"{effect['looked_at']} active carriers"
    return [
        *plan_rows(plan),
        ("looked at", looked_at if effect["complete"] else f"{looked_at}, and time was over"),
        ("would become eligible", _group(effect["become"])),
        ("would cease to be", _group(effect["cease"])),
    ]


def _group(group: Mapping[str, Any]) -> str:
    reasons = ", ".join(f"{rule} {count}" for rule, count in group["by_reason"].items())
    return f"{group['carriers']} ({reasons})" if reasons else "0"


def _content(file: BinaryIO) -> dict[str, Any]:
    """The JSON object in the file. Ends the command with a sentence if there is none."""
    try:
        content = parse(file.read())
    except NotStrictJson as error:
        raise CliError(INVALID, f"{file.name} {error.why}") from error
    if not isinstance(content, dict):
        raise CliError(INVALID, f"{file.name} is no JSON object")
    return content


COMMANDS: Sequence[click.Command] = (policy,)
