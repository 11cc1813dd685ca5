"""Merges among a few carriers at random, by processes that die on the way."""

import random
import time
from pathlib import Path

import pytest

from app.application.deadline import Deadline
from app.application.ports.event_store import EventStore, RecordedEvent
from app.infrastructure.sqlite.event_store import SqliteEventStore
from tests.support.around_appends import AroundAppends
from tests.support.measurements import rounds
from tests.support.merge_world import World, check_addresses, check_story
from tests.support.threads import at_once

COMMANDS, SEEDS = 40, 40
PROCESSES, AT_ONCE, ASLEEP_SECONDS = 3, 60, 0.01


class Died(BaseException):
    """The process is gone: nothing of the application handles this."""


class DyingStore(AroundAppends):
    """A store whose process dies before or after an append, or falls asleep there or behind a read
    for up to so many seconds, at random."""

    def __init__(
        self, store: EventStore, chance: random.Random, share: float, seconds: float = 0
    ) -> None:
        super().__init__(store)
        self._chance = chance
        self._share = share
        self._seconds = seconds

    def before(self) -> None:
        """Here."""
        self._die()

    def after(self) -> None:
        """Or there."""
        self._die()

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.event_store.EventStore`."""
        recorded = super().read(stream, deadline, after, through_version)
        self._sleep()
        return recorded

    def _die(self) -> None:
        if self._chance.random() < self._share:
            raise Died
        self._sleep()

    def _sleep(self) -> None:
        if self._seconds and self._chance.random() < 0.5:
            time.sleep(self._chance.random() * self._seconds)


@pytest.mark.parametrize("seed", range(rounds(SEEDS)))
def test_two_streams_tell_one_story(tmp_path: Path, seed: int) -> None:
    """Whoever died, and wherever."""
    store, chance = SqliteEventStore(tmp_path / "events.sqlite3"), random.Random(seed)
    world = World(store)
    for _ in range(COMMANDS):
        world.send(chance, lambda: DyingStore(store, chance, 0.15), Died)
        check_addresses(world)
    world.settle(chance)
    check_story(world)
    store.close()


@pytest.mark.parametrize("seed", range(rounds(AT_ONCE)))
def test_whoever_overtakes_whom(tmp_path: Path, seed: int) -> None:
    """Three processes at once, each of which may fall asleep or die between two steps."""
    store = SqliteEventStore(tmp_path / "events.sqlite3")
    world = World(store)
    chances = [random.Random(f"{seed} {process}") for process in range(PROCESSES)]

    def play(process: int) -> None:
        chance = chances[process]
        for _ in range(COMMANDS // PROCESSES):
            world.send(chance, lambda: DyingStore(store, chance, 0.03, ASLEEP_SECONDS), Died)

    at_once(PROCESSES, play)
    world.settle(chances[0])
    check_story(world)
    store.close()
