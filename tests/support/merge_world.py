"""Beside the way of the data: a few carriers that are merged, parted and changed at random, by
processes that die on the way, and what has to hold of their streams then, whatever happened:
nothing of it knows in which order the steps are taken."""

import random
from collections.abc import Callable
from contextlib import suppress
from itertools import combinations
from uuid import uuid4

from app.application.ports.errors import StoreError
from app.application.ports.event_store import AlreadyClaimed, Claim, EventStore
from app.application.shown import DatedEvent
from app.domain.absorption import ABSORBED
from app.domain.carrier import ACTIVE, SUSPENDED, CarrierState
from app.domain.command import CarrierEvent, Command
from app.domain.commands.reinstate import ReinstateCarrier
from app.domain.commands.suspend import SuspendCarrier
from app.domain.errors import DomainError
from app.domain.merging import CarrierAbsorbed, CarrierSeparated
from app.domain.values import Reason
from tests.support.application import Application, keyed, rename
from tests.support.merges import Patient, company, email, merge, retire, sent, unmerge
from tests.support.stores import soon

CARRIERS = 5
WHY = Reason("Because")


class World:
    """Some carriers, and whoever changes them."""

    def __init__(self, store: EventStore) -> None:
        """`store` is one that nothing disturbs."""
        word = uuid4().hex
        self.addresses = [f"{letter}-{word}@example.com" for letter in "abcdefg"]
        self.store = store
        self.app = Patient(store)
        self.ids = [
            self.app.do(company(f"carrier {number}", self.addresses[number])).stream
            for number in range(CARRIERS)
        ]

    def state(self, carrier: str, version: int | None = None) -> CarrierState:
        """As it is or was."""
        return self.app.carriers.show(carrier, soon(), version).state

    def command(self, chance: random.Random) -> Command:
        """The next one."""
        one, other = chance.sample(self.ids, 2)
        take = chance.sample(("name", "email", "phone"), chance.randrange(4))
        choices: list[tuple[int, Command]] = [
            (8, merge(one, other, *take)),
            (5, unmerge(one)),
            (2, rename(one, f"name {chance.randrange(100)}")),
            (4, email(one, chance.choice(self.addresses))),
            (1, SuspendCarrier(one, WHY)),
            (1, ReinstateCarrier(one)),
            (1, retire(one)),
        ]
        weights = [weight for weight, _ in choices]
        return chance.choices([command for _, command in choices], weights)[0]

    def send(
        self, chance: random.Random, process: Callable[[], EventStore], death: type[BaseException]
    ) -> None:
        """A command by a `process`, which may die; some are started again with the same key."""
        command, key = self.command(chance), str(uuid4())
        for _ in range(chance.choice((1, 1, 3))):
            try:
                Application(process()).do(command, keyed(key))
            except (death, StoreError) as error:
                if not isinstance(error, AlreadyClaimed):
                    continue
            except DomainError:
                pass
            return

    def settle(self, chance: random.Random) -> None:
        """Somebody sends each carrier something, or looks for what is half done."""
        finishes = chance.random() < 0.5
        for carrier in self.ids:
            if finishes:
                self.app.merging.finish(carrier, sent("look"))
                continue
            with suppress(DomainError):
                self.app.do(rename(carrier, self.state(carrier).name))

    def told(self) -> str:
        """What has happened to each carrier, a line each, for whoever looks for a fault."""
        return "\n".join(
            f"{carrier} {[(each.version, each.event) for each in self.events(carrier)]}"
            for carrier in self.ids
        )

    def events(self, carrier: str) -> list[DatedEvent[CarrierEvent]]:
        """All of the carrier's events, in order."""
        return self.app.carriers.dated_events(carrier, soon())

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


def check_story(world: World) -> None:
    """Once nothing is half done, all of it."""
    check_addresses(world)
    check_both_sides(world)
    check_what_was_taken_back(world)
    check_that_nothing_stays_taken(world)


def check_addresses(world: World) -> None:
    """Each is used by one at most, who has it, or for whom a merged carrier keeps it."""
    living = world.living()
    for one, other in combinations(living.values(), 2):
        assert one.email != other.email, world.told()
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
    assert merged == absorbed, world.told()


def check_what_was_taken_back(world: World) -> None:
    """After it a survivor is what it was before it absorbed the other; nothing came between."""
    for carrier in world.ids:
        events = world.events(carrier)
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
    for address in world.addresses:
        world.app.do(company("new", address))
