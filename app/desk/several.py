"""Several carriers at once: one form, and for each carrier a command of its own with an outcome of
its own, done once however often the form is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Response, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from app.api.http.authentication import DESK, SEVERAL
from app.api.http.command_context import context_of, fingerprint_of
from app.api.http.current import current_request
from app.api.http.envelope import services
from app.api.http.errors import note, problem_of
from app.api.http.request_cycle import deadline
from app.api.http.validation import ValidationFailed
from app.application.access.keys import NotPermitted
from app.application.command_context import CommandContext
from app.application.handlers import KeyReused, StaleVersion
from app.application.ports.codec import UnreadableEvent
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import VersionConflict
from app.application.shown import AggregateNotFound, Shown
from app.desk.fields import Field, body_in, by_field, fields_of, loaded, values_in
from app.desk.frame import blueprint, caller, page
from app.domain.carrier import CarrierState
from app.domain.command import Command, Declaration
from app.domain.commands import suspend, update_profile
from app.domain.errors import DomainError

LIMIT = 100
"""How many carriers one form is for, at most."""

_DECLARATIONS: Final[Mapping[str, Declaration]] = {
    "tag": update_profile.DECLARATION,
    "suspend": suspend.DECLARATION,
}
_NOT_KNOWN = (StoreUnavailable, OutcomeUnknown)
_REFUSALS = (
    AggregateNotFound,
    DomainError,
    KeyReused,
    StaleVersion,
    UnreadableEvent,
    ValidationFailed,
    VersionConflict,
)


@dataclass(frozen=True, slots=True)
class Several:
    """What is to be done (`name`), to which carriers, what the form says, as the JSON of a body,
    and the form's idempotency key."""

    name: str
    carriers: tuple[str, ...]
    said: Mapping[str, Any]
    key: str

    @property
    def declaration(self) -> Declaration:
        """Of the command that each carrier gets."""
        return _DECLARATIONS[self.name]

    @property
    def fields(self) -> list[Field]:
        """Those of the form."""
        fields = fields_of(self.declaration)
        return [each for each in fields if each.name == "tags"] if self.name == "tag" else fields

    @property
    def address(self) -> str:
        """Where the form is, and is sent."""
        return f"{DESK}/several/{self.name}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a carrier, in a sentence if its command was refused or nobody knows."""

    kind: str
    sentence: str


def _add_form(name: str) -> None:
    def show() -> Response:
        if not caller().may(SEVERAL[name]):
            raise NotPermitted(SEVERAL[name], caller())
        return _form(Several(name, _chosen(request.args), {}, services().new_id().hex))

    def send() -> Response:
        typed = request.form
        several = Several(name, _chosen(typed), {}, typed.get("key", "")[:64])
        several = replace(several, said=body_in(several.fields, typed, is_new=False))
        return _sent(several)

    blueprint.get(f"/several/{name}", endpoint=f"show_several_{name}")(show)
    blueprint.post(f"/several/{name}", endpoint=f"send_several_{name}")(send)


for each in SEVERAL:
    _add_form(each)


def _chosen(given: MultiDict[str, str]) -> tuple[str, ...]:
    """The ids of the carriers, each once. Raises BadRequest."""
    try:
        ids = dict.fromkeys(str(UUID(each)) for each in given.getlist("carrier"))
    except ValueError as error:
        raise BadRequest("What was chosen is no carrier: choose in the list again") from error
    if not ids:
        raise BadRequest("No carrier was chosen: tick those that you mean in the list")
    if len(ids) > LIMIT:
        raise BadRequest(f"More than {LIMIT} carriers were chosen: take fewer at once")
    return tuple(ids)


def _sent(several: Several) -> Response:
    try:
        _check(several)
    except ValidationFailed as error:
        return _form(several, problems=error.details)
    with services().directory.place():
        outcomes = {each: _outcome(several, each) for each in several.carriers}
    return _form(several, outcomes)


def _check(several: Several) -> None:
    """Before anything is done. Raises ValidationFailed."""
    values = loaded(several.declaration, several.said)
    if several.name == "tag" and not values["tags"]:
        raise ValidationFailed({"tags": "The tags field needs a tag at least"})


def _outcome(several: Several, carrier_id: str) -> Outcome:
    """What came of the carrier's own command."""
    try:
        view = services().carriers.show(carrier_id, deadline())
        done = services().bus.dispatch(_command(several, view), _context(several, view))
    except _NOT_KNOWN as error:
        note(error)
        return Outcome("unknown", problem_of(error).message)
    except _REFUSALS as error:
        return Outcome("refused", _sentence(error))
    is_new = done.replayed or done.version > view.version
    return Outcome("done", "") if is_new else Outcome("same", "")


def _sentence(error: Exception) -> str:
    """Why a command was refused; of a field, what is wrong with it."""
    if isinstance(error, KeyReused):
        return "This form was sent before with something else in it: choose the carriers again"
    if isinstance(error, ValidationFailed):
        return next(iter(error.details.values()))
    return problem_of(error).message


def _command(several: Several, view: Shown[CarrierState]) -> Command:
    """The carrier's own: tags are added to those that it has. Raises ValidationFailed."""
    said = dict(several.said)
    if several.name == "tag":
        there = view.state.profile.as_json()["tags"]
        said["tags"] = [*there, *(each for each in said["tags"] if each.lower() not in there)]
    return several.declaration.made(view.id, loaded(several.declaration, said))


def _context(several: Several, view: Shown[CarrierState]) -> CommandContext:
    """Under the form's key, with what the form says; tags rest on those that were there."""
    expected = frozenset({view.version}) if several.name == "tag" else None
    if not several.key:
        return context_of(None, None, expected, dry_run=False)
    fingerprint = fingerprint_of(current_request(), dict(several.said))
    return context_of(f"desk:{several.key}", fingerprint, expected, dry_run=False)


def _form(
    several: Several,
    outcomes: Mapping[str, Outcome] | None = None,
    problems: Mapping[str, str] | None = None,
) -> Response:
    """The form, or the outcomes; with outcomes that are not known, both."""
    shown = [(each, _shown(each)) for each in several.carriers]
    return page(
        "several.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
        several=several,
        carriers=shown,
        values=values_in(several.fields, several.said),
        problems=by_field(problems or {}),
        outcomes=outcomes or {},
        is_open=not outcomes or any(each.kind == "unknown" for each in outcomes.values()),
    )


def _shown(carrier_id: str) -> CarrierState | None:
    """The carrier as it is now; None if there is none, or nobody can tell at the moment."""
    try:
        return services().carriers.show(carrier_id, deadline()).state
    except (AggregateNotFound, UnreadableEvent, *_NOT_KNOWN):
        return None
