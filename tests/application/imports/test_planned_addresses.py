"""What a plan says of an e-mail address is what a single command is told, whatever became of the
carriers that had it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.command_context import CommandContext
from app.application.imports.plan import CHANGE, CREATE, NOTHING, REFUSE
from app.application.ports.event_store import AlreadyClaimed
from app.application.services import Services
from app.domain.command import Command
from app.domain.errors import DomainError
from app.domain.policy.adopt import AdoptPolicy
from app.domain.policy.terms import Terms
from app.domain.proposals import PENDING_MAX
from app.infrastructure.sqlite.event_store import SqliteEventStore
from tests.application import test_unfinished_merges
from tests.application.imports.test_run import applied, import_of, services, types_of
from tests.application.test_merges_at_random import Died, DyingStore
from tests.support.application import Application
from tests.support.commits import context
from tests.support.measurements import rounds
from tests.support.merge_world import World
from tests.support.merges import company, email, merge, retire

__all__ = ["services"]

STEPS, SEEDS = 25, 20


@pytest.fixture
def world(services: Services, tmp_path: Path) -> Iterator[World]:
    """Five carriers in the store of the services."""
    store = SqliteEventStore(tmp_path / "events.sqlite3")
    yield World(store)
    store.close()


def trying() -> CommandContext:
    """Of a dry run."""
    return replace(context(20), dry_run=True)


def is_done(services: Services, command: Command) -> bool:
    """Whether the command would be."""
    try:
        services.bus.dispatch(command, trying())
    except (AlreadyClaimed, DomainError):
        return False
    return True


def planned(services: Services, text: str) -> str:
    """What the file's one row would do."""
    ((_, plan),) = import_of(services, text, str(uuid4())).planned()
    return plan.kind


def agree(
    chance: random.Random, plan: Callable[[], str], command: Callable[[], bool]
) -> tuple[str, bool]:
    """Both, whichever is asked first: it may bring merges to their end on which both rest."""
    if chance.random() < 0.5:
        kind = plan()
        return kind, command()
    done = command()
    return plan(), done


def check_change(services: Services, world: World, chance: random.Random, at: int, to: int) -> None:
    """Whether the carrier can have the address."""
    carrier, address = world.ids[at], world.addresses[to]
    text = f"carrier_id,email\r\n{carrier},{address}\r\n"
    kind, done = agree(
        chance,
        lambda: planned(services, text),
        lambda: is_done(services, email(carrier, address)),
    )
    assert kind in {CHANGE if done else REFUSE, NOTHING}, world.told()


def check_creation(services: Services, world: World, chance: random.Random, of: int) -> None:
    """Whether a new carrier can; a row of another one's address means that one."""
    address = world.addresses[of]
    kind, done = agree(
        chance,
        lambda: planned(services, f"name,email\r\nNew,{address}\r\n"),
        lambda: is_done(services, company("New", address)),
    )
    assert (kind == CREATE) == done, world.told()


@pytest.mark.parametrize("seed", range(rounds(SEEDS)))
def test_a_plan_says_of_an_address_what_a_command_does(
    services: Services, world: World, seed: int
) -> None:
    """In the middle of merges by processes that die, and of all carriers and addresses in the
    end."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        world.app.do(AdoptPolicy(Terms(second_person_for=("email",))))
    for _ in range(STEPS):
        world.send(chance, lambda: DyingStore(world.store, chance, 0.15), Died)
        to = chance.randrange(len(world.addresses))
        check_change(services, world, chance, chance.randrange(len(world.ids)), to)
        check_creation(services, world, chance, to)
    for to in range(len(world.addresses)):
        check_creation(services, world, chance, to)
        for at in range(len(world.ids)):
            check_change(services, world, chance, at, to)


def test_nobodys_address_is_planned_and_given(services: Services, world: World) -> None:
    """That of a carrier whose survivor has left the registry: to another one, or a new one."""
    merged, survivor, other, *_ = world.ids
    first, second, *_ = world.addresses
    world.app.do(merge(merged, survivor))
    world.app.do(retire(survivor))
    text = f"carrier_id,name,email\r\n{other},,{first}\r\n,New,{second}\r\n"
    one = import_of(services, text)
    assert [plan.kind for _, plan in one.planned()] == [CHANGE, CREATE]
    assert [(row.kind, row.done) for row in applied(one)] == [(CHANGE, True), (CREATE, True)]
    assert world.state(other).email == first
    assert types_of(services, merged)[-1] == "CarrierAddressReleased"


@pytest.mark.parametrize("asks", ["the command", "the plan"])
def test_who_speaks_for_another_since_this_moment_has_its_address(
    services: Services, world: World, asks: str
) -> None:
    """The process that merged them died before the survivor knew of it."""
    merged, survivor, *_ = world.ids
    first, *_ = world.addresses
    with pytest.raises(test_unfinished_merges.Died):
        half = test_unfinished_merges.DyingStore(world.store)
        Application(half).do(merge(merged, survivor))
    if asks == "the plan":
        assert planned(services, f"carrier_id,email\r\n{survivor},{first}\r\n") == CHANGE
    assert is_done(services, email(survivor, first))


def test_what_the_command_refuses_is_refused_of_its_row_alone(
    services: Services, world: World
) -> None:
    """Here for as many proposals as a carrier can have: the rows after it are planned as well."""
    carrier, *_ = world.ids
    world.app.do(AdoptPolicy(Terms(second_person_for=("email",))))
    for number in range(PENDING_MAX):
        world.app.do(email(carrier, f"{number}@a.example"))
    text = f"carrier_id,name,email\r\n{carrier},,new@a.example\r\n,New,other@a.example\r\n"
    (_, refused), (_, planned) = import_of(services, text).planned()
    assert (refused.kind, refused.column, planned.kind) == (REFUSE, "email", CREATE)
    assert "confirm or discard one" in str(refused.sentence)
