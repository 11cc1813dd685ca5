"""Plans each row of a file: create a carrier, change one, nothing, or refuse with a sentence.

The one planner of the shell and of HTTP. A plan is made of the streams at that moment, and tells
also what the same import has done already.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from app.application.deadline import Deadline
from app.application.imports.applying import REFUSALS, Trial, refusal_of
from app.application.imports.changes import changes_by, changes_of, steps_for, with_more
from app.application.imports.columns import CARRIER_ID, IDENTIFIERS, VERSION, Columns
from app.application.imports.file import Record
from app.application.imports.matching import Identifier, Matching
from app.application.imports.plan import (
    CHANGE,
    CHANGE_EMAIL,
    CREATE,
    LAST,
    NOTHING,
    REFUSE,
    REGISTER,
    RENAME,
    UNDO,
    ImportId,
    RowPlan,
    Step,
)
from app.application.imports.rows import ReadValues, RefusedRow, Row, row_of
from app.application.ports.codec import UnreadableEvent
from app.application.ports.event_store import EventStore
from app.application.ports.seen_keys import SeenKeys
from app.application.repository import CarrierRepository, LoadedCarrier
from app.domain.carrier import RETIRED, CarrierState
from app.domain.commands.register import RegisterCarrier
from app.domain.commands.update_profile import UpdateProfile
from app.domain.values import comparable_email

_ROWS_AT_ONCE = 100
"""So many rows are looked up together."""

_SENT = {CHANGE_EMAIL: "email", RENAME: "name"}


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What was looked up for a row with those near it, and may have changed since: the carriers
    `known` by their identifiers, and the versions of those that the rows have registered."""

    known: Mapping[Identifier, set[str]]
    registered: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans the rows of one import. `seen` knows the rows of the file before, so that two rows for
    one carrier are found; `deadline` gives each look at the store its own; `trial` says what no
    row can know."""

    id: ImportId
    columns: Columns
    carriers: CarrierRepository
    trial: Trial
    store: EventStore
    matching: Matching
    read: ReadValues
    seen: SeenKeys
    deadline: Callable[[], Deadline]

    def plans(self, records: Iterable[Record]) -> Iterator[tuple[Record, RowPlan]]:
        """A plan for each record, made when it is asked for: whatever was applied before is in
        it. Raises BadFile, StoreUnavailable, ViewNotMade."""
        for record, row, looked_up in self.read_rows(records):
            yield record, self._plan(row, looked_up)

    def read_rows(
        self, records: Iterable[Record]
    ) -> Iterator[tuple[Record, Row | RowPlan, LookedUp]]:
        """Each record as a row, or as refused, and what was looked up for the rows near it."""
        rest = iter(records)
        while some := list(islice(rest, _ROWS_AT_ONCE)):
            rows = [self._read(record) for record in some]
            looked_up = self._look_up([each for each in rows if isinstance(each, Row)])
            for record, row in zip(some, rows, strict=True):
                yield record, row, looked_up

    def _look_up(self, rows: Sequence[Row]) -> LookedUp:
        new = [self.id.new_carrier_id(each.number) for each in rows if each.carrier_id is None]
        registered = self.store.versions(new, self.deadline()) if new else {}
        return LookedUp(self.matching.by_identifier(rows), registered)

    def _read(self, record: Record) -> Row | RowPlan:
        try:
            return row_of(record, self.columns, self.read)
        except RefusedRow as refused:
            return _refused(record.number, refused)

    def _plan(self, row: Row | RowPlan, looked_up: LookedUp) -> RowPlan:
        if isinstance(row, RowPlan):
            return row
        try:
            return self._planned(row, looked_up)
        except RefusedRow as refused:
            return _refused(row.number, refused)
        except UnreadableEvent as error:
            return _refused(row.number, RefusedRow(f"The carrier cannot be read: {error}"))
        except REFUSALS as error:
            sentence, field = refusal_of(error)
            return _refused(row.number, RefusedRow(sentence, field and self.columns.name_of(field)))

    def _planned(self, row: Row, looked_up: LookedUp) -> RowPlan:
        if row.carrier_id is None:
            new = self.id.new_carrier_id(row.number)
            if version := looked_up.registered.get(new):
                return self._created(row, version)
        found = self.matching.carrier_of(row, looked_up.known)
        if found is None:
            # Registered since it was looked up, by whoever applies the same import at this moment
            # or was killed at it: the append finds that its commit is there.
            return self._creation(row)
        if version := self._registered_since(row):
            return self._created(row, version)
        return self._change(row, *found)

    def _registered_since(self, row: Row) -> int:
        """The version of the carrier that the row has registered; 0 if it has not. Asked for behind
        the look at whom the row means: its own carrier's address may be another's by now."""
        if row.carrier_id is not None:  # it means one that was there before
            return 0
        new = self.id.new_carrier_id(row.number)
        return len(self.store.read(new, self.deadline()))

    def _created(self, row: Row, version: int) -> RowPlan:
        new = self.id.new_carrier_id(row.number)
        self.note(row, new)
        return RowPlan(row.number, CREATE, new, version, done=True)

    def _creation(self, row: Row) -> RowPlan:
        for field in ("name", "email"):
            if field not in row.values:
                raise RefusedRow(
                    f"The {field} field is required for a new carrier", self.columns.name_of(field)
                )
        if first := self.means_the_same(row, None):
            raise _means_the_same(first)
        new = self.id.new_carrier_id(row.number)
        self.note(row, new)
        values = dict(row.values)
        command = RegisterCarrier(values.pop("name"), values.pop("email"), values)
        return RowPlan(
            row.number,
            CREATE,
            new,
            changes=changes_of(command),
            steps=(Step(REGISTER, command),),
        )

    def _change(self, row: Row, carrier: LoadedCarrier, commits: Sequence[UUID | None]) -> RowPlan:
        carrier_id = carrier.id
        if carrier.state is None:
            raise RefusedRow(
                "There is no carrier with this id; leave the cell empty to register a new one",
                self.columns.name_of(CARRIER_ID),
            )
        if first := self.means_the_same(row, carrier_id):
            raise _means_the_same(first)
        steps_there = self.id.steps_of(row.number, carrier_id, commits)
        if done := self._done(row, carrier, steps_there):
            self.note(row, carrier_id)
            return done
        if carrier.state.merge:
            raise RefusedRow(f"The carrier was merged into {carrier.state.merge.into}")
        state = self.carriers.current(carrier.state)
        wanted = self._wanted(row, state, steps_there)
        changes = changes_by(state, wanted)
        if not changes:
            self.note(row, carrier_id, is_retired=carrier.state.state == RETIRED)
            return self._nothing(row, carrier)
        self._refuse_change(row, carrier, steps_there, wanted)
        self.note(row, carrier_id)
        steps = steps_for(carrier.id, wanted, changes)
        return RowPlan(
            row.number, CHANGE, carrier.id, carrier.version, carrier.state, changes, steps
        )

    def _done(
        self, row: Row, carrier: LoadedCarrier, steps_there: Sequence[str | None]
    ) -> RowPlan | None:
        """What the same import has done for the row already, if it has done all."""
        ours = [each for each in steps_there if each and not each.startswith(UNDO)]
        if LAST in ours:
            return RowPlan(row.number, CHANGE, carrier.id, carrier.version, done=True)
        last = self.id.of_carrier(row.number, LAST, carrier.id)
        if self.store.recorded_noop(carrier.id, last, self.deadline()) is None:
            return None
        kind = CHANGE if ours else NOTHING
        return RowPlan(row.number, kind, carrier.id, carrier.version, done=True)

    def _wanted(
        self, row: Row, state: CarrierState, steps_there: Sequence[str | None]
    ) -> dict[str, Any]:
        """The values that the row asks for and that no step of it has brought about already."""
        wanted = {
            field: value
            for field, value in row.values.items()
            if not any(_SENT.get(step or "") == field for step in steps_there)
        }
        if self.columns.schemes and IDENTIFIERS in wanted:
            wanted[IDENTIFIERS] = with_more(state.profile.identifiers, wanted[IDENTIFIERS])
        return wanted

    def _nothing(self, row: Row, carrier: LoadedCarrier) -> RowPlan:
        """A carrier that is retired stays as it is for ever; that another one was left as it is
        has to be recorded, or the row would be done later."""
        assert carrier.state is not None, "it is registered"  # noqa: S101
        is_final = carrier.state.state == RETIRED
        steps = () if is_final else (Step(LAST, UpdateProfile(carrier.id, {})),)
        return RowPlan(row.number, NOTHING, carrier.id, carrier.version, carrier.state, steps=steps)

    def _refuse_change(
        self,
        row: Row,
        carrier: LoadedCarrier,
        steps_there: Sequence[str | None],
        wanted: Mapping[str, Any],
    ) -> None:
        assert carrier.state is not None, "it is registered"  # noqa: S101
        if carrier.state.state == RETIRED:
            raise RefusedRow("The carrier is retired, which is final")
        if row.version is not None and None in steps_there[row.version :]:
            raise RefusedRow(
                f"The carrier has been changed since: it is at version {carrier.version}; look at"
                " it, then leave the version empty or write the present one",
                self.columns.name_of(VERSION),
            )
        if row.version is not None and row.version > carrier.version:
            raise RefusedRow(
                f"The carrier is at version {carrier.version} only", self.columns.name_of(VERSION)
            )
        if "email" in wanted and wanted["email"].text != self.carriers.current(carrier.state).email:
            self.trial.email(carrier, wanted["email"])
            if first := self.seen.first(_email_key(row.email)):
                raise _means_the_same(first)

    def note(self, row: Row, carrier_id: str, *, is_retired: bool = False) -> None:
        """Remember what the row names. Of a carrier that is retired that is only the carrier: its
        address is another's to take."""
        named = [] if is_retired else [*_email_key(row.email), *_identifier_keys(row)]
        self.seen.note([f"carrier:{carrier_id}", *named], row.number)

    def means_the_same(self, row: Row, carrier_id: str | None) -> int | None:
        """The row before that names the same carrier; one that is not there yet is known by its
        address and its identifiers."""
        if carrier_id is not None:
            return self.seen.first([f"carrier:{carrier_id}"])
        return self.seen.first([*_email_key(row.email), *_identifier_keys(row)])


def _refused(row: int, refused: RefusedRow) -> RowPlan:
    return RowPlan(row, REFUSE, sentence=refused.sentence, column=refused.column)


def _means_the_same(first: int) -> RefusedRow:
    return RefusedRow(f"Row {first} means the same carrier")


def _email_key(email: str | None) -> list[str]:
    return [] if email is None else [f"email:{comparable_email(email)}"]


def _identifier_keys(row: Row) -> list[str]:
    return [f"{scheme}:{value}" for scheme, value in sorted(row.identifiers)]
