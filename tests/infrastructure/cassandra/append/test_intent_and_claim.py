"""An append's intent and its first claim, which are under way at the same time, on a real
Cassandra: what is left where a writer dies, or where one of the two gets lost, harms nobody."""

from uuid import uuid4

import pytest

from app.application.ports.event_store import AlreadyClaimed, Appended, Claim, Claims, EventStore
from app.infrastructure.cassandra.append import claims as cassandra_claims
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.session import Row
from tests.contracts.claims import new_claim
from tests.support.claim_traffic import Died
from tests.support.interrupted import APPEND, Send, Stop
from tests.support.processes import wait_until
from tests.support.sequencing import Beside, Lost, Recorded, Site, places, put

INTENT, CLAIM, BEHIND = "prepare", "claim", "acknowledge"

either = pytest.mark.parametrize("name", [INTENT, CLAIM])
was_sent = pytest.mark.parametrize("sent", [True, False], ids=["done", "not done"])


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grace is a courtesy: nothing here rests on its length."""
    monkeypatch.setattr(cassandra_claims, "GRACE_SECONDS", 0.02)


@pytest.fixture
def claim() -> Claim:
    """The value that all want."""
    return new_claim()


class Dying:
    """The writer dies over that request, which is `sent` or is not. What is under way at the same
    time is done; afterwards it says nothing more."""

    def __init__(self, name: str, *, sent: bool) -> None:
        self.name = name
        self._sent = sent
        self._is_dead = False

    def __call__(self, name: str, send: Send) -> list[Row]:
        """See `Around`."""
        if name == BEHIND:
            return []
        if name != self.name:
            return send()
        if self._is_dead:
            raise RequestFailed("client-timeout", maybe_applied=True)
        self._is_dead = True
        if self._sent:
            send()
        raise Died


def take(store: EventStore, stream: str, claim: Claim) -> Appended:
    """Begin the stream with an event that takes the value."""
    return put(store, stream, claims=Claims(taken=(claim,)))


def die(site: Site, stream: str, claim: Claim, dying: Dying) -> None:
    """The stream's writer dies. The other one of the two requests is done by then, or soon."""
    with pytest.raises(Died):
        take(site.writer(dying), stream, claim)
    if dying.name == INTENT:
        wait_until(lambda: named(site, claim) == stream, 5, "the claim is there")
    else:
        wait_until(lambda: bool(intents(site, stream)), 5, "the intent is there")


def named(site: Site, claim: Claim) -> str | None:
    """The stream that the value's row names."""
    cql = "SELECT owner FROM claims WHERE scope = %s AND value = %s"
    rows = site.ask(cql, claim.scope, claim.value)
    return rows[0]["owner"] if rows else None


def intents(site: Site, stream: str) -> list[bool | None]:
    """What is said of each intent of the stream, whether its events were written."""
    cql = "SELECT written FROM records WHERE stream = %s ALLOW FILTERING"
    return [row["written"] for row in site.ask(cql, stream)]


def fed(site: Site, start: int, *streams: str) -> list[tuple[str, int]]:
    """The events of these streams in the feed, once all is quiet."""
    found = places(site.follow(site.sequencer(), start, 1))
    return [place for place in found if place[0] in streams]


@either
def test_an_append_waits_for_both_and_neither_for_the_other(
    name: str, site: Site, stream: str, claim: Claim, beside: Beside
) -> None:
    """While the answer to one is held up, the other is sent, and the append is not."""
    stop, recorded = Stop(name, is_after=True), Recorded()
    store = site.writer(lambda name, send: recorded(name, lambda: stop(name, send)))
    writer = beside(take, store, stream, claim)
    stop.wait_reached()
    wait_until(lambda: {INTENT, CLAIM} <= set(recorded.names), 5, "the other is sent")
    with pytest.raises(TimeoutError):
        writer.result(0.1)
    assert APPEND not in recorded.names
    stop.go_on()
    assert writer.result() == Appended(1)


@either
@was_sent
def test_a_value_can_be_taken_from_a_writer_that_died(
    name: str, sent: bool, site: Site, start: int, stream: str, claim: Claim
) -> None:
    """Whichever of the two it left behind: the other stream has the value and a place in the
    feed, the dead writer's has neither."""
    other = str(uuid4())
    die(site, stream, claim, Dying(name, sent=sent))
    take(site.writer(), other, claim)
    assert fed(site, start, stream, other) == [(other, 1)]
    with pytest.raises(AlreadyClaimed):
        take(site.writer(), stream, claim)


@either
def test_a_writer_that_died_can_be_followed_by_another_of_its_stream(
    name: str, site: Site, start: int, stream: str, claim: Claim
) -> None:
    """As when a registration is sent again with the same key: it is done, and in the feed once."""
    die(site, stream, claim, Dying(name, sent=True))
    assert take(site.writer(), stream, claim) == Appended(1)
    assert fed(site, start, stream) == [(stream, 1)]
    with pytest.raises(AlreadyClaimed):
        take(site.writer(), str(uuid4()), claim)


@was_sent
@either
def test_one_of_them_that_is_not_answered_is_sent_again(
    name: str, sent: bool, site: Site, start: int, stream: str, claim: Claim
) -> None:
    """The append is done by one writer, once, and no other stream gets the value."""
    assert take(site.writer(Lost(name, sent)), stream, claim) == Appended(1)
    assert fed(site, start, stream) == [(stream, 1)]
    with pytest.raises(AlreadyClaimed):
        take(site.writer(), str(uuid4()), claim)


def test_a_refused_claim_takes_the_intent_back(
    site: Site, stream: str, claim: Claim, beside: Beside
) -> None:
    """Also one that is still being written when the refusal comes: nobody has to fence it off."""
    owner = str(uuid4())
    take(site.writer(), owner, claim)
    stop, recorded = Stop(INTENT), Recorded()
    store = site.writer(lambda name, send: recorded(name, lambda: stop(name, send)))
    writer = beside(take, store, stream, claim)
    stop.wait_reached()
    wait_until(lambda: CLAIM in recorded.names, 5, "the claim is sent")
    stop.go_on()
    with pytest.raises(AlreadyClaimed):
        writer.result()
    wait_until(lambda: intents(site, stream) == [False], 5, "the intent is taken back")
    assert named(site, claim) == owner


@pytest.mark.parametrize("taken", [True, False], ids=["taken since", "free"])
def test_a_claim_that_arrives_after_its_writer_has_died_is_no_owner(
    taken: bool, site: Site, stream: str, claim: Claim
) -> None:
    """It finds another's row, or leaves one that the next to want the value takes over."""
    late: list[Send] = []

    def hold_back(name: str, send: Send) -> list[Row]:
        if name != CLAIM:
            return send()
        late.append(send)
        raise Died

    with pytest.raises(Died):
        take(site.writer(hold_back), stream, claim)
    owner = str(uuid4())
    if taken:
        take(site.writer(), owner, claim)
    (row,) = late[0]()
    assert row["[applied]"] is not taken
    if not taken:
        take(site.writer(), owner, claim)
    assert named(site, claim) == owner
    with pytest.raises(AlreadyClaimed):
        take(site.writer(), stream, claim)
