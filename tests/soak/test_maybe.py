"""What "maybe" turns into: a fault proxy between the store's driver and a real Cassandra.

In every round one append meets one fault. Whatever the fault: no false conflict, no double
event, no false success.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import NO_STREAM, Appended, EventStore, VersionConflict
from app.infrastructure.cassandra.session import Contact
from tests.support.cassandra_node import Node
from tests.support.cql_frames import Opcode
from tests.support.measurements import Figures, rounds
from tests.support.stores import (
    KEYSPACE,
    CountingTelemetry,
    cassandra_store,
    commit,
    make_keyspace,
    soon,
)
from tests.support.tcp_proxy import (
    CUT_AFTER,
    CUT_BEFORE,
    DROP_ANSWER,
    DROP_REQUEST,
    Fault,
    FaultProxy,
    delay_request,
)

pytestmark = pytest.mark.soak

ATTEMPT_SECONDS = 0.15
LATE_SECONDS = 0.35
FULL = 200
APPEND = (Opcode.BATCH,)
"""The append itself: its intent and its acknowledgement are requests of their own."""

FAULTS = {
    "answer dropped": DROP_ANSWER,
    "request dropped": DROP_REQUEST,
    "request delayed past the time-out": delay_request(LATE_SECONDS),
    "connection cut after the request": CUT_AFTER,
    "connection cut before the request": CUT_BEFORE,
}
faults = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())


@pytest.fixture(scope="module")
def contact(cassandra_node: Node) -> Contact:
    """The node, with the schema applied."""
    return make_keyspace(cassandra_node)


@pytest.fixture(scope="module")
def proxy(contact: Contact) -> Iterator[FaultProxy]:
    """The proxy that the store under test goes through."""
    with FaultProxy(contact.hosts[0], contact.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def telemetry() -> CountingTelemetry:
    """What the store under test counts."""
    return CountingTelemetry()


@pytest.fixture(scope="module")
def store(proxy: FaultProxy, telemetry: CountingTelemetry) -> Iterator[EventStore]:
    """The store under test."""
    store = cassandra_store(
        Contact(("127.0.0.1",), proxy.port), KEYSPACE, telemetry, ATTEMPT_SECONDS
    )
    yield store
    store.close()


@pytest.fixture(scope="module")
def direct(contact: Contact) -> Iterator[EventStore]:
    """A store that nothing comes between: it sees what is really there."""
    store = cassandra_store(contact, KEYSPACE)
    yield store
    store.close()


def name_of(fault: Fault) -> str:
    """The fault's name in FAULTS."""
    return next(name for name, each in FAULTS.items() if each == fault)


@faults
def test_an_append_alone_succeeds_once(
    fault: Fault,
    store: EventStore,
    direct: EventStore,
    proxy: FaultProxy,
    telemetry: CountingTelemetry,
    figures: Figures,
) -> None:
    """Nobody else writes: the append is acknowledged, and its events are there exactly once."""
    seen: Counter[str] = Counter()
    telemetry.retries.clear()
    for _ in range(rounds(FULL)):
        stream = str(uuid4())
        commit_id, events = commit(2)
        armed = proxy.arm(fault, opcodes=APPEND)
        appended = store.append(stream, NO_STREAM, events, commit_id, soon())
        assert armed.wait_settled()
        recorded = direct.read(stream, soon())
        assert [event.data for event in recorded] == list(events)
        assert appended.version == 2
        seen["already_applied" if appended.already_applied else "written"] += 1
    assert len(telemetry.retries) >= rounds(FULL)
    figures.add(
        f"append alone, {name_of(fault)}",
        rounds(FULL),
        f"all acknowledged ({seen['written']} by a later try,"
        f" {seen['already_applied']} already applied),"
        " 0 false conflicts, 0 double events",
    )


@faults
def test_of_two_rivals_one_wins(
    fault: Fault, store: EventStore, direct: EventStore, proxy: FaultProxy, figures: Figures
) -> None:
    """A rival appends to the same version: one is acknowledged, the other gets a conflict."""
    seen: Counter[str] = Counter()
    with ThreadPoolExecutor(1) as pool:
        for _ in range(rounds(FULL)):
            stream = str(uuid4())
            ours, our_events = commit()
            theirs, their_events = commit()
            armed = proxy.arm(fault, opcodes=APPEND)
            rival = pool.submit(succeeds, direct, stream, theirs, their_events)
            we_won = succeeds(store, stream, ours, our_events)
            they_won = rival.result()
            assert armed.wait_settled()
            assert we_won != they_won
            recorded = direct.read(stream, soon())
            assert [e.data for e in recorded] == list(our_events if we_won else their_events)
            seen["ours" if we_won else "rival"] += 1
    figures.add(
        f"two rivals, {name_of(fault)}",
        rounds(FULL),
        f"exactly one winner each ({seen['ours']} the disturbed one), 0 false answers",
    )


@faults
def test_unknown_is_said_and_settled_by_sending_again(
    fault: Fault, store: EventStore, direct: EventStore, proxy: FaultProxy, figures: Figures
) -> None:
    """The budget ends before an answer: no success is claimed, and the same commit sent again
    is written once, however late the first request arrives."""
    seen: Counter[str] = Counter()
    for _ in range(rounds(FULL)):
        stream = str(uuid4())
        commit_id, events = commit()
        armed = proxy.arm(fault, opcodes=APPEND)
        try:
            store.append(stream, NO_STREAM, events, commit_id, Deadline.after(ATTEMPT_SECONDS))
            seen["in time"] += 1
        except OutcomeUnknown:
            seen["unknown"] += 1
        except StoreUnavailable:
            assert fault == CUT_BEFORE or direct.read(stream, soon()) == []
            seen["not started"] += 1
        again = store.append(stream, NO_STREAM, events, commit_id, soon())
        assert again.version == 1
        assert armed.wait_settled()
        assert [event.data for event in direct.read(stream, soon())] == list(events)
    figures.add(
        f"budget over, {name_of(fault)}",
        rounds(FULL),
        f"{seen['unknown']} said to be unknown, {seen['not started']} not started,"
        f" {seen['in time']} in time; sent again each is there once",
    )


def succeeds(store: EventStore, stream: str, commit_id: object, events: object) -> bool:
    """Whether the commit was acknowledged (True) or met a conflict (False)."""
    try:
        appended = store.append(stream, NO_STREAM, events, commit_id, soon())  # type: ignore[arg-type]
    except VersionConflict:
        return False
    assert isinstance(appended, Appended)
    return True
