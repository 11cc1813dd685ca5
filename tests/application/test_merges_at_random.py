"""Merges among a few carriers at random, by processes that die on the way, and what has to hold of
the streams then, whatever happened: nothing here knows in which order the steps are taken."""

import random
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.ports.event_store import (
    AlreadyClaimed,
    Claim,
    EventStore,
)
from app.application.ports.feed import Feed
from app.application.unfinished_merges import UnfinishedMerges
from app.domain.absorption import ABSORBED
from app.domain.carrier import ACTIVE, SUSPENDED, CarrierState
from app.domain.command import Command
from app.domain.commands.reinstate import ReinstateCarrier
from app.domain.commands.suspend import SuspendCarrier
from app.domain.errors import DomainError
from app.domain.merging import CarrierAbsorbed, CarrierSeparated
from app.domain.values import Reason
from app.infrastructure.codec import JsonCodec
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from tests.support.application import Application, keyed, rename
from tests.support.around_appends import AroundAppends
from tests.support.measurements import rounds
from tests.support.merges import company, email, merge, retire, unmerge
from tests.support.stores import soon

CARRIERS, COMMANDS, SEEDS = 5, 40, 40
ADDRESSES = [f"{letter}@example.com" for letter in "abcdefg"]
WHY = Reason("Because")


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


class World:
    """Some carriers, and whoever changes them."""

    def __init__(self, store: EventStore, feed: Feed, seed: int) -> None:
        self.chance = random.Random(seed)
        self.feed = feed
        self.store = store
        self.app = Application(store)
        self.ids = [
            self.app.do(company(f"carrier {number}", ADDRESSES[number])).stream
            for number in range(CARRIERS)
        ]

    def state(self, carrier: str, version: int | None = None) -> CarrierState:
        """As it is or was."""
        return self.app.carriers.show(carrier, soon(), version).state

    def command(self) -> Command:
        """The next one."""
        one, other = self.chance.sample(self.ids, 2)
        take = self.chance.sample(("name", "email", "phone"), self.chance.randrange(4))
        choices: list[tuple[int, Command]] = [
            (8, merge(one, other, *take)),
            (5, unmerge(one)),
            (2, rename(one, f"name {self.chance.randrange(100)}")),
            (4, email(one, self.chance.choice(ADDRESSES))),
            (1, SuspendCarrier(one, WHY)),
            (1, ReinstateCarrier(one)),
            (1, retire(one)),
        ]
        weights = [weight for weight, _ in choices]
        return self.chance.choices([command for _, command in choices], weights)[0]

    def send(self, command: Command) -> None:
        """By a process that may die; some are started again with the same key."""
        key = str(uuid4())
        for _ in range(self.chance.choice((1, 1, 3))):
            try:
                Application(DyingStore(self.store, self.chance)).do(command, keyed(key))
            except Died:
                continue
            except (DomainError, AlreadyClaimed):
                pass
            return

    def settle(self) -> None:
        """Somebody sends each carrier something, or looks for what is half done."""
        if self.chance.random() < 0.5:
            UnfinishedMerges(self.feed, JsonCodec(), self.app.merging.finish, 0).step()
            return
        for carrier in self.ids:
            with suppress(DomainError):
                self.app.do(rename(carrier, self.state(carrier).name))

    def living(self) -> dict[str, CarrierState]:
        """Those that speak for themselves and have not left the registry."""
        states = {carrier: self.state(carrier) for carrier in self.ids}
        return {
            carrier: state
            for carrier, state in states.items()
            if state.state in {ACTIVE, SUSPENDED}
        }

    def speaks_for(self, carrier: str) -> str:
        """The last one of the chain of merges."""
        while into := self.state(carrier).merged_into:
            carrier = into
        return carrier


def check_addresses(world: World) -> None:
    """Each is used by one at most, who has it, or for whom a merged carrier keeps it."""
    living = world.living()
    for one, other in combinations(living.values(), 2):
        assert one.email != other.email
    for carrier, state in living.items():
        owner = world.store.owner(Claim("email", state.email), soon())
        assert owner is not None
        assert world.speaks_for(owner) == carrier


def check_both_sides(world: World) -> None:
    """Once nothing is half done: who is merged was absorbed by that one, and by no other."""
    merged = {
        (carrier, state.merge.number): state.merge.into
        for carrier in world.ids
        if (state := world.state(carrier)).merge
    }
    absorbed = {
        key: carrier
        for carrier in world.ids
        for key, each in world.state(carrier).absorptions.items()
        if each.standing == ABSORBED
    }
    assert merged == absorbed


def check_what_was_taken_back(world: World) -> None:
    """After it a survivor is what it was before it absorbed the other; nothing came between."""
    for carrier in world.ids:
        events = world.app.carriers.dated_events(carrier, soon())
        for each in events:
            if isinstance(each.event, CarrierSeparated):
                absorbing = events[each.version - 2].event
                assert isinstance(absorbing, CarrierAbsorbed)
                assert absorbing.merged == each.event.merged
                before = world.state(carrier, each.version - 2)
                after = world.state(carrier, each.version)
                assert after.as_json() == before.as_json()
                assert after.unique_values == before.unique_values


def check_that_nothing_stays_taken(world: World) -> None:
    """Once all have left the registry every address can be had."""
    for carrier in world.living():
        world.app.do(retire(carrier))
    for address in ADDRESSES:
        world.app.do(company("new", address))


@pytest.mark.parametrize("seed", range(rounds(SEEDS)))
def test_two_streams_tell_one_story(tmp_path: Path, seed: int) -> None:
    """Whoever died, and wherever."""
    path = tmp_path / "events.sqlite3"
    store, feed = SqliteEventStore(path), SqliteFeed(path)
    world = World(store, feed, seed)
    for _ in range(COMMANDS):
        world.send(world.command())
        check_addresses(world)
    world.settle()
    check_addresses(world)
    check_both_sides(world)
    check_what_was_taken_back(world)
    check_that_nothing_stays_taken(world)
    feed.close()
    store.close()
