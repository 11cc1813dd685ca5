"""Merges among a few carriers at random, by processes that die on the way."""

import random
from pathlib import Path

import pytest

from app.application.ports.event_store import EventStore
from app.infrastructure.sqlite.event_store import SqliteEventStore
from tests.support.around_appends import AroundAppends
from tests.support.measurements import rounds
from tests.support.merge_world import World, check_addresses, check_story

COMMANDS, SEEDS = 40, 40


class Died(BaseException):
    """The process is gone: nothing of the application handles this."""


class DyingStore(AroundAppends):
    """A store whose process dies before or after an append, at random."""

    def __init__(self, store: EventStore, chance: random.Random) -> None:
        super().__init__(store)
        self._chance = chance

    def before(self) -> None:
        """Here."""
        self._die()

    def after(self) -> None:
        """Or there."""
        self._die()

    def _die(self) -> None:
        if self._chance.random() < 0.15:
            raise Died


@pytest.mark.parametrize("seed", range(rounds(SEEDS)))
def test_two_streams_tell_one_story(tmp_path: Path, seed: int) -> None:
    """Whoever died, and wherever."""
    store, chance = SqliteEventStore(tmp_path / "events.sqlite3"), random.Random(seed)
    world = World(store)
    for _ in range(COMMANDS):
        world.send(chance, lambda: DyingStore(store, chance), Died)
        check_addresses(world)
    world.settle(chance)
    check_story(world)
    store.close()
