"""The handlers of commands: load, let the aggregate decide, append. No rule is decided here."""

from collections.abc import Callable
from dataclasses import dataclass

from app.application.bus import Handler
from app.application.command_context import CommandContext
from app.application.history import Change, HistoryEntry, changes_between
from app.application.ports.event_store import AlreadyClaimed, VersionConflict
from app.application.repository import CarrierRepository, Committed
from app.domain.carrier import Carrier
from app.domain.command import CarrierEvent, ChangeCarrier, Command
from app.domain.declarations import DECLARATIONS

MAX_SINCE = 100
"""Events that a refusal names; the history has the others."""


class KeyReused(Exception):
    """The idempotency key stands for another request of the same caller."""


class StaleVersion(Exception):
    """The carrier is not at a version that the caller has seen.

    `version` is the one that it is at; `since` is what has happened after the latest that the
    caller knows, oldest first and at most MAX_SINCE.
    """

    def __init__(self, carrier_id: str, version: int, since: list[HistoryEntry]) -> None:
        super().__init__(f"carrier {carrier_id} is at version {version}")
        self.version = version
        self.since = since


@dataclass(frozen=True, slots=True)
class CommandDone:
    """What a caller is told: the carrier, and the version and state that the command left it in.

    `replayed`: it had been done before. `planned` and `changes` are there for a dry run only:
    the events that would be appended, and what they would change.
    """

    carrier_id: str
    version: int
    state: str
    replayed: bool = False
    planned: tuple[CarrierEvent, ...] = ()
    changes: tuple[Change, ...] = ()


Prepare = Callable[[ChangeCarrier, int, CommandContext], ChangeCarrier]
"""Gives a command, which is to be decided at a version, what it has to know beside the state."""


def as_it_is(command: ChangeCarrier, version: int, context: CommandContext) -> ChangeCarrier:
    """The Prepare of commands that rest on the state alone."""
    return command


class CarrierHandlers:
    """Carries out commands on carriers of one repository."""

    def __init__(self, carriers: CarrierRepository, prepare: Prepare = as_it_is) -> None:
        self._carriers = carriers
        self._prepare = prepare

    def register(self, command: Command, context: CommandContext) -> CommandDone:
        """Begin the stream of a new carrier."""
        carrier = Carrier(context.new_carrier_id)
        if done := self._done_before(carrier.id, context):
            return done
        carrier.carry_out(command, self._carriers.now())
        return self._finish(carrier, context)

    def table(self) -> dict[type[Command], Handler[CommandDone]]:
        """Which handler takes which command: all that are declared."""
        return {
            each.command: self.register if each.registers else self.change for each in DECLARATIONS
        }

    def change(self, command: ChangeCarrier, context: CommandContext) -> CommandDone:
        """Change a carrier that is registered."""
        context = context.for_carrier(command.carrier_id)
        carrier = self._carriers.load(command.carrier_id, context.deadline)
        # After the load: whatever the decision would rest on, this has seen as well. The other
        # way round, a commit in between would be taken for somebody else's.
        if done := self._done_before(carrier.id, context):
            return done
        if context.expected is not None and carrier.version not in context.expected:
            raise self._stale(carrier.id, carrier.version, context)
        command = self._prepare(command, carrier.version, context)
        carrier.carry_out(command, self._carriers.now())
        return self._finish(carrier, context)

    def _finish(self, carrier: Carrier, context: CommandContext) -> CommandDone:
        assert carrier.state is not None, "every command leaves a state"  # noqa: S101
        if context.dry_run:
            self._carriers.dry_run(carrier, context)
            return CommandDone(
                carrier.id,
                carrier.version + len(carrier.recorded),
                carrier.state.state,
                planned=carrier.recorded,
                changes=changes_between(carrier.stored_state, carrier.state),
            )
        try:
            return self._commit(carrier, context, carrier.state.state)
        except AlreadyClaimed:
            # By another, while this very commit was done long ago and the value freed since?
            if done := self._done_before(carrier.id, context):
                return done
            raise
        except VersionConflict:
            # With a condition it is the caller's to decide again, not the bus's.
            if context.expected is None or self._done_before(carrier.id, context):
                raise
            current = self._carriers.load(carrier.id, context.deadline)
            if current.version in context.expected:
                raise  # the caller has seen this one as well
            raise self._stale(carrier.id, current.version, context) from None

    def _commit(self, carrier: Carrier, context: CommandContext, state: str) -> CommandDone:
        if not carrier.recorded:
            self._carriers.record_noop(carrier, context)
            return CommandDone(carrier.id, carrier.version, state)
        appended = self._carriers.save(carrier, context)
        if appended.already_applied and (done := self._done_before(carrier.id, context)):
            return done
        return CommandDone(carrier.id, appended.version, state)

    def _done_before(self, carrier_id: str, context: CommandContext) -> CommandDone | None:
        """The first answer, if this request was carried out already. Raises KeyReused."""
        if context.fingerprint is None:
            return None
        committed = self._carriers.committed(carrier_id, context)
        if committed is None:
            return None
        if committed.fingerprint != context.fingerprint:
            raise KeyReused
        return _first_answer(carrier_id, committed)

    def _stale(self, carrier_id: str, version: int, context: CommandContext) -> StaleVersion:
        seen = max((each for each in context.expected or () if each <= version), default=version)
        # Up to that version: another commit may have come meanwhile.
        shown = min(version - seen, MAX_SINCE)
        since = self._carriers.history(carrier_id, context.deadline, after=seen, limit=shown)
        return StaleVersion(carrier_id, version, since)


def _first_answer(carrier_id: str, committed: Committed) -> CommandDone:
    return CommandDone(carrier_id, committed.version, committed.state.state, replayed=True)
