"""`carriers register`, `show` and the rest: the commands of the API from a shell.

words → the API's schema → command → the same bus, in this process, over the store of the settings
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import click

from app.api.resources import representations
from app.api.schemas.commands import HistoryQuerySchema, body_schema
from app.api.schemas.documents import ShowCarrierSchema, ShowOnDaySchema
from app.api.schemas.eligibility import EligibilityQuerySchema
from app.application.deadline import Deadline
from app.application.handlers import CommandDone
from app.application.judgement import judge_of
from app.application.queries import JudgeEligibility, ShowHistory, ShowOnDay
from app.application.services import Services
from app.application.vetting import vetting_by, vetting_of
from app.cli import options
from app.cli.errors import CarrierCommand, tell_done
from app.cli.opened import context_of, opened
from app.cli.output import (
    aligned,
    block_rows,
    carrier_rows,
    document_rows,
    history_rows,
    in_text,
    plan_rows,
    rule_rows,
    vetting_rows,
    write_data,
)
from app.domain.command import Declaration
from app.domain.declarations import DECLARATIONS
from config.settings import Settings

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A command, as it is declared, from a shell."""

    declaration: Declaration

    def as_click(self) -> click.Command:
        """Its options, its help page and what it does."""
        declaration = self.declaration
        whom = [] if declaration.registers else [options.CARRIER_ID]
        condition = [] if declaration.registers else [options.IF_VERSION]
        context = [options.DRY_RUN, *condition, options.IDEMPOTENCY_KEY]
        return CarrierCommand(
            declaration.name,
            params=[*whom, *options.options_of(declaration), *context, options.AS_JSON],
            callback=click.pass_obj(self._run),
            help="\n\n".join(filter(None, (declaration.sentence, declaration.details))),
        )

    def _run(
        self,
        settings: Settings,
        *,
        as_json: bool,
        dry_run: bool,
        idempotency_key: str | None,
        if_version: int | None = None,
        carrier_id: UUID | None = None,
        **given: Any,  # noqa: ANN401 - as the options of the body have it
    ) -> None:
        declaration = self.declaration
        body = options.body_of(given)
        if not (body or declaration.registers) and declaration.takes_profile:
            raise click.UsageError("Name at least one part of the profile to change.")
        whom = "" if carrier_id is None else str(carrier_id)
        values: Values = options.loaded(body_schema(declaration)(), body)
        command = declaration.made(whom, values)
        with opened(settings, makes=declaration.registers) as (services, deadline):
            context = replace(
                context_of(services, deadline, idempotency_key, [declaration.name, whom, body]),
                expected=None if if_version is None else frozenset({if_version}),
                dry_run=dry_run,
            )
            done = services.bus.dispatch(command, context)
            answer, lines = self._answer(done, services, deadline, dry_run=dry_run)
        if dry_run:
            write_data(answer, lines, as_json=as_json)
        else:
            tell_done(in_text(answer, lines, as_json=as_json))

    def _answer(
        self, done: CommandDone, services: Services, deadline: Deadline, *, dry_run: bool
    ) -> tuple[Values, list[str]]:
        """What is told of a command, as JSON and as lines."""
        if dry_run:
            plan = representations.plan(done)
            return plan, aligned(plan_rows(plan))
        again = [("replayed", "it had been done before; this is the first answer")]
        replayed = again if done.replayed else []
        if self.declaration.records:
            vetted = representations.vetting(vetting_of(services.carriers, done, deadline))
            return vetted, _vetting_lines(vetted, replayed)
        registers = self.declaration.registers
        answer = (representations.registered if registers else representations.changed)(done)
        return answer, aligned([*carrier_rows(answer), *replayed])


@click.command(cls=CarrierCommand)
@click.argument("carrier_id", metavar="ID", type=click.UUID)
@click.option("--on", metavar="DATE", help="On this day, by what is scheduled; today by default.")
@click.option("--version", metavar="N", help="As it was at this version.")
@click.option("--at", metavar="TIME", help="As it was then: ISO 8601 with an offset.")
@click.option("--json", "as_json", is_flag=True, help=options.AS_JSON.help)
@click.pass_obj
def show(settings: Settings, /, carrier_id: UUID, *, as_json: bool, **given: str | None) -> None:
    """Show a carrier: as it is now, as it was, or as it is to be."""
    query: ShowOnDay = options.loaded(ShowCarrierSchema(), options.body_of(given))
    with opened(settings) as (services, deadline):
        view = services.carriers.show(str(carrier_id), deadline, query.version, query.at)
        data = representations.carrier(view, services.carriers.day(view, query))
    write_data(data, aligned(carrier_rows(data)), as_json=as_json)


@click.command(cls=CarrierCommand)
@click.argument("carrier_id", metavar="ID", type=click.UUID)
@click.option("--after", metavar="N", help="Begin after this version.")
@click.option("--limit", metavar="N", help="At most so many events; 100 if not given.")
@click.option("--json", "as_json", is_flag=True, help=options.AS_JSON.help)
@click.pass_obj
def history(
    settings: Settings, carrier_id: UUID, after: str | None, limit: str | None, *, as_json: bool
) -> None:
    """List what happened to a carrier, oldest first: who, when, and what it changed."""
    given = options.body_of({"after": after, "limit": limit})
    asked: ShowHistory = options.loaded(HistoryQuerySchema(), given)
    with opened(settings) as (services, deadline):
        page = services.carriers.history_page(str(carrier_id), deadline, asked.after, asked.limit)
    events = [representations.history_entry(entry) for entry in page.entries]
    lines = aligned(history_rows(events))
    if page.next:
        lines.append(f"There is more: --after {page.next}")
    data = {"carrier_id": str(carrier_id), "events": events, "next": page.next}
    write_data(data, lines, as_json=as_json)


@click.command(cls=CarrierCommand)
@click.argument("carrier_id", metavar="ID", type=click.UUID)
@click.option("--on", metavar="DATE", help="Whether they hold on this day; today if not given.")
@click.option("--version", metavar="N", help="As they were at this version.")
@click.option("--at", metavar="TIME", help="As they were then: ISO 8601 with an offset.")
@click.option("--json", "as_json", is_flag=True, help=options.AS_JSON.help)
@click.pass_obj
def documents(
    settings: Settings, /, carrier_id: UUID, *, as_json: bool, **given: str | None
) -> None:
    """List a carrier's documents, and which of them hold on a day.

    --at and --version say what had been recorded then, --on is the day that it is judged for.
    """
    query: ShowOnDay = options.loaded(ShowOnDaySchema(), options.body_of(given))
    with opened(settings) as (services, deadline):
        view = services.carriers.show(str(carrier_id), deadline, query.version, query.at)
        data = representations.documents(view, query.on or services.carriers.today(view.state))
    write_data(data, aligned(document_rows(data)), as_json=as_json)


@click.command(cls=CarrierCommand)
@click.argument("carrier_id", metavar="ID", type=click.UUID)
@click.option("--on", metavar="DATE", help="Whether they hold on this day; today if not given.")
@click.option("--version", metavar="N", help="As they were at this version.")
@click.option("--at", metavar="TIME", help="As they were then: ISO 8601 with an offset.")
@click.option("--json", "as_json", is_flag=True, help=options.AS_JSON.help)
@click.pass_obj
def blocks(settings: Settings, /, carrier_id: UUID, *, as_json: bool, **given: str | None) -> None:
    """List a carrier's blocks, preferences and overrides, and which hold on a day.

    --at and --version say what had been recorded then, --on is the day that it is judged for.
    """
    query: ShowOnDay = options.loaded(ShowOnDaySchema(), options.body_of(given))
    with opened(settings) as (services, deadline):
        view = services.carriers.show(str(carrier_id), deadline, query.version, query.at)
        data = representations.blocks(view, query.on or services.carriers.today(view.state))
    write_data(data, aligned(block_rows(data)), as_json=as_json)


@click.command(cls=CarrierCommand)
@click.argument("carrier_id", metavar="ID", type=click.UUID)
@click.option("--country", required=True, metavar="CODE", help="Where: ISO 3166, such as DE.")
@click.option("--service", required=True, metavar="SERVICE", help="What, such as express.")
@click.option("--customer", metavar="NAME", help="For whom.")
@click.option("--on", metavar="DATE", help="The day of the work; today if not given.")
@click.option("--at", metavar="TIME", help="By what was recorded then: ISO 8601 with an offset.")
@click.option("--json", "as_json", is_flag=True, help=options.AS_JSON.help)
@click.pass_obj
def eligibility(
    settings: Settings, /, carrier_id: UUID, *, as_json: bool, **given: str | None
) -> None:
    """Tell whether a carrier can be given a piece of work, rule by rule.

    --on is the day of the work, --at says until when something had been recorded.
    """
    query: JudgeEligibility = options.loaded(EligibilityQuerySchema(), options.body_of(given))
    with opened(settings) as (services, deadline):
        judge = judge_of(services.carriers, services.policies, str(carrier_id), query, deadline)
    data = representations.judgement(str(carrier_id), judge.judged(query))
    write_data(data, aligned(rule_rows(data)), as_json=as_json)


@click.command(cls=CarrierCommand)
@click.argument("vetting_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help=options.AS_JSON.help)
@click.pass_obj
def vetting(settings: Settings, vetting_id: str, *, as_json: bool) -> None:
    """Show a vetting as it was recorded: the same for ever."""
    with opened(settings) as (services, deadline):
        data = representations.vetting(vetting_by(services.carriers, vetting_id, deadline))
    write_data(data, _vetting_lines(data), as_json=as_json)


def _vetting_lines(data: Values, more: Sequence[tuple[str, str]] = ()) -> list[str]:
    judged = rule_rows({**data, "version": data["judged_version"]})
    return [*aligned([*vetting_rows(data), *more]), *aligned(judged)]


COMMANDS: Sequence[click.Command] = (
    *(ShellCommand(each).as_click() for each in DECLARATIONS),
    show,
    documents,
    blocks,
    eligibility,
    vetting,
    history,
)
