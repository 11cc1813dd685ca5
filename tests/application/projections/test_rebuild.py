"""Rebuilding a view: the new one is what the live one should be, wherever a run was killed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.application.projections.rebuild import Rebuilt, rebuild
from app.application.views import Changes, Generations, View, ViewStore
from tests.application.projections.world import (
    CARRIERS,
    MOST,
    STATISTICS,
    World,
    agrees,
    caught_up,
    write_history,
)
from tests.support.stores import soon


def run(
    world: World,
    name: str = "carriers",
    views: ViewStore | None = None,
    say: Callable[[int, int], None] = lambda _at, _head: None,
    sleep: Callable[[float], None] = lambda _seconds: None,
) -> Rebuilt:
    """One run, over these views if they are not the world's own."""
    projector = world.projector(name, views=views)
    return rebuild(projector, views or world.views, world.feed, soon, say, sleep, batch=11)


def generations(world: World, name: str = "carriers") -> Generations:
    """Of that projection."""
    return world.views.generations(name, soon())


@pytest.mark.parametrize("live", [CARRIERS, STATISTICS])
def test_the_new_generation_is_like_the_live_one(world: World, live: View) -> None:
    """It takes its place, and the former one is gone."""
    write_history(world, 1, streams=6, events=50)
    world.take_in()
    seen: list[tuple[int, int]] = []
    slept: list[float] = []
    built = run(
        world, live.projection, say=lambda at, head: seen.append((at, head)), sleep=slept.append
    )
    head = world.feed.head(soon())
    assert built == Rebuilt(View(live.projection, 2), head, differences=0)
    assert generations(world, live.projection) == Generations(2)
    agrees(world, built.view)
    assert seen == [(at, head) for at in (*range(0, head, 11), head)]
    assert slept == [5.0]
    assert not world.views.rows(live, world.versions, soon())
    assert not world.views.counts(live, soon())


def test_a_comparison_may_take_longer_than_a_step(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads both views as a whole: with very many carriers it would never end in time."""
    write_history(world, 1, streams=6, events=50)
    compare = world.views.differences
    seconds: list[float] = []

    def timed(one: View, other: View, deadline: Deadline) -> int:
        seconds.append(deadline.remaining())
        return compare(one, other, deadline)

    monkeypatch.setattr(world.views, "differences", timed)
    assert run(world).differences == 0
    assert min(seconds) > 10 * soon().remaining()


def test_a_live_view_that_went_wrong_is_made_right(world: World) -> None:
    """And how much was wrong is said."""
    write_history(world, 2, streams=6, events=30)
    world.take_in()
    progress = world.progress(STATISTICS)
    wrong = {"total": 99, "state:lost": 1}
    world.views.commit(STATISTICS, progress, Changes(progress.checkpoint, counts=wrong), soon())
    built = run(world, "statistics")
    assert built.differences == 2
    agrees(world, built.view)


def test_a_live_view_that_lags_is_brought_up_to_be_compared(world: World) -> None:
    """Whether a follower runs makes no difference."""
    write_history(world, 3, streams=6, events=30)
    assert run(world).differences == 0


def test_traffic_does_not_keep_a_rebuild_from_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no two equal checkpoints can be compared, it says so and swaps all the same."""
    write_history(world, 4, streams=6, events=30)
    compare = world.views.differences

    def busy(*args: Any) -> int:  # noqa: ANN401
        found = compare(*args)
        write_history(world, 4, streams=6, events=3)
        world.take_in()
        return found

    monkeypatch.setattr(world.views, "differences", busy)
    built = run(world)
    assert built.differences is None
    world.take_in()
    assert built.view == View("carriers", 2)
    agrees(world, built.view)


def test_what_was_discarded_meanwhile_is_left_out_of_the_new_one(world: World) -> None:
    """It was begun before the discard, so it parks the stream first."""
    world.register("a")
    world.append("a", "CarrierMerged")
    world.append("a", "CarrierRenamed", name="After")
    view = world.views.begin("carriers", soon())
    caught_up(world.projector(), view)
    world.take_in()
    assert world.views.request(CARRIERS, "a", "unknown", soon())
    world.discarded.add(("a", 2))
    built = run(world)
    assert (built.view, built.differences) == (view, 0)
    assert not world.progress(view).parked
    agrees(world, view)


def test_a_discard_between_swap_and_drop_is_not_lost(world: World) -> None:
    """Who asked may not have known yet which generation is live."""
    world.register("a")
    world.append("a", "CarrierMerged")
    world.take_in()

    def ask(_seconds: float) -> None:
        assert world.views.request(CARRIERS, "a", "unknown", soon())

    built = run(world, sleep=ask)
    assert not world.progress(built.view).parked
    world.discarded.add(("a", 2))
    agrees(world, built.view)


def test_readers_get_their_time_also_after_a_run_that_was_killed(world: World) -> None:
    """It had just swapped: what they may still read is dropped after a pause only."""
    write_history(world, 8, streams=6, events=30)
    world.take_in()
    view = world.views.begin("carriers", soon())
    caught_up(world.projector(), view)
    world.views.swap(view, soon())
    kept: list[bool] = []
    run(world, sleep=lambda _: kept.append(world.progress(CARRIERS).checkpoint > 0))
    assert kept == [True, False]


def test_another_run_that_was_faster_is_no_trouble(world: World) -> None:
    """It built and swapped the very same generation."""
    write_history(world, 5, streams=6, events=30)
    progress: list[Rebuilt] = []

    def other(at: int, head: int) -> None:
        if at == head and not progress:
            progress.append(Rebuilt(CARRIERS, 0, None))
            progress.append(run(world))

    built = run(world, say=other)
    assert built.view == progress[1].view == View("carriers", generations(world).live)
    agrees(world, built.view)


def test_a_drop_that_takes_several_calls_is_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large generation is not dropped within one deadline; a store that is away is told of."""
    write_history(world, 6, streams=6, events=30)
    drop = world.views.drop
    fails = [True] * 3

    def slow(*args: Any) -> None:  # noqa: ANN401
        if fails and fails.pop():
            raise StoreUnavailable("no time left")
        drop(*args)

    monkeypatch.setattr(world.views, "drop", slow)
    run(world)
    assert not world.views.rows(CARRIERS, world.versions, soon())
    fails[:] = [True] * MOST
    with pytest.raises(StoreUnavailable):
        run(world)


class Killed(BaseException):
    """The process ends here; nothing behind it is done."""


class DyingViews:
    """The world's view store, until the process is killed before or after its n-th call."""

    def __init__(self, world: World, calls: int, *, after: bool) -> None:
        self._views = world.views
        self._calls = calls
        self._after = after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The store's own, and perhaps the end."""

        def call(*args: Any) -> Any:  # noqa: ANN401
            self._calls -= 1
            if not self._calls and not self._after:
                raise Killed
            answer = getattr(self._views, name)(*args)
            if not self._calls:
                raise Killed
            return answer

        return call


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_was_killed_anywhere_goes_on(tmp_path: Path, *, after: bool) -> None:
    """At whichever call of the view store: the next run ends with the same rows, and nothing
    else is left."""
    world = World(tmp_path)
    write_history(world, 7, streams=5, events=30)
    world.take_in()
    calls, killed = 0, True
    while killed:
        calls += 1
        dying: Any = DyingViews(world, calls, after=after)
        try:
            run(world, views=dying)
        except Killed:
            before = generations(world)
            agrees(world, View("carriers", before.live))
            built = run(world)
            assert built.differences == 0
        else:
            killed = False
        live = generations(world).live
        assert generations(world) == Generations(live)
        agrees(world, View("carriers", live))
        for former in range(1, live):
            assert not world.views.rows(View("carriers", former), world.versions, soon())
    assert calls > 20
    world.close()
