"""`carriers register`, `show` and the rest: the commands of the API from a shell.

words → the API's schema → command → the same bus, in this process, over the store of the settings
"""

import hashlib
import json
import os
import pwd
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import click
from marshmallow import Schema, ValidationError

from app.api import representations, schemas
from app.api.validation import sentences
from app.application.commands import (
    ChangeEmail,
    Command,
    CommandContext,
    RegisterCarrier,
    ReinstateCarrier,
    RenameCarrier,
    RetireCarrier,
    SuspendCarrier,
    UpdateProfile,
    commit_id_of,
)
from app.application.deadline import Deadline
from app.application.handlers import CommandDone
from app.application.repository import CarrierNotFound
from app.application.services import Services
from app.bootstrap import build_services
from app.cli import options
from app.cli.endings import INVALID, NOT_FOUND, CarrierCommand, Ending
from app.cli.output import aligned, carrier_rows, history_rows, plan_rows, write_data
from app.domain.profile import PROFILE_PARTS
from config.settings import Settings

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a command is to be carried out; None or False where nothing was said."""

    dry_run: bool
    idempotency_key: str | None
    if_version: int | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that can be done to a carrier: what it takes, and the command that comes of it.

    `command` is given the carrier's id and the values that the schema has loaded.
    """

    name: str
    help: str
    schema: type[Schema]
    command: Callable[[str, Values], Command]
    body: Sequence[click.Option]

    @property
    def registers(self) -> bool:
        """Whether the carrier only comes into being by it."""
        return self.schema is schemas.RegisterCarrierSchema

    def as_click(self) -> click.Command:
        """The command of the shell."""
        whom = [] if self.registers else [options.CARRIER_ID]
        condition = [] if self.registers else [options.IF_VERSION]
        attempt = [options.DRY_RUN, *condition, options.IDEMPOTENCY_KEY]
        return CarrierCommand(
            self.name,
            params=[*whom, *self.body, *attempt, options.AS_JSON],
            callback=click.pass_obj(self._run),
            help=self.help,
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
        body = options.body_of(given)
        if not body and self.schema is schemas.UpdateProfileSchema:
            raise click.UsageError("Name at least one part of the profile to change.")
        whom = "" if carrier_id is None else str(carrier_id)
        command = self.command(whom, _loaded(self.schema(), body))
        attempt = Attempt(dry_run, idempotency_key, if_version)
        with _opened(settings) as (services, deadline):
            context = _context(services, deadline, attempt, [self.name, whom, body])
            done: CommandDone = services.bus.dispatch(command, context)
        self._tell(done, dry_run=dry_run, as_json=as_json)

    def _tell(self, done: CommandDone, *, dry_run: bool, as_json: bool) -> None:
        if dry_run:
            plan = representations.plan(done)
            write_data(plan, aligned(plan_rows(plan)), as_json=as_json)
            return
        say = representations.registered if self.registers else representations.changed
        rows = carrier_rows(say(done))
        if done.replayed:
            rows.append(("replayed", "it had been done before; this is the first answer"))
        write_data(say(done), aligned(rows), as_json=as_json)


def _registration(_: str, values: Values) -> RegisterCarrier:
    profile = {part: values.pop(part) for part in PROFILE_PARTS if part in values}
    return RegisterCarrier(**values, profile=profile)


DEEDS = (
    Deed(
        "register",
        "Register a carrier.",
        schemas.RegisterCarrierSchema,
        _registration,
        [options.NAME, options.EMAIL, *options.PROFILE],
    ),
    Deed(
        "rename",
        "Give a carrier another name.",
        schemas.RenameSchema,
        lambda carrier_id, values: RenameCarrier(carrier_id, **values),
        [options.NAME],
    ),
    Deed(
        "change-email",
        "Give a carrier another e-mail address.",
        schemas.ChangeEmailSchema,
        lambda carrier_id, values: ChangeEmail(carrier_id, **values),
        [options.EMAIL],
    ),
    Deed(
        "update-profile",
        "Replace parts of a carrier's profile.\n\n"
        "A part that is not named stays as it is; a repeatable one is replaced as a whole.",
        schemas.UpdateProfileSchema,
        UpdateProfile,
        [*options.PROFILE, options.UNSET],
    ),
    Deed(
        "suspend",
        "Suspend a carrier until it is reinstated.",
        schemas.SuspendSchema,
        lambda carrier_id, values: SuspendCarrier(carrier_id, **values),
        [options.REASON, options.CATEGORY],
    ),
    Deed(
        "reinstate",
        "End a carrier's suspension.",
        schemas.ReinstateSchema,
        lambda carrier_id, values: ReinstateCarrier(carrier_id, **values),
        [options.OPTIONAL_REASON],
    ),
    Deed(
        "retire",
        "Take a carrier out of the registry for good.\n\nIts e-mail address is free again.",
        schemas.RetireSchema,
        lambda carrier_id, values: RetireCarrier(carrier_id, **values),
        [options.REASON],
    ),
)


@click.command(cls=CarrierCommand)
@click.argument("carrier_id", metavar="ID", type=click.UUID)
@click.option("--version", metavar="N", help="As it was at this version.")
@click.option("--at", metavar="TIME", help="As it was then: ISO 8601 with an offset.")
@click.option("--json", "as_json", is_flag=True, help=options.AS_JSON.help)
@click.pass_obj
def show(
    settings: Settings, carrier_id: UUID, version: str | None, at: str | None, *, as_json: bool
) -> None:
    """Show a carrier: as it is now, or as it was."""
    query = _loaded(schemas.ShowSchema(), options.body_of({"version": version, "at": at}))
    with _opened(settings) as (services, deadline):
        try:
            view = services.carriers.show(str(carrier_id), deadline, **query)
        except CarrierNotFound as error:
            raise Ending(NOT_FOUND, error.sentence) from error
    data = representations.carrier(view)
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
    page = _loaded(schemas.HistoryQuerySchema(), given)
    first, most = page["after"], page["limit"]
    with _opened(settings) as (services, deadline):
        # One more than asked for: whether another page follows.
        found = services.carriers.history(str(carrier_id), deadline, first, most + 1)
    events = [representations.history_entry(entry) for entry in found[:most]]
    more = first + most if len(found) > most else None
    lines = aligned(history_rows(events))
    if more:
        lines.append(f"There is more: --after {more}")
    data = {"carrier_id": str(carrier_id), "events": events, "next": more}
    write_data(data, lines, as_json=as_json)


COMMANDS: Sequence[click.Command] = (*(deed.as_click() for deed in DEEDS), show, history)


def _loaded(schema: Schema, given: Mapping[str, Any]) -> Values:
    """The values. Ends the command with a sentence for each field that breaks a rule."""
    try:
        values: Values = schema.load(given)
    except ValidationError as error:
        wrong = sentences({"given": dict(error.messages_dict)})
        lines = (f"{field}: {sentence}" for field, sentence in wrong.items())
        raise Ending(INVALID, *lines) from error
    return values


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Services, Deadline]]:
    """The services over the settings' store, and until when they have to answer."""
    deadline = Deadline.after(settings.request_timeout)
    services = build_services(settings, follows=False)
    try:
        yield services, deadline
    finally:
        services.close()


def _context(
    services: Services, deadline: Deadline, attempt: Attempt, asked: Sequence[Any]
) -> CommandContext:
    actor = _actor()
    key = attempt.idempotency_key
    return CommandContext(
        commit_id=services.new_id() if key is None else commit_id_of(actor, key),
        correlation_id=uuid4().hex,
        actor=actor,
        deadline=deadline,
        fingerprint=None if key is None else _fingerprint(asked),
        expected=None if attempt.if_version is None else frozenset({attempt.if_version}),
        dry_run=attempt.dry_run,
    )


def _fingerprint(asked: Sequence[Any]) -> str:
    """Of what is asked for, whatever the order of the options and of an object's keys."""
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _actor() -> str:
    """Who is logged in. There is no option for it: the history is to say who typed a command, not
    whom they name; so the system is asked, not the environment. "cli:" keeps it apart from the API
    keys' names, which hold no colon, and so keeps the idempotency keys of the two apart as well."""
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a user without a name
        login = ""
    return f"cli:{login}" if login and login.isprintable() else f"cli:{os.getuid()}"
