"""Change, review, confirm: a form for each declared command.

form → what would happen (a dry run) → done, once, however often the button is pressed: the page of
the review has an idempotency key. All of it on the condition that nobody has changed the carrier
since the form was opened; if somebody has, both changes are shown beside each other.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from app.api.http.authentication import DESK
from app.api.http.command_context import context_of, fingerprint_of
from app.api.http.current import current_request
from app.api.http.envelope import services
from app.api.http.errors import note, problem_of
from app.api.http.request_cycle import deadline
from app.api.http.validation import ValidationFailed
from app.api.resources import representations as shown
from app.api.schemas.commands import resource_of, rule_of
from app.application.access.keys import NotPermitted
from app.application.command_context import CommandContext
from app.application.handlers import CommandDone, StaleVersion
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import AlreadyClaimed
from app.application.ports.keys import Scope
from app.application.strict_json import NotStrictJson, parse
from app.desk.fields import Field, body_in, by_field, fields_of, loaded, numbers_of, values_in
from app.desk.frame import blueprint, caller, go_to, page
from app.desk.merging import differences, merged
from app.domain.carrier import POSSIBLE
from app.domain.command import Declaration
from app.domain.declarations import DECLARATIONS
from app.domain.errors import ForbiddenByState, InvalidInput, SecondPersonNeeded
from app.domain.profile import compared
from app.domain.state import FIELDS

_OF_A_FIELD = (ValidationFailed, InvalidInput, AlreadyClaimed)
"""Errors that name a field, which is shown beside it."""
_NUMBER = re.compile("[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody is about to do: the command, its carrier (none before it is registered), the
    version that they have seen, and what they have typed, as the JSON of a body."""

    declaration: Declaration
    carrier_id: str
    version: int
    said: Mapping[str, Any]
    key: str = ""

    @property
    def fields(self) -> list[Field]:
        """Those of the form."""
        return fields_of(self.declaration)

    @property
    def address(self) -> str:
        """Where the form is sent."""
        above = DESK if self.declaration.registers else self.carrier_address
        return f"{above}/{resource_of(self.declaration)}"

    @property
    def carrier_address(self) -> str:
        """The carrier's page; the list, before it is registered."""
        return f"{DESK}/carriers/{self.carrier_id}".removesuffix("/")


def _add_action(declaration: Declaration) -> None:
    """Give the command's form its address: that of the API, behind the desk's."""

    def show(carrier_id: UUID | None = None) -> AnyResponse:
        _refuse_whoever_may_not(declaration)
        return _form(_opened(declaration, carrier_id))

    def send(carrier_id: UUID | None = None) -> AnyResponse:
        return _sent(_read(declaration, carrier_id))

    rule, name = rule_of(declaration), declaration.name.replace("-", "_")
    blueprint.get(rule, endpoint=f"show_{name}")(show)
    blueprint.post(rule, endpoint=f"send_{name}")(send)


for each in DECLARATIONS:
    _add_action(each)


def _refuse_whoever_may_not(declaration: Declaration) -> None:
    """Before somebody fills in a form in vain. Raises NotPermitted."""
    scope = Scope(declaration.group)
    if not caller().may(scope):
        raise NotPermitted(scope, caller())


def _opened(declaration: Declaration, carrier_id: UUID | None) -> Change:
    """The form as it is opened, with what the carrier has now. Raises ForbiddenByState and what
    `CarrierRepository.show` raises."""
    if carrier_id is None:
        return Change(declaration, "", 0, {})
    view = services().carriers.show(str(carrier_id), deadline())
    state = view.state.state
    if state not in declaration.states:
        raise ForbiddenByState(state, POSSIBLE[state], view.state.merged_into)
    now = shown.carrier(view, services().carriers.today(view.state))
    about_the_state = {"reason", "category"}
    said = {name: value for name, value in now.items() if name not in about_the_state}
    return Change(declaration, str(carrier_id), view.version, said | _named(declaration))


def _named(declaration: Declaration) -> dict[str, int]:
    """What the address says of which document, proposal or other thing of the carrier is meant.
    Nothing else is taken from it: words that others wrote would stand in the form."""
    asked = {name: request.args.get(name, "") for name in numbers_of(declaration)}
    return {name: int(text) for name, text in asked.items() if _NUMBER.fullmatch(text)}


def _read(declaration: Declaration, carrier_id: UUID | None) -> Change:
    """What was sent: a filled form, or, from the pages behind it, what it said. Raises
    BadRequest."""
    name = str(carrier_id or "")
    # Of boxes with one name several can be ticked.
    typed = {field: ", ".join(texts) for field, texts in request.form.lists()}
    version = typed.get("version", "0")
    if not (version.isascii() and version.isdigit() and len(version) < len(str(2**31))):
        raise BadRequest("The version of this form is none: open it again")
    said: Mapping[str, Any]
    if "said" not in typed:
        said = body_in(fields_of(declaration), typed, is_new=declaration.registers)
    else:
        said = _said(typed["said"])
    return Change(declaration, name, int(version), said, typed.get("key", "")[:64])


def _said(text: str) -> Mapping[str, Any]:
    try:
        said = parse(text.encode())
    except NotStrictJson as error:
        raise BadRequest(f"What the form said before {error.why}: open it again") from error
    if not isinstance(said, dict):
        raise BadRequest("What the form said before is no object: open it again")
    return said


def _sent(change: Change) -> AnyResponse:
    step = request.form.get("step", "review")
    if step == "edit":
        return _form(change)
    try:
        if step == "merge":
            change = _merged(change)
        if step == "confirm":
            return _confirmed(change)
        return _review(change, _done(change, dry_run=True))
    except _OF_A_FIELD as error:
        problem = problem_of(error)
        return _form(change, problem.details, problem.status)
    except SecondPersonNeeded as error:
        problem = problem_of(error)
        return _form(change, status=problem.status, refused=problem.message)
    except StaleVersion as error:
        return _conflict(change, error)


def _done(change: Change, *, dry_run: bool) -> CommandDone:
    """What came of the command, or would. Raises what the bus raises."""
    values = loaded(change.declaration, change.said)
    if change.declaration.takes_profile and not change.declaration.registers:
        values = _changed(change, values)
    command = change.declaration.made(change.carrier_id, values)
    return services().bus.dispatch(command, _context(change, dry_run=dry_run))


def _changed(change: Change, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without those that the form was opened with: a change of what nobody has touched
    would count on its day, whatever others do before."""
    before, typed = _shown_at(change.carrier_id, change.version), _normal(change)
    return {
        name: value
        for name, value in values.items()
        if name not in FIELDS or compared(typed[name]) != compared(before[name])
    }


def _shown_at(carrier_id: str, version: int) -> dict[str, Any]:
    """The carrier at a version, with the values that hold today."""
    view = services().carriers.show(carrier_id, deadline(), version)
    return shown.carrier(view, services().carriers.today(view.state))


def _context(change: Change, *, dry_run: bool) -> CommandContext:
    expected = None if change.declaration.registers else frozenset({change.version})
    if dry_run or not change.key:
        return context_of(None, None, expected, dry_run=dry_run)
    # What somebody is told of a stale version is part of what they ask for.
    asked_for = {"said": change.said, "version": change.version}
    fingerprint = fingerprint_of(current_request(), asked_for)
    return context_of(f"desk:{change.key}", fingerprint, expected, dry_run=False)


def _confirmed(change: Change) -> AnyResponse:
    """Do it. While it cannot be known whether it is done, the same page is shown again, with the
    same key."""
    try:
        done = _done(change, dry_run=False)
    except (StoreUnavailable, OutcomeUnknown) as error:
        note(error)
        return _review(change, None, problem_of(error).message)
    return go_to(f"{DESK}/carriers/{done.stream}?done={done.version}")


def _form(
    change: Change,
    problems: Mapping[str, str] | None = None,
    status: int = HTTPStatus.OK,
    refused: str | None = None,
) -> Response:
    """The form with what was said in it, and what is wrong: of fields, or why it is `refused`."""
    return page(
        "change.html",
        status,
        change=change,
        values=values_in(change.fields, change.said),
        problems=by_field(problems or {}),
        refused=refused,
        name=_name(change),
    )


def _review(change: Change, plan: CommandDone | None, problem: str | None = None) -> Response:
    key = change.key if problem else services().new_id().hex
    return page(
        "review.html",
        HTTPStatus.SERVICE_UNAVAILABLE if problem else HTTPStatus.OK,
        change=replace(change, key=key),
        said=json.dumps(change.said, ensure_ascii=False),
        plan=plan and shown.plan(plan),
        problem=problem,
        name=_name(change),
    )


def _conflict(change: Change, error: StaleVersion) -> Response:
    """Somebody was faster: what they did, and both values of each field beside each other."""
    before = _shown_at(change.carrier_id, change.version)
    theirs = _shown_at(change.carrier_id, error.version)
    found = differences(before, _normal(change), theirs)
    return page(
        "conflict.html",
        HTTPStatus.PRECONDITION_FAILED,
        change=change,
        said=json.dumps(change.said, ensure_ascii=False),
        current=error.version,
        since=[shown.history_entry(each) for each in reversed(error.since)],
        differences=found,
        name=_name(change),
    )


def _merged(change: Change) -> Change:
    """The change on top of what others did, as was chosen field by field. Raises BadRequest."""
    since = request.form.get("since", "")
    if not (since.isascii() and since.isdigit() and len(since) < len(str(2**31))):
        raise BadRequest("The version of this form is none: open it again")
    before = _shown_at(change.carrier_id, int(since))
    theirs = _shown_at(change.carrier_id, change.version)
    found = differences(before, _normal(change), theirs)
    kept = frozenset(
        each.field for each in found if request.form.get(f"keep-{each.field}") == "mine"
    )
    return replace(change, said=merged(change.said, found, kept))


def _normal(change: Change) -> dict[str, Any]:
    """What was typed, in the form in which carriers are compared. Raises ValidationFailed."""
    declared = {each.name for each in change.declaration.inputs}
    return {
        name: str(value) if name in declared and value is not None else value
        for name, value in loaded(change.declaration, change.said).items()
    }


def _name(change: Change) -> str | None:
    """The carrier's name, for the head of the page; None without one, and while the store cannot be
    reached: the page is needed then as well."""
    if change.declaration.registers:
        return None
    carriers = services().carriers
    try:
        return carriers.current(carriers.show(change.carrier_id, deadline()).state).name
    except StoreUnavailable:
        return None
