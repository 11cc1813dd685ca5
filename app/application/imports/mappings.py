"""Which column of a file is which field, as it was kept under a name: for all who import."""

from collections.abc import Mapping, Sequence

from app.application.deadline import Deadline
from app.application.imports.columns import Columns, given, guessed
from app.application.imports.file import BadFile
from app.application.repository import ColumnMappingsRepository
from app.domain.column_mappings import COLUMN_MAPPINGS_ID, ColumnMapping


class UnknownMapping(BadFile):
    """No column mapping is kept under the name."""


def kept_mappings(
    mappings: ColumnMappingsRepository, deadline: Deadline
) -> Mapping[str, ColumnMapping]:
    """All that are kept, by their names in order. Raises StoreUnavailable, UnreadableEvent."""
    state = mappings.load(COLUMN_MAPPINGS_ID, deadline).state
    return dict(sorted(state.kept.items())) if state else {}


def columns_by(
    name: str | None, header: Sequence[str], mappings: ColumnMappingsRepository, deadline: Deadline
) -> Columns:
    """The columns of a file by the mapping with this name; guessed, without one. Raises
    UnknownMapping; BadFile if the file has not all columns that the mapping names;
    StoreUnavailable."""
    if not name:
        return guessed(header)
    chosen = kept_mappings(mappings, deadline).get(name)
    if chosen is None:
        raise UnknownMapping(f"No column mapping is kept as {name}")
    return given(header, chosen)
