"""Folding streams: a kept state saves reading, and is used only where it is right."""

import pytest

from app.application.deadline import Deadline
from app.application.ports import RecordedEvent
from app.application.projections.folding import Folded, Folder, IncompleteStream
from app.infrastructure.codec import JsonCodec
from tests.application.projections.world import World
from tests.support.stores import soon

NOTHING: frozenset[int] = frozenset()


class Reads:
    """The world's store; `reads` says from where to where each read went."""

    def __init__(self, world: World) -> None:
        self.reads: list[tuple[int, int | None]] = []
        original = world.events.read

        def read(
            stream: str, deadline: Deadline, after: int = 0, upto: int | None = None
        ) -> list[RecordedEvent]:
            self.reads.append((after, upto))
            return original(stream, deadline, after, upto)

        world.events.read = read  # type: ignore[method-assign]


@pytest.fixture
def names(world: World) -> World:
    """The stream "a" with the names 1 to 4."""
    world.register("a", "1")
    for name in "234":
        world.append("a", "CarrierRenamed", name=name)
    return world


def folder(world: World, most: int = 10) -> Folder:
    """An empty one."""
    return Folder(world.events, JsonCodec(), most)


def name_of(folded: Folded | None) -> tuple[str, int] | None:
    """And version."""
    return (folded.state.name, folded.version) if folded else None


def test_a_stream_is_folded_up_to_a_version(names: World) -> None:
    """Before the first event there is nothing."""
    folds = folder(names)
    assert folds.upto("a", 0, NOTHING, soon()) is None
    assert name_of(folds.upto("a", 3, NOTHING, soon())) == ("3", 3)
    assert name_of(folds.upto("a", 1, NOTHING, soon())) == ("1", 1)


def test_only_what_is_not_kept_is_read(names: World) -> None:
    """The same version needs no read, a later one only what is between."""
    folds, seen = folder(names), Reads(names)
    for version in (2, 2, 4):
        folds.upto("a", version, NOTHING, soon())
    assert seen.reads == [(0, 2), (2, 4)]


def test_what_was_not_asked_for_longest_is_forgotten_first(names: World) -> None:
    """So memory is bounded."""
    names.register("b")
    folds, seen = folder(names, most=1), Reads(names)
    for stream in ("a", "b", "b", "a"):
        folds.upto(stream, 1, NOTHING, soon())
    assert len(seen.reads) == 3


def test_an_event_that_is_left_out_changes_nothing_but_the_version(names: World) -> None:
    """Not the moment of the last change either."""
    folds = folder(names)
    before = folds.upto("a", 3, NOTHING, soon())
    without = folds.upto("a", 4, frozenset({4}), soon())
    assert before
    assert without
    assert (name_of(without), without.updated_at) == (("3", 4), before.updated_at)


def test_a_stream_without_its_first_event_begins_with_the_second(names: World) -> None:
    """With nothing left, there is no carrier."""
    folds = folder(names)
    assert folds.upto("a", 1, frozenset({1}), soon()) is None
    second = folds.upto("a", 2, frozenset({1}), soon())
    assert second
    assert (second.state.name, second.registered_at) == ("2", second.updated_at)


def test_a_kept_state_is_not_trusted_once_another_event_is_left_out(names: World) -> None:
    """Nor the other way round; one behind it makes no difference."""
    folds, seen = folder(names), Reads(names)
    assert name_of(folds.upto("a", 3, NOTHING, soon())) == ("3", 3)
    assert name_of(folds.upto("a", 3, frozenset({4}), soon())) == ("3", 3)
    assert seen.reads == [(0, 3)]
    assert name_of(folds.upto("a", 3, frozenset({3}), soon())) == ("2", 3)
    assert name_of(folds.upto("a", 3, NOTHING, soon())) == ("3", 3)


def test_a_stream_with_a_hole_is_not_folded(names: World) -> None:
    """What the feed told of has to be there."""
    with pytest.raises(IncompleteStream, match="4 of the 5 events after 0 up to 5"):
        folder(names).upto("a", 5, NOTHING, soon())
