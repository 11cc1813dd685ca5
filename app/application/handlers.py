"""The handlers of commands: load, let the aggregate decide, append. No rule is decided here."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic

from app.application.bus import Handler
from app.application.command_context import CommandContext
from app.application.history import Change, HistoryEntry, changes_between
from app.application.ports.event_store import AlreadyClaimed, VersionConflict
from app.application.repository import Repository
from app.application.shown import Committed
from app.domain.aggregate import AggregateRoot, Event, Recorded, State
from app.domain.command import Change as ChangeCommand
from app.domain.command import Command, Declaration

MAX_SINCE = 100
"""Events that a refusal names; the history has the others."""


class KeyReused(Exception):
    """The idempotency key stands for another request of the same caller."""


class StaleVersion(Exception):
    """The aggregate is not at a version that the caller has seen.

    `noun` is what it is; `version` is the one that it is at; `since` is what has happened after the
    latest that the caller knows, oldest first and at most MAX_SINCE.
    """

    def __init__(self, noun: str, stream: str, version: int, since: list[HistoryEntry]) -> None:
        super().__init__(f"{noun} {stream} is at version {version}")
        self.noun = noun
        self.version = version
        self.since = since


@dataclass(frozen=True, slots=True)
class CommandDone:
    """What a caller is told: the stream, and the version and state that the command left it in.

    `replayed`: it had been done before. `beside`: another stream that has to do with it, and a
    version of it that holds what the command wrote there. `planned` and `changes` are there for a
    dry run only: the events that would be appended, and what they would change.
    """

    stream: str
    version: int
    state: str
    replayed: bool = False
    beside: Mapping[str, int] = field(default_factory=dict, hash=False)
    planned: tuple[Event[Any], ...] = ()
    changes: tuple[Change, ...] = ()


Prepare = Callable[[Any, int, CommandContext], ChangeCommand]
"""Gives a command, which is to be decided at a version, what it has to know beside the state."""


def as_it_is(command: ChangeCommand, version: int, context: CommandContext) -> ChangeCommand:
    """The Prepare of commands that rest on the state alone."""
    return command


def in_turn(*prepares: Prepare) -> Prepare:
    """The Prepare that does what all of these do."""

    def prepared(command: ChangeCommand, version: int, context: CommandContext) -> ChangeCommand:
        for prepare in prepares:
            command = prepare(command, version, context)
        return command

    return prepared


class Handlers(Generic[State, Recorded]):
    """Carries out the commands on the aggregates of one repository."""

    def __init__(
        self,
        repository: Repository[State, Recorded],
        declarations: Sequence[Declaration],
        prepare: Prepare = as_it_is,
    ) -> None:
        self._repository = repository
        self._declarations = declarations
        self._prepare = prepare

    def table(self) -> dict[type[Command], Handler[CommandDone]]:
        """Which handler takes which command: all that are declared."""
        return {
            each.command: self.register if each.registers else self.change
            for each in self._declarations
        }

    def register(self, command: Command, context: CommandContext) -> CommandDone:
        """Begin the stream of a new carrier."""
        new = self._repository.begin(context.new_carrier_id)
        if done := self._done_before(new.id, context):
            return done
        new.carry_out(command, self._repository.now())
        return self._finish(new, context)

    def change(self, command: ChangeCommand, context: CommandContext) -> CommandDone:
        """Change what there is already."""
        context = context.for_stream(command.stream)
        if context.basis is not None and context.basis.stream == command.stream:
            # Its append is on that version: whoever was faster makes it fail.
            with suppress(VersionConflict):
                loaded = self._repository.at(context.basis)
                return self._decide(command, loaded, context)
        loaded = self._repository.load(command.stream, context.deadline)
        # After the load: whatever the decision would rest on, this has seen as well. The other
        # way round, a commit in between would be taken for somebody else's.
        if done := self._done_before(loaded.id, context):
            return done
        if context.refuses(loaded.version):
            raise self._stale(loaded.id, loaded.version, context)
        return self._decide(command, loaded, context)

    def _decide(
        self,
        command: ChangeCommand,
        loaded: AggregateRoot[State, Recorded],
        context: CommandContext,
    ) -> CommandDone:
        command = self._prepare(command, loaded.version, context)
        loaded.carry_out(command, self._repository.now())
        return self._finish(loaded, context)

    def _finish(
        self, changed: AggregateRoot[State, Recorded], context: CommandContext
    ) -> CommandDone:
        assert changed.state is not None, "every command leaves a state"  # noqa: S101
        if context.dry_run:
            self._repository.dry_run(changed, context)
            return CommandDone(
                changed.id,
                changed.version + len(changed.recorded),
                changed.state.state,
                planned=changed.recorded,
                changes=changes_between(changed.stored_state, changed.state),
            )
        try:
            return self._commit(changed, context, changed.state.state)
        except AlreadyClaimed:
            # By another, while this very commit was done long ago and the value freed since?
            if done := self._done_before(changed.id, context):
                return done
            raise
        except VersionConflict:
            # With a condition it is the caller's to decide again, not the bus's.
            if context.expected is None or self._done_before(changed.id, context):
                raise
            current = self._repository.load(changed.id, context.deadline)
            if not context.refuses(current.version):
                raise  # the caller has seen this one as well
            raise self._stale(changed.id, current.version, context) from None

    def _commit(
        self, changed: AggregateRoot[State, Recorded], context: CommandContext, state: str
    ) -> CommandDone:
        if not changed.recorded:
            self._repository.record_noop(changed, context)
            return CommandDone(changed.id, changed.version, state)
        appended = self._repository.save(changed, context)
        if appended.already_applied and (done := self._done_before(changed.id, context)):
            return done
        return CommandDone(changed.id, appended.version, state)

    def _done_before(self, stream: str, context: CommandContext) -> CommandDone | None:
        """The first answer, if this request was carried out already. Raises KeyReused."""
        if context.fingerprint is None:
            return None
        committed = self._repository.committed(stream, context)
        if committed is None:
            return None
        if committed.fingerprint != context.fingerprint:
            raise KeyReused
        return _first_answer(stream, committed)

    def _stale(self, stream: str, version: int, context: CommandContext) -> StaleVersion:
        first = 1 if self._repository.root.initial() is None else 0
        there = range(first, version + 1)
        seen = max((each for each in context.expected or () if each in there), default=version)
        # Up to that version: another commit may have come meanwhile.
        shown = min(version - seen, MAX_SINCE)
        since = self._repository.history(stream, context.deadline, after=seen, limit=shown)
        return StaleVersion(self._repository.root.noun, stream, version, since)


def _first_answer(stream: str, committed: Committed[Any]) -> CommandDone:
    return CommandDone(stream, committed.version, committed.state.state, replayed=True)
