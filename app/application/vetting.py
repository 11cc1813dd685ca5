"""Vettings: the answer whether a carrier can be given a piece of work, kept as an event of the
carrier's stream, and found again by its id.

A vetting needs no table of its own: its id says of which carrier it is, at which version, and how
the id of the event begins. So an id of before a restore from a backup never shows another vetting.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.handlers import CommandDone
from app.application.history import HistoryEntry
from app.application.judgement import judge_of
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.feed import Feed
from app.application.queries import JudgeEligibility
from app.application.repository import CarrierRepository, PolicyRepository
from app.application.shown import AggregateNotFound
from app.domain.command import Change
from app.domain.commands.vet import CarrierVetted, Finding, VetCarrier

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MARK_CHARACTERS = 8
ID_PATTERN = f"{_UUID}-[1-9][0-9]{{0,9}}-[0-9a-f]{{{_MARK_CHARACTERS}}}"
"""What the id of a vetting looks like: the carrier's id, the version of the event, and the
beginning of the event's id."""

NOUN = "vetting"


@dataclass(frozen=True, slots=True)
class Vetting:
    """A vetting as the carrier's history has it."""

    carrier_id: str
    entry: HistoryEntry

    @property
    def id(self) -> str:
        """See ID_PATTERN."""
        mark = str(self.entry.event_id)[:_MARK_CHARACTERS]
        return f"{self.carrier_id}-{self.entry.version}-{mark}"


class Vettings:
    """Judges the carriers that are to be vetted."""

    def __init__(self, carriers: CarrierRepository, policies: PolicyRepository, feed: Feed) -> None:
        self._carriers = carriers
        self._policies = policies
        self._feed = feed

    def prepared(self, command: Any, version: int, context: CommandContext) -> Change:  # noqa: ANN401
        """The command, with what was found if it is to vet a carrier. Raises AggregateNotFound,
        UnreadableEvent and StoreUnavailable."""
        if not isinstance(command, VetCarrier):
            unchanged: Change = command
            return unchanged
        asked = JudgeEligibility(command.country, command.service, command.customer, command.on)
        standing = self._feed.standing(context.deadline)
        judge = judge_of(
            self._carriers, self._policies, command.carrier_id, asked, context.deadline
        )
        found = judge.judged(asked)
        finding = Finding(
            on=found.work.on.isoformat(),
            eligible=found.eligible,
            rules=found.rules_as_json(),
            preferences=found.preferences_as_json(),
            judged_version=found.version,
            policy_version=found.policy_version,
            feed=standing.feed,
            position=standing.head,
        )
        return replace(command, finding=finding)


def vetting_by(carriers: CarrierRepository, vetting_id: str, deadline: Deadline) -> Vetting:
    """The vetting with this id. Raises AggregateNotFound, UnreadableEvent, StoreUnavailable."""
    vetting_id = vetting_id.lower()
    if re.fullmatch(ID_PATTERN, vetting_id, re.ASCII):
        carrier_id, version, _ = vetting_id.rsplit("-", 2)
        with suppress(AggregateNotFound):
            found = _at(carriers, carrier_id, int(version), deadline)
            if found is not None and found.id == vetting_id:
                return found
    raise AggregateNotFound(NOUN, vetting_id)


def vetting_of(carriers: CarrierRepository, done: CommandDone, deadline: Deadline) -> Vetting:
    """The vetting that a command has made. Raises OutcomeUnknown if it cannot be read: it was made,
    and who sends the command again under its idempotency key gets it."""
    try:
        found = _at(carriers, done.stream, done.version, deadline)
    except StoreUnavailable as error:
        raise OutcomeUnknown(
            f"the carrier was vetted, but the record cannot be read: {error}"
        ) from error
    assert found is not None, "the command has made it"  # noqa: S101
    return found


def _at(
    carriers: CarrierRepository, carrier_id: str, version: int, deadline: Deadline
) -> Vetting | None:
    for entry in carriers.history(carrier_id, deadline, after=version - 1, limit=1):
        if entry.event_type == CarrierVetted.__name__:
            return Vetting(carrier_id, entry)
    return None
