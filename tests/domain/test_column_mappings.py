"""The column mappings: what is kept under which name, and what they are after their events."""

import pytest

from app.domain.column_mappings import (
    COLUMN_MAPPINGS_ID,
    MAX_BYTES,
    MAX_MAPPINGS,
    ColumnMappingEvent,
    ColumnMappingForgotten,
    ColumnMappingKept,
    ColumnMappings,
    ForgetColumnMapping,
    KeepColumnMapping,
)
from app.domain.errors import InvalidInput, NothingThere
from app.domain.streams import aggregate_of
from tests.support.commits import MOMENT

MAPPING = {"Company": "name", "E-Mail": "email", "Remarks": None}


def after(*events: ColumnMappingEvent) -> ColumnMappings:
    """The mappings after these events."""
    return ColumnMappings.replay(COLUMN_MAPPINGS_ID, events)


def recorded(
    mappings: ColumnMappings, command: KeepColumnMapping | ForgetColumnMapping
) -> tuple[object, ...]:
    """What the command leads to."""
    mappings.carry_out(command, MOMENT)
    return mappings.recorded


def test_their_stream_is_the_same_for_ever() -> None:
    """Stored events are under this id: another one would lose the mappings of every registry."""
    assert COLUMN_MAPPINGS_ID == "7dd86c79-cd42-5cf4-b4cd-96494e3cd63b"
    assert aggregate_of(COLUMN_MAPPINGS_ID) is ColumnMappings


def test_a_mapping_takes_the_place_of_a_former_one_of_its_name() -> None:
    """The others stay; to keep what is kept records nothing."""
    mappings = after(ColumnMappingKept("a", MAPPING), ColumnMappingKept("b", MAPPING))
    assert recorded(mappings, KeepColumnMapping("a", dict(reversed(MAPPING.items())))) == ()
    kept = ColumnMappingKept("a", {"Firma": "name"})
    assert recorded(mappings, KeepColumnMapping("a", {"Firma": "name"})) == (kept,)
    assert mappings.state is not None
    assert mappings.state.as_json() == {"mappings": {"b": MAPPING, "a": {"Firma": "name"}}}


def test_a_mapping_that_is_forgotten_is_kept_no_longer() -> None:
    """It makes room for another one; one that is not there cannot be forgotten."""
    mappings = after(*(ColumnMappingKept(str(each), MAPPING) for each in range(MAX_MAPPINGS)))
    with pytest.raises(InvalidInput, match="forget one before"):
        recorded(mappings, KeepColumnMapping("one more", MAPPING))
    with pytest.raises(NothingThere, match="No column mapping is kept as none"):
        recorded(mappings, ForgetColumnMapping("none"))
    assert recorded(mappings, ForgetColumnMapping("7")) == (ColumnMappingForgotten("7"),)
    assert len(recorded(mappings, KeepColumnMapping("one more", MAPPING))) == 2


@pytest.mark.parametrize(
    "forgotten", [ColumnMappingForgotten("a"), ColumnMappingKept("a", {})], ids=["now", "before"]
)
def test_what_was_forgotten_stays_so(forgotten: ColumnMappingEvent) -> None:
    """Also by the event of code that had none for it: one that keeps no columns."""
    mappings = after(ColumnMappingKept("a", MAPPING), ColumnMappingKept("b", MAPPING), forgotten)
    assert mappings.state is not None
    assert mappings.state.as_json() == {"mappings": {"b": MAPPING}}


@pytest.mark.parametrize("name", ["", "a" * 101, "a\nb"])
def test_a_name_is_a_line_of_text(name: str) -> None:
    """So that lists of names can be read."""
    with pytest.raises(InvalidInput, match="1 to 100 characters"):
        recorded(after(), KeepColumnMapping(name, MAPPING))


def test_a_mapping_is_small_enough_for_an_event() -> None:
    """Whatever the header of a file is."""
    with pytest.raises(InvalidInput, match="too long names"):
        recorded(after(), KeepColumnMapping("a", {"x" * MAX_BYTES: None}))
