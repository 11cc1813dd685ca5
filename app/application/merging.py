"""Merges carriers: one command on two streams, as commits on each of them in turn.

    merge     the merged one: CarrierMerged ── from here on it takes no commands
                │
              the survivor decides, once: CarrierAbsorbed, or CarrierMergeRefused if it has been
                │                         retired or merged meanwhile, or has a change scheduled
              the merged one, after a refusal: CarrierUnmerged

    unmerge   the survivor, if nothing has happened to it since: CarrierSeparated
                │
              the merged one: CarrierUnmerged

No commit rests on both streams. What the next step is can be told from the two states, so whoever
finds a merge half done brings it to its end: the same request sent again, another one to merge or
unmerge, any command that the merged carrier would refuse, or who looks for such merges
(`unfinished_merges.py`). Each step asks its own stream, under its version, whether it was taken; so
it is taken once, whoever takes it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

from app.application.bus import CommandBus, Handler
from app.application.command_context import Cause, CommandContext
from app.application.handlers import CommandDone, Handlers, Prepare, StaleVersion
from app.application.ports.codec import Origin
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import AlreadyClaimed, VersionConflict
from app.application.ports.telemetry import Telemetry
from app.application.repository import CarrierRepository
from app.application.shown import AggregateNotFound
from app.domain import merging
from app.domain.absorption import (
    ABSORBED,
    REFUSED,
    SEPARATED,
    Absorption,
    Merge,
    inherited,
)
from app.domain.carrier import MERGED, RETIRED, CarrierState
from app.domain.command import CarrierEvent, Change, ChangeCarrier, Command
from app.domain.commands.merge import CarrierMerged, MergeCarrier
from app.domain.commands.unmerge import UnmergeCarrier
from app.domain.declarations import DECLARATIONS
from app.domain.errors import ForbiddenByState, OtherForbids
from app.domain.merging import (
    AbsorbCarrier,
    CarrierAbsorbed,
    CarrierMergeRefused,
    CarrierSeparated,
    ReleaseAddress,
    RestoreCarrier,
    SeparateCarrier,
)

_STEPS = UUID("0d6f3a52-6c1e-5a0b-8f53-2b7c9e1d4a60")

_REFUSED = (
    "The carrier to merge into was retired or merged, or got a change scheduled, meanwhile: nothing"
    " was merged"
)
_NOTHING_CAME_OF_IT = (
    "The carrier that it was to be merged into was retired or merged, or had a change scheduled"
)
_CHANGED_SINCE = (
    "The carrier {} has changed since the other one was merged into it, so the merge cannot be"
    " taken back: change by hand what is wrong"
)


class Merging:
    """Handles the commands on carriers, and sees to it that merges are finished: the handlers of
    all commands but `merge` and `unmerge` are those of `Handlers`."""

    def __init__(self, carriers: CarrierRepository, prepare: Prepare, telemetry: Telemetry) -> None:
        self._carriers = carriers
        self._prepare = prepare
        self._handlers = Handlers(carriers, DECLARATIONS, self._prepared)
        steps = {each.command: self._handlers.change for each in merging.DECLARATIONS}
        self._steps = CommandBus(steps, telemetry)

    def table(self) -> dict[type[Command], Handler[CommandDone]]:
        """Which handler takes which command."""
        own: dict[type[Command], Handler[CommandDone]] = {
            MergeCarrier: self.merge,
            UnmergeCarrier: self.unmerge,
        }
        others = self._handlers.table().items()
        return {command: self._finishing(handler) for command, handler in others} | own

    def merge(self, command: MergeCarrier, context: CommandContext) -> CommandDone:
        """Merge a carrier into another. Raises OtherForbids if that one refuses."""
        done = self._handlers.change(command, context)
        if context.dry_run:
            return done
        with _begun(StoreUnavailable, VersionConflict):
            merge = self._merge_at(command.carrier_id, done.version, context)
            if merge and self._finish(command.carrier_id, merge, context).standing == REFUSED:
                raise OtherForbids(_REFUSED)
            return self._beside(done, command.into, context)

    def unmerge(self, command: UnmergeCarrier, context: CommandContext) -> CommandDone:
        """Take a carrier's merge back. Raises OtherForbids if the survivor has changed since."""
        tried = self._handlers.change(command, replace(context, dry_run=True))
        carrier_id, reason = command.carrier_id, command.reason.text
        if tried.replayed:
            ended = self._merge_at(carrier_id, max(1, tried.version - 1), context)
            return self._beside(tried, ended.into, context) if ended else tried
        version = tried.version - len(tried.planned)
        merge = self._merge_on(carrier_id, version, context)
        if merge and not context.dry_run:
            self._decided(carrier_id, merge, context)
        if merge:
            self._separate(carrier_id, merge, reason, context)
        if context.dry_run:
            return tried
        if merge is None:
            return self._end(command, version, context)
        with _begun(StoreUnavailable):
            self._give_way(carrier_id, version, merge, context)
            return self._beside(self._end(command, version, context), merge.into, context)

    def user_of(self, owner: str, context: CommandContext) -> str | None:
        """The carrier that may use the e-mail address that `owner` keeps: that one itself, or who
        speaks for it; None if that one has left the registry for good, so that anybody may have the
        address. Raises StoreError and UnreadableEvent."""
        speaker, state = self._speaker_for(owner, context)
        return None if state.state == RETIRED else speaker

    def finish(self, carrier_id: str, context: CommandContext) -> bool:
        """Bring the carrier's merge to its end; return whether it was half done. Raises StoreError
        and UnreadableEvent."""
        merge = self._state(carrier_id, context).merge
        if merge is None:
            return False
        found = self._absorption(carrier_id, merge, context)
        if found and found.standing == ABSORBED:
            return False
        self._finish(carrier_id, merge, context)
        return True

    def _beside(self, done: CommandDone, survivor: str, context: CommandContext) -> CommandDone:
        """The answer, which names the survivor's stream as well: it has been written to."""
        version = self._carriers.load(survivor, context.deadline).version
        return replace(done, beside={survivor: version})

    def _finishing(self, handler: Handler[CommandDone]) -> Handler[CommandDone]:
        """The handler, which tries once more if all that stands in its way is a merge that somebody
        has to bring to its end."""

        def handle(command: Any, context: CommandContext) -> CommandDone:  # noqa: ANN401
            try:
                return handler(command, context)
            except ForbiddenByState as error:
                if error.state != MERGED or not self._comes_back(command.stream, context):
                    raise
            except AlreadyClaimed as error:
                sender = command.stream if isinstance(command, Change) else None
                if not self._lets_have(error.owner, sender, context):
                    raise
                context = replace(context, given_up_by=error.owner)
            # On what is there by now.
            return handler(command, replace(context, basis=None))

        return handle

    def _comes_back(self, carrier_id: str, context: CommandContext) -> bool:
        """Whether the carrier is no longer merged, once its merge is brought to its end."""
        merge = self._state(carrier_id, context).merge
        return merge is None or self._finish(carrier_id, merge, context).standing != ABSORBED

    def _lets_have(self, owner: str, sender: str | None, context: CommandContext) -> bool:
        """Whether the sender may have the address that `owner` keeps. One that nobody uses any more
        is given back, or would be in a dry run."""
        speaker, state = self._speaker_for(owner, context)
        if speaker == sender:
            return True
        if state.state != RETIRED:
            return False
        merge = self._state(owner, context).merge
        if merge and not context.dry_run:
            self._take(ReleaseAddress(owner, merge.number, speaker), owner, merge, context)
        return True

    def _speaker_for(self, carrier_id: str, context: CommandContext) -> tuple[str, CarrierState]:
        """The carrier itself, or the last one that it and its survivors were merged into, once each
        of these merges is brought to its end."""
        at, last = carrier_id, self._state(carrier_id, context)
        while last.merge and self._finish(at, last.merge, context).standing == ABSORBED:
            at = last.merge.into
            last = self._state(at, context)
        return at, last

    def _finish(self, merged: str, merge: Merge, context: CommandContext) -> Absorption:
        """What the survivor decided on the merge, after what follows of it for the merged one."""
        decided = self._decided(merged, merge, context)
        if decided.standing == REFUSED:
            restored = RestoreCarrier(merged, merge.number, _NOTHING_CAME_OF_IT)
            self._take(restored, merged, merge, context)
        elif decided.standing == SEPARATED:
            self._end_for_sender(merged, merge, context)
        return decided

    def _decided(self, merged: str, merge: Merge, context: CommandContext) -> Absorption:
        """What the survivor decided on the merge, which it does now if it has not."""
        if found := self._absorption(merged, merge, context):
            return found
        state = self._state(merged, context)
        event, actor = self._merged_by(merged, merge, context)
        addresses = {value: merged for _, value in state.unique_values}
        command = AbsorbCarrier(
            merge.into,
            merged,
            merge.number,
            event.taken,
            addresses | inherited(state.absorptions),
        )
        self._take(command, merged, merge, replace(context, actor=actor))
        # Not from the answer: another process may have taken the step on another state.
        found = self._absorption(merged, merge, context)
        assert found, "it was decided"  # noqa: S101
        return found

    def _separate(self, merged: str, merge: Merge, reason: str, context: CommandContext) -> None:
        version = self._absorbed_at(merged, merge, context)
        if version is None:
            return
        command = SeparateCarrier(merge.into, merged, merge.number, reason)
        expected, dry_run = frozenset({version}), context.dry_run
        own = replace(context, cause=Cause(context.commit_id, context.fingerprint))
        try:
            self._take(command, merged, merge, own, expected=expected, dry_run=dry_run)
        except StaleVersion as error:  # by another unmerge, perhaps: look again
            raise VersionConflict(merge.into, version, error.version) from error

    def _end(self, command: UnmergeCarrier, version: int, context: CommandContext) -> CommandDone:
        """The last step of an unmerge, at the version of the carrier that all others were for:
        another process may have merged it since, and that merge has not been taken back."""
        try:
            return self._handlers.change(command, replace(context, expected=frozenset({version})))
        except StaleVersion as error:
            raise VersionConflict(command.carrier_id, version, error.version) from error

    def _give_way(self, merged: str, version: int, merge: Merge, context: CommandContext) -> None:
        """Where another request has begun to take the merge back, end that one, so that this one is
        decided on what comes of it: raises VersionConflict then."""
        if self._decided(merged, merge, context).standing != SEPARATED:
            return  # the survivor refused the merge: there was nothing to begin with
        _, origin = self._separated_by(merged, merge, context)
        if origin.causation_id != str(context.commit_id):
            self._end_for_sender(merged, merge, context)
            raise VersionConflict(merged, version, version + 1)

    def _end_for_sender(self, merged: str, merge: Merge, context: CommandContext) -> None:
        """The last step of an unmerge, for whoever began it: in the name of that request, which
        finds itself done when it is sent again."""
        event, origin = self._separated_by(merged, merge, context)
        own = replace(
            context,
            commit_id=UUID(origin.causation_id) if origin.causation_id else context.commit_id,
            fingerprint=origin.fingerprint,
            correlation_id=origin.correlation_id or context.correlation_id,
            actor=origin.actor or context.actor,
            expected=None,
            unless=frozenset(),
            dry_run=False,
        )
        self._steps.dispatch(RestoreCarrier(merged, merge.number, event.reason), own)

    def _separated_by(
        self, merged: str, merge: Merge, context: CommandContext
    ) -> tuple[CarrierSeparated, Origin]:
        """The event by which the survivor gave back what it took, and the request it is from."""
        return next(
            (event, origin)
            for event, origin in self._carriers.with_origins(merge.into, context.deadline)
            if isinstance(event, CarrierSeparated) and _is_of(event, merged, merge)
        )

    def _absorbed_at(self, merged: str, merge: Merge, context: CommandContext) -> int | None:
        """The survivor's version, if it speaks for the merged one. Raises OtherForbids if anything
        has happened to it since it began to."""
        # All from one reading: in between another one may take the merge back.
        events = self._carriers.dated_events(merge.into, context.deadline)
        decided = [each for each in events if _is_of(each.event, merged, merge)]
        if not decided or not isinstance(decided[-1].event, CarrierAbsorbed):
            return None
        if decided[-1] is not events[-1]:
            raise OtherForbids(_CHANGED_SINCE.format(merge.into))
        return decided[-1].version

    def _take(
        self,
        step: ChangeCarrier,
        merged: str,
        merge: Merge,
        context: CommandContext,
        *,
        expected: frozenset[int] | None = None,
        dry_run: bool = False,
    ) -> None:
        """Take a step of the merge, unless it was taken; as the step was decided on before, also
        where somebody only asks what would be."""
        name = f"{merged}:{merge.number}:{type(step).__name__}"
        own = replace(
            context,
            commit_id=uuid5(_STEPS, name),
            fingerprint=None,
            expected=expected,
            unless=frozenset(),
            dry_run=dry_run,
        )
        self._steps.dispatch(step, own)

    def _prepared(self, command: Any, version: int, context: CommandContext) -> Change:  # noqa: ANN401
        """See `Prepare`."""
        prepared = self._prepare(command, version, context)
        if isinstance(prepared, MergeCarrier):
            return replace(prepared, survivor=self._found(prepared.into, context))
        return prepared

    def _found(self, carrier_id: str, context: CommandContext) -> CarrierState | None:
        try:
            return self._carriers.current(self._state(carrier_id, context))
        except AggregateNotFound:
            return None

    def _state(self, carrier_id: str, context: CommandContext) -> CarrierState:
        state = self._carriers.load(carrier_id, context.deadline).state
        assert state is not None, "it was found"  # noqa: S101
        return state

    def _absorption(self, merged: str, merge: Merge, context: CommandContext) -> Absorption | None:
        return self._state(merge.into, context).absorptions.get((merged, merge.number))

    def _merge_at(self, carrier_id: str, version: int, context: CommandContext) -> Merge | None:
        return self._carriers.show(carrier_id, context.deadline, version).state.merge

    def _merge_on(self, carrier_id: str, version: int, context: CommandContext) -> Merge | None:
        """The merge of a carrier that is at this version. Raises VersionConflict if it is not."""
        loaded = self._carriers.load(carrier_id, context.deadline)
        if loaded.version != version:
            raise VersionConflict(carrier_id, version, loaded.version)
        return loaded.state.merge if loaded.state else None

    def _merged_by(
        self, merged: str, merge: Merge, context: CommandContext
    ) -> tuple[CarrierMerged, str]:
        """The event that the merge began with, and who asked for it."""
        return next(
            (event, origin.actor or context.actor)
            for event, origin in self._carriers.with_origins(merged, context.deadline)
            if isinstance(event, CarrierMerged) and event.merge_id == merge.number
        )


def _is_of(event: CarrierEvent, merged: str, merge: Merge) -> bool:
    """Whether the survivor's event is about this merge."""
    decisions = (CarrierAbsorbed, CarrierMergeRefused, CarrierSeparated)
    return isinstance(event, decisions) and (event.merged, event.merge_id) == (merged, merge.number)


@contextmanager
def _begun(*errors: type[Exception]) -> Iterator[None]:
    """Where a step was taken before, none of these errors means that nothing was done."""
    try:
        yield
    except errors as error:
        raise OutcomeUnknown(f"a merge is half done: {error}") from error
