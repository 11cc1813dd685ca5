"""Rebuilding a view: the new generation equals the live one, wherever a run was killed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.views import Changes, Generations, View, ViewStore
from app.application.projections import PROJECTIONS
from app.application.projections.rebuild import Rebuilt, rebuild
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
    """Do one rebuild, over these views or else the world's."""
    projector = world.projector(name, views=views)
    return rebuild(projector, views or world.views, world.feed, soon, say, sleep, batch=11)


def generations(world: World, name: str = "carriers") -> Generations:
    """The generations of that projection."""
    return world.views.generations(PROJECTIONS[name].key, soon())


def live(world: World, generation: int | None = None) -> View:
    """That generation of the directory's view, or the live one."""
    return View(CARRIERS.projection, generation or generations(world).live or 0)


@pytest.mark.parametrize("former", [CARRIERS, STATISTICS])
def test_the_new_generation_is_like_the_live_one(world: World, former: View) -> None:
    """The new generation becomes live, and the former one is dropped."""
    write_history(world, 1, streams=6, events=50)
    world.take_in()
    seen: list[tuple[int, int]] = []
    slept: list[float] = []
    built = run(
        world, former.name, say=lambda at, head: seen.append((at, head)), sleep=slept.append
    )
    head = world.feed.head(soon())
    assert built == Rebuilt(View(former.projection, 2), head, differences=0)
    assert generations(world, former.name) == Generations(2)
    agrees(world, built.view)
    assert seen == [(at, head) for at in (*range(0, head, 11), head)]
    assert slept == [5.0]
    assert not world.views.rows(former, world.versions, soon())
    assert not world.views.counts(former, soon())


def test_a_comparison_may_take_longer_than_a_step(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison has its own time limit, as it reads both generations as a whole."""
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
    """A rebuild corrects a wrong view and reports the number of differences."""
    write_history(world, 2, streams=6, events=30)
    world.take_in()
    progress = world.progress(STATISTICS)
    wrong = {"total": 99, "state:lost": 1}
    world.views.commit(STATISTICS, progress, Changes(progress.checkpoint, counts=wrong), soon())
    built = run(world, "statistics")
    assert built.differences == 2
    agrees(world, built.view)


def test_a_live_view_that_lags_is_brought_up_to_be_compared(world: World) -> None:
    """The comparison works with and without a running follower."""
    write_history(world, 3, streams=6, events=30)
    assert run(world).differences == 0


def test_traffic_does_not_keep_a_rebuild_from_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no two equal checkpoints can be compared, the rebuild reports that and swaps."""
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
    assert built.view == live(world, 2)
    agrees(world, built.view)


def test_what_was_discarded_meanwhile_is_left_out_of_the_new_one(world: World) -> None:
    """An event that is discarded during a rebuild is discarded from the new generation too."""
    world.register("a")
    world.append("a", "CarrierMerged")
    world.append("a", "CarrierRenamed", name="After")
    view = world.views.begin(CARRIERS.projection, soon())
    caught_up(world.projector(), view)
    world.take_in()
    assert world.views.request(CARRIERS, "a", "unknown", soon())
    world.discarded.add(("a", 2))
    built = run(world)
    assert (built.view, built.differences) == (view, 0)
    assert not world.progress(view).parked
    agrees(world, view)


def test_a_discard_between_swap_and_drop_is_not_lost(world: World) -> None:
    """A discard requested on the former generation after the swap applies to the live one."""
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
    """After a run that was killed at its swap, the next run waits before it drops the former
    generation."""
    write_history(world, 8, streams=6, events=30)
    world.take_in()
    view = world.views.begin(CARRIERS.projection, soon())
    caught_up(world.projector(), view)
    world.views.swap(view, soon())
    kept: list[bool] = []
    run(world, sleep=lambda _: kept.append(world.progress(CARRIERS).checkpoint > 0))
    assert kept == [True, False]


def test_another_run_that_was_faster_is_no_trouble(world: World) -> None:
    """A run succeeds if another run has swapped the same generation."""
    write_history(world, 5, streams=6, events=30)
    progress: list[Rebuilt] = []

    def other(at: int, head: int) -> None:
        if at == head and not progress:
            progress.append(Rebuilt(CARRIERS, 0, None))
            progress.append(run(world))

    built = run(world, say=other)
    assert built.view == progress[1].view == live(world)
    agrees(world, built.view)


def test_a_drop_that_takes_several_calls_is_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drop that misses its deadline is repeated; an unavailable store is reported."""
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
    """The process ends here."""


class DyingViews:
    """The world's view store, which kills the process before or after its n-th call."""

    def __init__(self, world: World, calls: int, *, after: bool) -> None:
        self._views = world.views
        self._calls = calls
        self._after = after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The store's own attribute; kills the process at the chosen call."""

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
    """After a kill at any call of the view store, the next run ends with the same rows and nothing
    left over."""
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
            agrees(world, live(world, before.live))
            built = run(world)
            assert built.differences == 0
        else:
            killed = False
        last = live(world).generation
        assert generations(world) == Generations(last)
        agrees(world, live(world))
        for former in range(1, last):
            assert not world.views.rows(live(world, former), world.versions, soon())
    assert calls > 20
    world.close()
