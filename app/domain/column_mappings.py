"""The column mappings as an aggregate: which column of a file is which field, kept under names for
imports of files with such columns. Imports only the domain."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from app.domain.aggregate import AggregateRoot, Event
from app.domain.command import PROFILE, Change, Declaration
from app.domain.errors import InvalidInput, NothingThere
from app.domain.profile import compared

COLUMN_MAPPINGS_ID = str(uuid5(UUID("6f0d1d3a-3d0c-5b52-9a53-0c0f5b0f6f5e"), "column-mappings"))
"""The stream of all column mappings, the same in every registry."""

MAX_MAPPINGS = 100
MAX_NAME_CHARACTERS = 100
MAX_BYTES = 16_384
"""Of one mapping as JSON: an event with it is far below what a store takes."""

ColumnMapping = Mapping[str, Any]
"""The field by the column's name; None for a column that is left alone."""


@dataclass(frozen=True, slots=True)
class ColumnMappingsState:
    """The mappings by their names."""

    kept: Mapping[str, ColumnMapping] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """In a word: whether there are any."""
        return "kept" if self.kept else "none"

    @property
    def unique_values(self) -> frozenset[tuple[str, str]]:
        """None: all mappings are in one stream."""
        return frozenset()

    def as_json(self) -> dict[str, Any]:
        """As the API shows them."""
        return {"mappings": dict(self.kept)}


@dataclass(frozen=True, slots=True)
class ColumnMappingEvent(Event[ColumnMappingsState]):
    """What has happened to the column mappings."""


@dataclass(frozen=True, slots=True)
class ColumnMappingKept(ColumnMappingEvent):
    """A mapping is kept under this name from now on, in the place of a former one. Where it has no
    columns, the name was forgotten: stored before there was an event for that."""

    name: str
    columns: Mapping[str, Any]

    def apply(self, state: ColumnMappingsState) -> ColumnMappingsState:
        """See `Event`."""
        others = _without(state, self.name)
        return ColumnMappingsState(others | {self.name: self.columns} if self.columns else others)


@dataclass(frozen=True, slots=True)
class ColumnMappingForgotten(ColumnMappingEvent):
    """No mapping is kept under this name any longer."""

    name: str

    def apply(self, state: ColumnMappingsState) -> ColumnMappingsState:
        """See `Event`."""
        return ColumnMappingsState(_without(state, self.name))


def _without(state: ColumnMappingsState, forgotten: str) -> dict[str, ColumnMapping]:
    return {name: columns for name, columns in state.kept.items() if name != forgotten}


class ColumnMappings(AggregateRoot[ColumnMappingsState, ColumnMappingEvent]):
    """One in each registry, in the stream COLUMN_MAPPINGS_ID."""

    noun = "column-mappings"

    @classmethod
    def initial(cls) -> ColumnMappingsState:
        """See `AggregateRoot`."""
        return ColumnMappingsState()

    @staticmethod
    def evolve(state: ColumnMappingsState | None, event: ColumnMappingEvent) -> ColumnMappingsState:
        """See `AggregateRoot.evolve`."""
        return event.apply(state or ColumnMappingsState())

    def carry_out(self, command: "KeepColumnMapping | ForgetColumnMapping", now: datetime) -> None:
        """See `AggregateRoot.carry_out`."""
        for event in command.decide(self.state or ColumnMappingsState(), now):
            self.record(event)


@dataclass(frozen=True, slots=True)
class KeepColumnMapping(Change):
    """A mapping and its name."""

    name: str
    columns: ColumnMapping

    @property
    def stream(self) -> str:
        """See `Change`."""
        return COLUMN_MAPPINGS_ID

    def decide(self, state: ColumnMappingsState, now: datetime) -> Iterator[ColumnMappingEvent]:
        """See `Command`. To keep what is kept changes nothing."""
        if compared(dict(state.kept.get(self.name, {}))) == compared(dict(self.columns)):
            return
        is_name = 0 < len(self.name) <= MAX_NAME_CHARACTERS and self.name.isprintable()
        if not is_name or self.name != self.name.strip(" /"):
            raise InvalidInput(
                "keep_mapping",
                f"The name of a mapping must be 1 to {MAX_NAME_CHARACTERS} characters of one line,"
                " the first and the last of them neither a blank nor a slash",
            )
        if len(json.dumps(dict(self.columns)).encode()) > MAX_BYTES:
            raise InvalidInput("keep_mapping", "The columns have too long names to be kept")
        if self.name not in state.kept and len(state.kept) >= MAX_MAPPINGS:
            raise InvalidInput(
                "keep_mapping", f"There are {MAX_MAPPINGS} mappings: forget one before"
            )
        yield ColumnMappingKept(self.name, self.columns)


@dataclass(frozen=True, slots=True)
class ForgetColumnMapping(Change):
    """The name of a mapping that is to be kept no longer."""

    name: str

    @property
    def stream(self) -> str:
        """See `Change`."""
        return COLUMN_MAPPINGS_ID

    def decide(self, state: ColumnMappingsState, now: datetime) -> Iterator[ColumnMappingEvent]:
        """See `Command`. Raises NothingThere."""
        if self.name not in state.kept:
            raise NothingThere("column-mapping", f"No column mapping is kept as {self.name}")
        yield ColumnMappingForgotten(self.name)


KEEP = Declaration(
    "keep-column-mapping",
    KeepColumnMapping,
    (ColumnMappingKept,),
    summary="Keep which column of a file is which field, under a name.",
    group=PROFILE,
)

FORGET = Declaration(
    "forget-column-mapping",
    ForgetColumnMapping,
    (ColumnMappingForgotten,),
    summary="Forget which column of a file is which field, as kept under a name.",
    group=PROFILE,
)
