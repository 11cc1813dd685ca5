"""Unique values on Cassandra under every interleaving that we could think of, and random ones.

A writer takes a value and is held up, for any length of time, before any of its requests; others
take the value over. Whoever completes, there is one owner.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from app.application.ports.event_store import NO_STREAM, AlreadyClaimed, Claim, EventStore
from app.infrastructure.cassandra.append import claims as cassandra_claims
from app.infrastructure.cassandra.append.event_store import CassandraEventStore
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Row
from tests.contracts.claims import new_claim, put
from tests.support.cassandra_node import Node
from tests.support.claim_traffic import Died, Traffic, Trouble
from tests.support.interrupted import APPEND, Around, Send, Stop, interrupted_store
from tests.support.measurements import Figures, each_round, rounds
from tests.support.stores import KEYSPACE, CountingTelemetry, make_keyspace, soon
from tests.support.threads import at_once

pytestmark = pytest.mark.soak

ROUNDS = 50
PLAYS = 30
WRITERS = 8
TURNS = 8
GRACE_SECONDS = 0.02


class Rivals:
    """Stores over one session. `plain` is one that nothing disturbs."""

    def __init__(self, session: CassandraSession, serial_consistency: int) -> None:
        self._session = session
        self._serial = serial_consistency
        self._requests = Requests(session, serial_consistency)
        self.plain = CassandraEventStore(self._requests, CountingTelemetry())

    def disturbed(self, around: Around) -> EventStore:
        """A store whose requests pass `around`."""
        return interrupted_store(self._session, self._serial, around)

    def holds(self, stream: str) -> set[str]:
        """The values in the stream's own set."""
        row = self._one("read_held", stream)
        return {each.removeprefix("email:") for each in row.get("claims") or ()}

    def named(self, value: str) -> str | None:
        """The stream that the value's row names."""
        owner: str | None = self._one("read_claim", "email", value).get("owner")
        return owner

    def _one(self, name: str, *values: object) -> Row:
        rows = self._requests.within(20).select(soon(), name, *values)
        return rows[0] if rows else {}


@pytest.fixture(scope="module")
def rivals(cassandra_node: Node) -> Iterator[Rivals]:
    """On the node, with the schema applied."""
    contact = make_keyspace(cassandra_node)
    session = CassandraSession(contact, KEYSPACE)
    yield Rivals(session, contact.serial_consistency)
    session.close()


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers are taken over from much sooner than they would be: the grace is a courtesy, and
    nothing here may rest on it."""
    monkeypatch.setattr(cassandra_claims, "GRACE_SECONDS", GRACE_SECONDS)


@pytest.fixture
def beside() -> Iterator[Callable[..., Future[Any]]]:
    """Runs the writer that is held up."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit


Beside = Callable[..., Future[Any]]


def existing(store: EventStore) -> tuple[str, int, tuple[Claim, ...]]:
    """A stream that owns a value: its name, its version and what it would free."""
    stream, old = str(uuid4()), new_claim()
    put(store, stream, NO_STREAM, (old,))
    return stream, 1, (old,)


def fresh(_: EventStore) -> tuple[str, Any, tuple[Claim, ...]]:
    """A stream that does not exist yet."""
    return str(uuid4()), NO_STREAM, ()


streams = pytest.mark.parametrize("begin", [fresh, existing], ids=["new", "existing"])
Begin = Callable[[EventStore], tuple[str, Any, tuple[Claim, ...]]]


def check(rivals: Rivals, claim: Claim, owner: str, loser: str, freed: tuple[Claim, ...]) -> None:
    """`owner` alone has the value; the loser, if it is there, still has what it wanted to free."""
    assert rivals.holds(owner) == {claim.value}
    assert rivals.named(claim.value) == owner
    assert rivals.holds(loser) == {each.value for each in freed}
    for each in (claim, *freed):
        with pytest.raises(AlreadyClaimed):
            put(rivals.plain, str(uuid4()), NO_STREAM, (each,))


@streams
def test_a_slow_writer_that_was_taken_over_from_cannot_complete(
    begin: Begin, rivals: Rivals, beside: Beside, figures: Figures
) -> None:
    """It stands between claim and append while another takes the value over and completes."""
    for _ in each_round(ROUNDS):
        claim, taker = new_claim(), str(uuid4())
        stream, version, freed = begin(rivals.plain)
        stop = Stop(APPEND)
        slow = beside(put, rivals.disturbed(stop), stream, version, (claim,), freed)
        stop.wait_reached()
        put(rivals.plain, taker, NO_STREAM, (claim,))
        stop.go_on()
        with pytest.raises(AlreadyClaimed):
            slow.result()
        check(rivals, claim, taker, stream, freed)
    figures.add(
        f"a writer is paused and taken over from, {begin.__name__} stream",
        rounds(ROUNDS),
        "it is refused; one owner each",
    )


@streams
def test_an_append_that_arrives_after_the_take_over_does_nothing(
    begin: Begin, rivals: Rivals, figures: Figures
) -> None:
    """Its writer has died long since; the request itself was slow."""
    for _ in each_round(ROUNDS):
        claim, taker = new_claim(), str(uuid4())
        stream, version, freed = begin(rivals.plain)
        late: list[Send] = []

        def hold_back(name: str, send: Send) -> list[Row]:
            if name != APPEND:
                return send()
            late.append(send)  # noqa: B023 - of this round
            raise Died

        with pytest.raises(Died):
            put(rivals.disturbed(hold_back), stream, version, (claim,), freed)
        put(rivals.plain, taker, NO_STREAM, (claim,))
        assert not late[0]()[0]["[applied]"]
        check(rivals, claim, taker, stream, freed)
    figures.add(
        f"an append arrives after its writer was taken over from, {begin.__name__} stream",
        rounds(ROUNDS),
        "it is not applied; one owner each",
    )


@pytest.mark.parametrize("point", ["move_fence", "swap_claim"])
@streams
def test_a_taker_that_is_slow_itself_loses_to_the_writer(
    begin: Begin, point: str, rivals: Rivals, beside: Beside, figures: Figures
) -> None:
    """It stands before it changes the fence, or between that and the row, while the writer that
    it takes for dead completes. The writer owns the value and the taker is told so."""
    for _ in each_round(ROUNDS):
        claim, taker = new_claim(), str(uuid4())
        stream, version, freed = begin(rivals.plain)
        writing, taking = Stop(APPEND), Stop(point)
        writer = beside(put, rivals.disturbed(writing), stream, version, (claim,), freed)
        writing.wait_reached()
        slow = beside(put, rivals.disturbed(taking), taker, NO_STREAM, (claim,))
        taking.wait_reached()
        writing.go_on()
        assert writer.result().version
        taking.go_on()
        with pytest.raises(AlreadyClaimed):
            slow.result()
        check(rivals, claim, stream, taker, ())
        assert all(put(rivals.plain, str(uuid4()), NO_STREAM, (each,)) for each in freed)
    figures.add(
        f"a taker is paused before {point}, the writer's is the {begin.__name__} stream",
        rounds(ROUNDS),
        "the writer completes, the taker is refused; one owner each",
    )


def test_values_that_are_handed_round_in_disorder_have_one_owner(
    rivals: Rivals, figures: Figures
) -> None:
    """Eight writers take, free and exchange two values of three streams at random, while their
    requests are held up, lost, carried out late, or their last. At no moment have two streams a
    value; what is refused is not there; rows, sets and events agree in the end."""
    outcomes: Counter[str] = Counter()
    troubles: Counter[str] = Counter()
    for _ in each_round(PLAYS):
        seed = random.randrange(2**32)
        traffic = Traffic(rivals.plain, streams=3, values=2)
        trouble = [Trouble(random.Random(f"{seed} {writer}")) for writer in range(WRITERS)]
        stores = [rivals.disturbed(each) for each in trouble]

        def play(writer: int) -> None:
            chance = random.Random(f"{writer} {seed}")  # noqa: B023 - of this round
            traffic.play(stores[writer], chance, TURNS)  # noqa: B023

        at_once(WRITERS, play, 120)
        for each in trouble:
            each.wait_settled()
            troubles += each.seen
        assert traffic.overlaps() == []
        assert traffic.refused_but_done() == []
        for stream, values in traffic.held().items():
            assert rivals.holds(stream) == values
            assert all(rivals.named(value) == stream for value in values)
        outcomes += traffic.outcomes
    assert outcomes["done"] > rounds(PLAYS) * WRITERS
    figures.add(
        f"{WRITERS} writers hand 2 values round, their requests disturbed",
        rounds(PLAYS),
        f"{outcomes.total()} appends ({outcomes['done']} done), {troubles.total()} disturbances"
        f" ({troubles['death']} deaths); no value with two owners at any time",
    )
