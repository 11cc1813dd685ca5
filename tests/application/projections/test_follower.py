"""The follower: views that readers are given stay up with the feed, whatever fails meanwhile."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.feed import Sequencer, StepResult
from app.application.ports.views import View
from app.application.projections import PROJECTIONS
from app.application.projections.follower import FollowedView, Follower
from tests.application.projections.world import CARRIERS, World, agrees, write_history
from tests.support.stores import soon

NEVER = 3600.0


@pytest.fixture
def follow(world: World) -> Iterator[Callable[..., Follower]]:
    """follow(), which starts one over the world; closed after the test."""
    started: list[Follower] = []

    def start(sequencer: Sequencer | None = None, poll_seconds: float = NEVER) -> Follower:
        views = [FollowedView(world.projector(name), keeps_up=True) for name in PROJECTIONS]
        follower = Follower(views, sequencer, poll_seconds)
        started.append(follower)
        follower.start()
        return follower

    yield start
    for follower in started:
        follower.close()
    assert not {"projections", "sequencer"} & {thread.name for thread in threading.enumerate()}


def until(what: Callable[[], object]) -> None:
    """Wait for it."""
    deadline = soon()
    while not what():
        assert not deadline.expired
        time.sleep(0.005)


def is_up(world: World, generation: int = 1) -> bool:
    """Whether both live views hold everything."""
    head = world.feed.head(soon())
    views = (View(each.key, generation) for each in PROJECTIONS.values())
    return all(world.progress(view).checkpoint == head for view in views)


def test_a_wake_is_enough(world: World, follow: Callable[..., Follower]) -> None:
    """The views hold what was there at the start, and later what the follower is woken for."""
    write_history(world, 1, streams=4, events=12)
    follower = follow()
    until(lambda: is_up(world))
    write_history(world, 2, streams=4, events=12)
    follower.wake()
    until(lambda: is_up(world))
    agrees(world)


def test_it_looks_by_itself(world: World, follow: Callable[..., Follower]) -> None:
    """Other processes append, and wake nobody here."""
    follow(poll_seconds=0.01)
    world.register("a")
    until(lambda: is_up(world))


def test_it_follows_a_swap(world: World, follow: Callable[..., Follower]) -> None:
    """What comes after goes to the generation that is live then."""
    follower = follow()
    for each in PROJECTIONS.values():
        view = world.views.begin(each.key, soon())
        world.views.swap(view, soon())
    world.register("a")
    follower.wake()
    until(lambda: is_up(world, 2))


def test_requests_on_parked_streams_are_carried_out(
    world: World, follow: Callable[..., Follower]
) -> None:
    """Also when nothing new is in the feed."""
    follower = follow()
    world.append("a", "CarrierMerged")
    follower.wake()
    until(lambda: world.progress().parked)
    assert world.views.request(CARRIERS, "a", "unknown", soon())
    follower.wake()
    until(lambda: not world.progress().parked)


def test_an_outage_is_told_once_and_waited_out(
    world: World,
    follow: Callable[..., Follower],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With one line when it begins and one when it is over."""
    caplog.set_level(logging.INFO)
    fails = [StoreUnavailable("away")] * 6
    read = world.feed.read

    def shaky(*args: Any) -> Any:  # noqa: ANN401
        if fails:
            raise fails.pop()
        return read(*args)

    monkeypatch.setattr(world.feed, "read", shaky)
    world.register("a")
    follow()
    until(lambda: is_up(world))
    until(lambda: len(caplog.messages) == 2)
    assert caplog.messages == [
        "the projections thread waits for the store: away",
        "the projections thread goes on",
    ]


def test_no_error_ends_it(
    world: World,
    follow: Callable[..., Follower],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A flaw that strikes one projection is logged with its traceback; the others go on."""
    commit = world.views.commit
    fails = [True] * 2

    def flawed(view: View, *args: Any) -> None:  # noqa: ANN401
        if view == CARRIERS and fails and fails.pop():
            raise RuntimeError("a flaw")
        commit(view, *args)

    monkeypatch.setattr(world.views, "commit", flawed)
    world.register("a")
    follow()
    until(lambda: is_up(world))
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


class Scripted:
    """A sequencer that registers a carrier in each step that works."""

    def __init__(
        self, world: World, *rounds: StepResult, then: StepResult = StepResult.IDLE
    ) -> None:
        self.steps = 0
        self._world = world
        self._rounds = iter(rounds)
        self._then = then

    def step(self, _: Deadline) -> StepResult:
        """See `feed.Sequencer`."""
        done = next(self._rounds, self._then)
        if done is StepResult.WORKED:
            self._world.register(f"carrier-{self._world.feed.head(soon())}")
        self.steps += 1
        return done


def test_it_goes_on_at_once_while_there_is_more_to_sequence(
    world: World, follow: Callable[..., Follower]
) -> None:
    """The views take in what was sequenced without waiting for their next poll."""
    follow(Scripted(world, StepResult.WORKED, StepResult.WORKED))
    until(lambda: world.feed.head(soon()) == 2 and is_up(world))
    agrees(world)


def test_while_another_process_sequences_the_views_are_left_to_it(
    world: World, follow: Callable[..., Follower]
) -> None:
    """Two that write the same would only be in each other's way."""
    world.register("a")
    sequencer = Scripted(world, then=StepResult.STANDING_BY)
    follow(sequencer, poll_seconds=0.001)
    until(lambda: sequencer.steps > 20)
    assert world.progress().checkpoint == 0


def test_what_another_process_left_undone_is_taken_in(
    world: World, follow: Callable[..., Follower]
) -> None:
    """It had sequenced an event and died before the views had it: nothing new comes, and yet."""
    world.register("a")
    follow(Scripted(world, *[StepResult.STANDING_BY] * 3), poll_seconds=0.001)
    until(lambda: is_up(world))


def test_the_feed_goes_on_while_a_view_is_being_written(
    world: World, follow: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that takes: a store may be slow to answer one of the two."""
    commit = world.views.commit
    is_sequenced = threading.Event()

    def slow(*args: Any) -> None:  # noqa: ANN401
        assert is_sequenced.wait(10), "the sequencer waits for the view"
        commit(*args)

    monkeypatch.setattr(world.views, "commit", slow)
    sequencer = Scripted(world, *[StepResult.WORKED] * 3)
    follow(sequencer)
    until(lambda: world.feed.head(soon()) == 3)
    is_sequenced.set()
    until(lambda: is_up(world))


def test_the_feed_goes_on_while_a_view_cannot_be_written(
    world: World, follow: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The view is tried again now and then, not in every round."""
    tries: list[View] = []

    def flawed(view: View, *_: Any) -> None:  # noqa: ANN401
        tries.append(view)
        raise RuntimeError("a flaw")

    monkeypatch.setattr(world.views, "commit", flawed)
    sequencer = Scripted(world, *[StepResult.WORKED] * 40)
    follow(sequencer, poll_seconds=0.001)
    until(lambda: sequencer.steps > 40 and len(tries) > 2)
    assert world.feed.head(soon()) == 40
    assert len(tries) < sequencer.steps
