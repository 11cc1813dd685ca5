"""The projector: repeated, concurrent and late steps do not change the result."""

from functools import partial

import pytest

from app.application.projections import PROJECTIONS
from tests.application.projections.world import (
    CARRIERS,
    VIEWS,
    World,
    agrees,
    caught_up,
    live_of,
    write_history,
)
from tests.support.stores import soon
from tests.support.threads import at_once


@pytest.mark.parametrize("seed", range(4))
def test_views_show_what_the_streams_say(world: World, seed: int) -> None:
    """Views show the streams' state for any history and batch size, also when no state is kept."""
    write_history(world, seed, streams=8, events=80)
    for name, view in zip(PROJECTIONS, VIEWS, strict=True):
        projector = world.projector(name, batch=seed + 1, max_kept=seed)
        while projector.step(view, soon()):
            pass
    agrees(world)
    assert world.progress().checkpoint == world.feed.head(soon())


def test_a_step_says_how_many_events_it_took_in(world: World) -> None:
    """A step returns the number of applied events; at 0 it writes nothing."""
    for stream in "abcd":
        world.register(stream)
    projector = world.projector(batch=3)
    assert [projector.step(CARRIERS, soon()) for _ in range(3)] == [3, 1, 0]
    assert world.views.commits == 2


def test_a_step_takes_in_less_where_there_is_much_to_write(world: World) -> None:
    """A step with very many terms ends early, as its commit would miss every deadline and be
    repeated for ever."""
    countries = [f"{one}{other}" for one in "ABCDEFGHIJKLMNOP" for other in "ABCDEFGHIJKLMNOP"]
    for stream in "ab":
        world.register(stream)
    for stream in "ab":
        world.cover(stream, "air", *countries)
    projector = world.projector(batch=4)
    assert [projector.step(CARRIERS, soon()) for _ in range(3)] == [3, 1, 0]
    assert len(world.views.find(CARRIERS, "name", ["country:jj"], None, 9, soon())) == 2


def test_a_projector_that_wakes_up_late_changes_nothing(world: World) -> None:
    """A projector that was paused before its commit finds that others have gone on, and writes
    nothing."""
    write_history(world, 5, streams=4, events=40)
    for view in VIEWS:
        late = world.projector(view.name, batch=7)
        world.views.meanwhile = [partial(world.take_in, view.name)]
        assert late.step(view, soon()) == 0
        assert world.progress(view).checkpoint == world.feed.head(soon())
    agrees(world)


def test_what_the_late_one_kept_is_still_right(world: World) -> None:
    """The states that a late projector kept are right for the next events."""
    write_history(world, 6, streams=3, events=12)
    late = world.projector(batch=100)
    world.views.meanwhile = [partial(world.take_in, "carriers")]
    assert late.step(CARRIERS, soon()) == 0
    write_history(world, 7, streams=3, events=12)
    for stream in list(world.versions):
        world.append(stream, "CarrierRenamed", name="Another")
    assert late.step(CARRIERS, soon()) > 0
    agrees(world, CARRIERS)


def test_projectors_that_work_at_once_make_the_same_view_as_one(world: World) -> None:
    """Of several projectors one applies each position."""
    write_history(world, 8, streams=8, events=80)
    projectors = [world.projector(name, batch=2) for name in PROJECTIONS for _ in range(2)]
    at_once(
        len(projectors),
        lambda number: caught_up(projectors[number], live_of(projectors[number])),
    )
    agrees(world)


def test_the_same_events_once_more_change_nothing(world: World) -> None:
    """Two projectors with the same progress write an event once, and a new generation with other
    batches shows the same."""
    write_history(world, 9, streams=5, events=40)
    world.take_in()
    for view in VIEWS:
        again = world.views.begin(view.projection, soon())
        projector = world.projector(view.name, batch=11)
        twin = world.projector(view.name, batch=11)
        while world.progress(again).checkpoint < world.feed.head(soon()):
            world.views.meanwhile = [partial(twin.step, again, soon())]
            assert projector.step(again, soon()) == 0
        assert world.views.differences(view, again, soon()) == 0
    agrees(world)


def test_a_row_is_not_found_any_longer_by_what_it_was_within_a_batch(world: World) -> None:
    """The store gets every former row of a batch, the one before the batch first, and removes its
    terms."""
    world.register("a", "One")
    projector = world.projector(batch=10)
    projector.step(CARRIERS, soon())
    for name in ("Two", "Three"):
        world.append("a", "CarrierRenamed", name=name)
    projector.step(CARRIERS, soon())
    assert not world.views.find_prefix(CARRIERS, "name", "on", None, 9, soon())
    assert not world.views.find_prefix(CARRIERS, "name", "tw", None, 9, soon())
    assert world.views.find_prefix(CARRIERS, "name", "th", None, 9, soon()) == [("three", "a")]
