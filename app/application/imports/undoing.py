"""Plans how a row of an import is taken back: a carrier that the row registered is retired, one
that it changed is changed back. What others have changed since stays, and is told."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.application.deadline import Deadline
from app.application.history import Change, changes_between
from app.application.imports.applying import REFUSALS, Trial, refusal_of
from app.application.imports.file import Record
from app.application.imports.plan import (
    CHANGE,
    CHANGE_EMAIL,
    NOTHING,
    REFUSE,
    REGISTER,
    RENAME,
    RETIRE,
    UNDO,
    UPDATE_PROFILE,
    ImportId,
    RowPlan,
    Step,
)
from app.application.imports.planner import LookedUp, Planner
from app.application.imports.rows import RefusedRow, Row
from app.application.ports.event_store import AlreadyClaimed, Claim
from app.application.ports.seen_keys import SeenKeys
from app.application.repository import CarrierRepository, LoadedCarrier
from app.domain.carrier import RETIRED, CarrierState
from app.domain.command import Command
from app.domain.commands.change_email import ChangeEmail
from app.domain.commands.rename import RenameCarrier
from app.domain.commands.retire import RetireCarrier
from app.domain.commands.update_profile import UpdateProfile
from app.domain.errors import InvalidValue
from app.domain.values import CarrierName, EmailAddress, Reason, comparable_email

_NOT_FOUND = "No carrier is found by this row: it was not applied, or the carrier was changed since"


@dataclass(frozen=True, slots=True)
class Undoing:
    """Plans to take back the rows of the planner's import."""

    planner: Planner

    def plans(self, records: Iterator[Record]) -> Iterator[tuple[Record, RowPlan]]:
        """A plan for each record; see `Planner.plans`. One that is refused stays as it is."""
        planner = self.planner
        back = TakingBack(
            planner.id, planner.carriers, planner.trial, planner.seen, planner.deadline
        )
        for record, row, looked_up in planner.read_rows(records):
            try:
                yield record, self._plan(back, record.number, row, looked_up)
            except RefusedRow as refused:
                yield record, RowPlan(record.number, REFUSE, sentence=refused.sentence)

    def _plan(
        self, back: "TakingBack", number: int, row: Row | RowPlan, looked_up: LookedUp
    ) -> RowPlan:
        if isinstance(row, RowPlan):  # it was refused, so nothing was done
            return RowPlan(number, NOTHING)
        planner = self.planner
        new = planner.id.new_carrier_id(number)
        if new in looked_up.registered:
            planner.note(row, new)
            return back.plan(number, *planner.matching.found(new))
        found = planner.matching.carrier_of(row, looked_up.known)
        carrier_id = found[0].id if found else None
        if planner.means_the_same(row, carrier_id):  # so it was refused
            return RowPlan(number, NOTHING, carrier_id)
        if found is None:
            raise RefusedRow(_NOT_FOUND)
        planner.note(row, found[0].id)
        return back.plan(number, *found)


@dataclass(frozen=True, slots=True)
class TakingBack:
    """Plans how a carrier comes back to where it was before a row of an import. `seen` knows which
    carriers give up which addresses by the plans before, and which addresses those have taken."""

    id: ImportId
    carriers: CarrierRepository
    trial: Trial
    seen: SeenKeys
    deadline: Callable[[], Deadline]

    def plan(self, row: int, carrier: LoadedCarrier, commits: Sequence[UUID | None]) -> RowPlan:
        """`commits` are those of the carrier's events, as far as they are the import's. The plan is
        a refused one if others have changed the carrier since. Raises RefusedRow."""
        there = self.id.steps_of(row, carrier.id, commits)
        if not any(there):
            return RowPlan(row, NOTHING, carrier.id, carrier.version, carrier.state)
        if REGISTER in there:
            return self._retirement(row, carrier, there)
        return self._return(row, carrier, there)

    def _retirement(self, row: int, carrier: LoadedCarrier, there: Sequence[str | None]) -> RowPlan:
        """Of the carrier that the row registered."""
        if UNDO + RETIRE in there:
            return RowPlan(row, RETIRE, carrier.id, carrier.version, carrier.state, done=True)
        if None in there:
            return _left_as_it_is(row, carrier, there)
        reason = Reason(f"The import {self.id.id} was taken back")
        step = Step(UNDO + RETIRE, RetireCarrier(carrier.id, reason))
        self._give_up_address(row, carrier)
        retired = (Change("state", carrier.state and carrier.state.state, RETIRED),)
        return RowPlan(
            row, RETIRE, carrier.id, carrier.version, carrier.state, retired, steps=(step,)
        )

    def _return(self, row: int, carrier: LoadedCarrier, there: Sequence[str | None]) -> RowPlan:
        """To the state before the row's first event."""
        first = next(index for index, step in enumerate(there) if step)
        assert carrier.state is not None, "it has events"  # noqa: S101
        # Both as of today: what was scheduled took effect by itself, not by the row.
        before = self.carriers.current(
            self.carriers.show(carrier.id, self.deadline(), version=first).state
        )
        changes = changes_between(self.carriers.current(carrier.state), before)
        is_undone = any(step and step.startswith(UNDO) for step in there)
        if is_undone and not changes:
            return RowPlan(row, CHANGE, carrier.id, carrier.version, carrier.state, done=True)
        if None in there[first:] or carrier.state.state == RETIRED:
            return _left_as_it_is(row, carrier, there)
        changed = {each.field for each in changes}
        commands = tuple(_back(carrier.id, before, changed))
        if "email" in changed and (sentence := self._why_not(row, carrier, before.email)):
            return _refused(row, carrier, sentence)
        steps = tuple(Step(UNDO + name, command) for name, command in commands)
        return RowPlan(row, CHANGE, carrier.id, carrier.version, carrier.state, changes, steps)

    def _why_not(self, row: int, carrier: LoadedCarrier, former: str) -> str | None:
        """Why the former address cannot be the carrier's again, such as that it is another one's by
        now; None if it can."""
        if self.seen.first([_taken(former)]) is not None:
            return refusal_of(AlreadyClaimed(Claim("email", ""), ""))[0]
        try:
            is_had = self.trial.email(carrier, EmailAddress(former))
        except REFUSALS as error:
            owner = error.owner if isinstance(error, AlreadyClaimed) else ""
            if self.seen.first([_given_up(former, owner)]) is None:
                return refusal_of(error)[0]
            is_had = True
        if is_had:
            self._give_up_address(row, carrier, former)
            self.seen.note([_taken(former)], row)
        return None

    def _give_up_address(self, row: int, carrier: LoadedCarrier, instead: str = "") -> None:
        assert carrier.state is not None, "it has events"  # noqa: S101
        email = self.carriers.current(carrier.state).email
        if not instead or comparable_email(email) != comparable_email(instead):
            self.seen.note([_given_up(email, carrier.id)], row)


def _given_up(email: str, carrier_id: str) -> str:
    return f"given up: {comparable_email(email)} {carrier_id}"


def _taken(email: str) -> str:
    return f"taken: {comparable_email(email)}"


def _left_as_it_is(row: int, carrier: LoadedCarrier, there: Sequence[str | None]) -> RowPlan:
    """Whoever looks after it needs to know which carrier it is, and since when."""
    last = max(version for version, step in enumerate(there, 1) if step)
    sentence = (
        f"Others have changed the carrier since the import left it at version {last}: look at its"
        " history and take it back by hand"
    )
    return _refused(row, carrier, sentence)


def _refused(row: int, carrier: LoadedCarrier, sentence: str) -> RowPlan:
    return RowPlan(row, REFUSE, carrier.id, carrier.version, carrier.state, sentence=sentence)


def _back(
    carrier_id: str, before: CarrierState, changed: set[str]
) -> Iterator[tuple[str, Command]]:
    """The commands that bring back the former values. Raises RefusedRow for one that was valid only
    when it was written."""
    try:
        if "email" in changed:
            yield CHANGE_EMAIL, ChangeEmail(carrier_id, EmailAddress(before.email))
        if "name" in changed:
            yield RENAME, RenameCarrier(carrier_id, CarrierName(before.name))
    except InvalidValue as error:
        raise RefusedRow(f"The former value is not valid any longer: {error}") from error
    profile = before.profile.as_json()
    if parts := {part: profile[part] for part in changed & profile.keys()}:
        yield UPDATE_PROFILE, UpdateProfile(carrier_id, parts)
