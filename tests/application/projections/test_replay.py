"""Replaying streams: a kept state saves reads, and is used only where it is right."""

import pytest

from app.application.deadline import Deadline
from app.application.ports.event_store import RecordedEvent
from app.application.projections.replay import Folded, IncompleteStream, Replayer
from app.infrastructure.codec import JsonCodec
from tests.application.projections.world import World
from tests.support.stores import soon

NOTHING: frozenset[int] = frozenset()


class Reads:
    """The world's store; `reads` holds the versions from and to which each read went."""

    def __init__(self, world: World) -> None:
        self.reads: list[tuple[int, int | None]] = []
        original = world.events.read

        def read(
            stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
        ) -> list[RecordedEvent]:
            self.reads.append((after, through_version))
            return original(stream, deadline, after, through_version)

        world.events.read = read  # type: ignore[method-assign]


@pytest.fixture
def names(world: World) -> World:
    """The stream "a" with the names 1 to 4."""
    world.register("a", "1")
    for name in "234":
        world.append("a", "CarrierRenamed", name=name)
    return world


def replayer(world: World, maximum: int = 10) -> Replayer:
    """A replayer without any kept state."""
    return Replayer(world.events, JsonCodec(), maximum)


def name_of(folded: Folded | None) -> tuple[str, int] | None:
    """The carrier's name and version."""
    return (folded.state.name, folded.version) if folded else None


def test_a_stream_is_folded_up_to_a_version(names: World) -> None:
    """A replay gives the state at a version; before the first event there is none."""
    folds = replayer(names)
    assert folds.at("a", 0, NOTHING, soon()) is None
    assert name_of(folds.at("a", 3, NOTHING, soon())) == ("3", 3)
    assert name_of(folds.at("a", 1, NOTHING, soon())) == ("1", 1)


def test_only_what_is_not_kept_is_read(names: World) -> None:
    """A kept version needs no read, and a later one needs only the events between."""
    folds, seen = replayer(names), Reads(names)
    for version in (2, 2, 4):
        folds.at("a", version, NOTHING, soon())
    assert seen.reads == [(0, 2), (2, 4)]


def test_what_was_not_asked_for_longest_is_forgotten_first(names: World) -> None:
    """The number of kept states is bounded, and the oldest is dropped first."""
    names.register("b")
    folds, seen = replayer(names, maximum=1), Reads(names)
    for stream in ("a", "b", "b", "a"):
        folds.at(stream, 1, NOTHING, soon())
    assert len(seen.reads) == 3


def test_an_event_that_is_left_out_changes_nothing_but_the_version(names: World) -> None:
    """A discarded event changes the version only, not even the moment of the last change."""
    folds = replayer(names)
    before = folds.at("a", 3, NOTHING, soon())
    without = folds.at("a", 4, frozenset({4}), soon())
    assert before
    assert without
    assert (name_of(without), without.updated_at) == (("3", 4), before.updated_at)


def test_a_stream_without_its_first_event_begins_with_the_second(names: World) -> None:
    """Without its first event a stream begins with the second; without any there is no carrier."""
    folds = replayer(names)
    assert folds.at("a", 1, frozenset({1}), soon()) is None
    second = folds.at("a", 2, frozenset({1}), soon())
    assert second
    assert (second.state.name, second.registered_at) == ("2", second.updated_at)


def test_a_kept_state_is_not_trusted_once_another_event_is_left_out(names: World) -> None:
    """A kept state is used only for the same discarded events up to its version."""
    folds, seen = replayer(names), Reads(names)
    assert name_of(folds.at("a", 3, NOTHING, soon())) == ("3", 3)
    assert name_of(folds.at("a", 3, frozenset({4}), soon())) == ("3", 3)
    assert seen.reads == [(0, 3)]
    assert name_of(folds.at("a", 3, frozenset({3}), soon())) == ("2", 3)
    assert name_of(folds.at("a", 3, NOTHING, soon())) == ("3", 3)


def test_a_stream_with_a_hole_is_not_folded(names: World) -> None:
    """What the feed told of has to be there."""
    with pytest.raises(IncompleteStream, match="4 of the 5 events after 0 up to 5"):
        replayer(names).at("a", 5, NOTHING, soon())
