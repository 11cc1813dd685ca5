"""Applies the plan of a row by ordinary commands, each under a commit id of its own that follows
from the import: however often it is sent, it is done once. Before that, asks what one would do."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.application.bus import CommandBus
from app.application.command_context import Basis, CommandContext
from app.application.deadline import Deadline
from app.application.handlers import CommandDone, KeyReused, StaleVersion
from app.application.imports.columns import Columns
from app.application.imports.plan import CREATE, LAST, REFUSE, ImportId, RowPlan, Step
from app.application.ports.codec import UnreadableEvent
from app.application.ports.errors import OutcomeUnknown
from app.application.ports.event_store import AlreadyClaimed, VersionConflict
from app.application.repository import LoadedCarrier
from app.application.shown import AggregateNotFound
from app.domain.commands.change_email import ChangeEmail
from app.domain.errors import DomainError, ForbiddenByState, InvalidInput
from app.domain.second_person import CarrierChangeProposed
from app.domain.values import EmailAddress

CHANGED_SINCE = "The carrier has been changed since the plan was made; make the plan again"

_TRIES = 5
"""How often a command is sent of which nobody knows whether it was done."""

REFUSALS = (
    AlreadyClaimed,
    AggregateNotFound,
    DomainError,
    KeyReused,
    StaleVersion,
    UnreadableEvent,
    VersionConflict,
)
"""Errors that say why a row is not carried out; after any other one the import stops."""


@dataclass(frozen=True, slots=True)
class Applier:
    """Sends the commands of plans, as `actor`."""

    id: ImportId
    columns: Columns
    bus: CommandBus[CommandDone]
    actor: str
    deadline: Callable[[], Deadline]

    def apply(self, plan: RowPlan) -> RowPlan:
        """The plan as it was carried out, or refused after all. Nothing is sent for a row that is
        done. Raises StoreUnavailable and OutcomeUnknown: the same import, started again, goes on.
        """
        version, sent = plan.version, list[str]()
        for step in plan.steps:
            try:
                done = self._send(plan, step, version)
            except REFUSALS as error:
                return self._refused(plan, sent, error)
            version = done.version
            sent.append(step.name)
        return plan if plan.kind == REFUSE else replace(plan, version=version, done=True)

    def _send(self, plan: RowPlan, step: Step, version: int) -> CommandDone:
        for _ in range(_TRIES - 1):
            try:
                return self.bus.dispatch(step.command, self._context(plan, step, version))
            except OutcomeUnknown:
                continue
        return self.bus.dispatch(step.command, self._context(plan, step, version))

    def _context(self, plan: RowPlan, step: Step, version: int) -> CommandContext:
        # Of the other steps the plan has not looked for the record that they were no-ops.
        is_fresh = step.name == LAST and version == plan.version
        return CommandContext(
            commit_id=self.id.commit(plan.row, step.name),
            correlation_id=self.id.correlation_id,
            actor=self.actor,
            deadline=self.deadline(),
            # A new carrier's stream says by itself that it is there: nobody else's has its id.
            fingerprint=None if plan.kind == CREATE else self.id.fingerprint(plan.row),
            expected=frozenset({version}) if version else None,
            basis=Basis(plan.carrier_id, version, plan.state)
            if plan.carrier_id and plan.state and is_fresh
            else None,
        )

    def _refused(self, plan: RowPlan, sent: list[str], error: Exception) -> RowPlan:
        sentence, field = refusal_of(error)
        if sent:
            sentence += f"; of this row was done: {', '.join(sent)}"
        column = None if field is None else self.columns.name_of(field)
        return replace(
            plan, kind=REFUSE, steps=(), changes=(), sentence=sentence, column=column, done=False
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """Asks, as `actor`, what a change of an import's carrier would come to. Nothing is written for
    it; see `Import.planned` on merges."""

    id: ImportId
    bus: CommandBus[CommandDone]
    actor: str
    deadline: Callable[[], Deadline]

    def asking(self) -> CommandContext:
        """The context of a dry run: no commit has the id that it names."""
        return CommandContext(
            self.id.id, self.id.correlation_id, self.actor, self.deadline(), dry_run=True
        )

    def email(self, carrier: LoadedCarrier, email: EmailAddress) -> bool:
        """Whether the carrier would have the address then: where the policy asks for a second
        person the change waits. Raises what the command does: whether another carrier has it
        follows from more than a stream."""
        assert carrier.state is not None, "it is registered"  # noqa: S101
        basis = Basis(carrier.id, carrier.version, carrier.state)
        done = self.bus.dispatch(
            ChangeEmail(carrier.id, email), replace(self.asking(), basis=basis)
        )
        return not any(isinstance(each, CarrierChangeProposed) for each in done.planned)


def refusal_of(error: Exception) -> tuple[str, str | None]:
    """What people are told, and the field at fault."""
    match error:
        case AlreadyClaimed():
            scope = error.claim.scope
            return f"The {scope} belongs to another carrier", scope
        case StaleVersion() | VersionConflict():
            return CHANGED_SINCE, None
        case ForbiddenByState():
            return error.sentence, None
        case InvalidInput():
            return error.sentence, error.field
        case KeyReused():
            return "Another row was applied under this import's name", None
    return str(error), None
