"""Merges on Cassandra by several processes at once, whose every request may be held up, lost,
answered to nobody, carried out late, or be the last thing that its process ever does."""

import random
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from app.infrastructure.cassandra.append import claims as cassandra_claims
from app.infrastructure.cassandra.session import CassandraSession
from tests.support.cassandra_node import Node
from tests.support.claim_traffic import Died, Trouble
from tests.support.interrupted import interrupted_store
from tests.support.measurements import Figures, each_round, rounds
from tests.support.merge_world import World, check_story
from tests.support.stores import KEYSPACE, make_keyspace
from tests.support.threads import at_once

pytestmark = pytest.mark.soak

ROUNDS = 20
PROCESSES = 3
COMMANDS = 12
SHARE = 0.05
"""Of the requests, which is disturbed. A merge is some thirty of them."""


@pytest.fixture(scope="module")
def opened(cassandra_node: Node) -> Iterator[tuple[CassandraSession, int]]:
    """A session on the node, with the schema applied, and its serial consistency."""
    contact = make_keyspace(cassandra_node)
    session = CassandraSession(contact, KEYSPACE)
    yield session, contact.serial_consistency
    session.close()


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim of a process that has died is taken over at once: nothing may rest on the grace."""
    monkeypatch.setattr(cassandra_claims, "GRACE_SECONDS", 0.02)


def test_two_streams_tell_one_story_whatever_is_lost(
    opened: tuple[CassandraSession, int], figures: Figures
) -> None:
    """Once all has come to rest, and somebody has looked for what is half done."""
    seen: Counter[str] = Counter()
    for number in each_round(ROUNDS):
        world = World(interrupted_store(*opened, lambda _, send: send()))
        chances = [random.Random(f"{number} {process}") for process in range(PROCESSES)]
        troubles = [Trouble(chance, SHARE) for chance in chances]
        stores = [interrupted_store(*opened, trouble) for trouble in troubles]

        def play(process: int) -> None:
            chance, store = chances[process], partial(stores.__getitem__, process)  # noqa: B023
            for _ in range(COMMANDS):
                world.send(chance, store, Died)  # noqa: B023

        at_once(PROCESSES, play)
        for trouble in troubles:
            trouble.wait_settled()
            seen += trouble.seen
        world.settle(chances[0])
        check_story(world)
    figures.add(
        f"{PROCESSES} processes merge and change 5 carriers, their requests disturbed, cassandra",
        rounds(ROUNDS),
        f"{PROCESSES * COMMANDS} commands each, {seen.total()} disturbances ({seen['death']}"
        " deaths); who is merged was absorbed, once, and no address has two owners",
    )
