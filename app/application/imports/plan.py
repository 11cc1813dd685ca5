"""What an import does to a row's carrier: the plan, and the ids that make it happen once.

An import's id follows from the file's bytes, its columns and a name; a commit's id from the
import's id, the row's number and a step. So whoever starts the same import again means the same
commits, and the streams tell which of them are there.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from app.application.history import Change
from app.application.imports.columns import Columns
from app.application.imports.file import CsvFile
from app.domain.carrier import CarrierState
from app.domain.command import Command

CREATE, CHANGE, NOTHING, REFUSE = "create", "change", "nothing", "refuse"
KINDS = (CREATE, CHANGE, NOTHING, REFUSE)

LAST = "last"
"""The step that a row ends with, whichever command that is: once its commit is in a stream, or the
record that it was a no-op, the row is done."""

_IMPORTS = UUID("6a1b1c5e-7d1f-5f0e-9a55-3c1f0f9f2d41")


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a row, and the name that its commit's id is made of."""

    name: str
    command: Command


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What is to be done for a row, or was (`done`).

    `version` is the one that the plan rests on, 0 for a carrier that is not there yet; `state` is
    the carrier's there, if that was read. A row that is refused has a `sentence`, and the `column`
    if one is at fault.
    """

    row: int
    kind: str
    carrier_id: str | None = None
    version: int = 0
    state: CarrierState | None = None
    changes: tuple[Change, ...] = ()
    steps: tuple[Step, ...] = ()
    done: bool = False
    sentence: str = ""
    column: str | None = None

    @property
    def digest(self) -> int:
        """64 bits of what was planned, to be compared with a later plan."""
        text = json.dumps(
            [
                self.kind,
                self.carrier_id,
                self.version,
                [(each.field, each.was, each.became) for each in self.changes],
            ],
            sort_keys=True,
        )
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


@dataclass(frozen=True, slots=True)
class ImportId:
    """Which import it is, and the ids of its commits."""

    id: UUID

    @classmethod
    def of(cls, file: CsvFile, columns: Columns, name: str = "") -> "ImportId":
        """The import of this file with these columns. Another `name` is another import."""
        text = json.dumps([file.digest, columns.header, columns.fields, name])
        return cls(uuid5(_IMPORTS, text))

    def commit(self, row: int, step: str) -> UUID:
        """The commit of a row's step, before it is one of a carrier."""
        return uuid5(self.id, f"{row}:{step}")

    def new_carrier_id(self, row: int) -> str:
        """The carrier that the row registers, if it registers one."""
        return str(uuid5(self.commit(row, REGISTER), "carrier"))

    def fingerprint(self, row: int) -> str:
        """Of what the row asks for: the import's id stands for the whole file."""
        return hashlib.sha256(f"{self.id}:{row}".encode()).hexdigest()

    @property
    def correlation_id(self) -> str:
        """What all events of the import are correlated with."""
        return self.id.hex

    def steps_of(
        self, row: int, carrier_id: str, commits: Sequence[UUID | None]
    ) -> list[str | None]:
        """For each event of a carrier's stream, by its commit, the step of the row that it comes
        from; None for others' events."""
        if not any(commits):  # of most carriers: spares making the ids
            return [None] * len(commits)
        named = {
            (
                self.commit(row, step)
                if step == REGISTER
                else self.of_carrier(row, step, carrier_id)
            ): step
            for step in STEPS
        }
        return [None if each is None else named.get(each) for each in commits]

    def of_carrier(self, row: int, step: str, carrier_id: str) -> UUID:
        """The commit of a step that changes this carrier; see `CommandContext.for_stream`."""
        return uuid5(self.commit(row, step), carrier_id)


REGISTER, CHANGE_EMAIL, RENAME, UPDATE_PROFILE, RETIRE = (
    "register",
    "change-email",
    "rename",
    "update-profile",
    "retire",
)
_CHANGES = (CHANGE_EMAIL, RENAME, UPDATE_PROFILE)
UNDO = "undo-"
STEPS = (REGISTER, *_CHANGES, LAST, *(UNDO + each for each in (RETIRE, *_CHANGES)))
