"""From the values of a row to what they change and to the commands that do so. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.application.history import Change, changes_between
from app.application.imports.plan import CHANGE_EMAIL, LAST, RENAME, UPDATE_PROFILE, Step
from app.domain.carrier import CarrierState
from app.domain.commands.change_email import ChangeEmail
from app.domain.commands.register import RegisterCarrier
from app.domain.commands.rename import RenameCarrier
from app.domain.commands.update_profile import UpdateProfile
from app.domain.profile import EMPTY


def changes_of(command: RegisterCarrier) -> tuple[Change, ...]:
    """The fields of the new carrier."""
    profile = EMPTY.changed_by(command.profile)
    state = CarrierState(command.name.text, command.email.text, profile=profile)
    return tuple(each for each in changes_between(None, state) if each.field != "state")


def changes_by(state: CarrierState, wanted: Mapping[str, Any]) -> tuple[Change, ...]:
    """What the values would change, field by field."""
    profile = {field: value for field, value in wanted.items() if field not in ("name", "email")}
    after = replace(
        state,
        name=wanted["name"].text if "name" in wanted else state.name,
        email=wanted["email"].text if "email" in wanted else state.email,
        profile=state.profile.changed_by(profile),
    )
    return changes_between(state, after)


def steps_for(
    carrier_id: str, wanted: Mapping[str, Any], changes: Sequence[Change]
) -> tuple[Step, ...]:
    """The commands, first the one that another carrier can forbid. The last of them ends the
    row."""
    changed = [each.field for each in changes]
    parts = {field: wanted[field] for field in changed if field not in ("name", "email")}
    steps = []
    if "email" in changed:
        steps.append(Step(CHANGE_EMAIL, ChangeEmail(carrier_id, wanted["email"])))
    if "name" in changed:
        steps.append(Step(RENAME, RenameCarrier(carrier_id, wanted["name"])))
    if parts:
        steps.append(Step(UPDATE_PROFILE, UpdateProfile(carrier_id, parts)))
    return (*steps[:-1], replace(steps[-1], name=LAST))


def with_more(
    present: Sequence[Mapping[str, str]], named: Sequence[Mapping[str, str]]
) -> list[Mapping[str, str]]:
    """A column of a scheme adds an identifier, and takes none away."""
    there = {(each["scheme"], each["value"]) for each in present}
    return [*present, *(each for each in named if (each["scheme"], each["value"]) not in there)]
