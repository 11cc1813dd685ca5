"""The contract of view stores, on a real Cassandra; and what only Cassandra can do wrong."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from app.application.ports import StoreUnavailable
from app.application.views import Changes, Discarded, Generations, Progress, View, ViewStore
from app.infrastructure.cassandra_session import CassandraSession, Contact
from app.infrastructure.cassandra_view_rows import WORD_MATCHES
from app.infrastructure.cassandra_views import STATEMENTS, CassandraViewStore
from tests.contracts.view_store import ViewStoreContract
from tests.support.cassandra_node import Node
from tests.support.cql_frames import Frame, Opcode
from tests.support.processes import free_port
from tests.support.stores import make_schema, soon
from tests.support.tcp_proxy import (
    CUT_BEFORE,
    DROP_ANSWER,
    Decision,
    Fault,
    FaultProxy,
)
from tests.support.views import Written, new, parked, row, without_source

KEYSPACE = "views"


@pytest.fixture(scope="module")
def contact(cassandra_node: Node) -> Contact:
    """Where the node is; the schema has been applied."""
    contact = Contact((cassandra_node.host,), cassandra_node.port)
    make_schema(contact, KEYSPACE)
    return contact


@pytest.fixture(scope="module")
def session(contact: Contact) -> Iterator[CassandraSession]:
    """The connections of all tests here."""
    session = CassandraSession(contact, KEYSPACE, STATEMENTS)
    yield session
    session.close()


@pytest.fixture
def store(session: CassandraSession, contact: Contact) -> CassandraViewStore:
    """The store that is tested."""
    return CassandraViewStore(session, contact.serial_consistency)


class TestCassandraViewStore(ViewStoreContract):
    """All of the contract."""

    @pytest.fixture
    def views(self, store: CassandraViewStore) -> ViewStore:
        return store


def only(number: int, fault: Fault) -> Decision:
    """Strike one frame, counted from 1."""
    left = iter([None] * (number - 1) + [fault])
    return lambda _: next(left, None)


def has(text: bytes, fault: Fault) -> Decision:
    """Strike what carries this text."""

    def decide(frame: Frame) -> Fault | None:
        return fault if text in frame.body else None

    return decide


@pytest.mark.parametrize("fault", [DROP_ANSWER, CUT_BEFORE])
def test_a_lost_request_or_answer_costs_nothing(
    fault: Fault, contact: Contact, store: CassandraViewStore
) -> None:
    """Whether the node did it or not, each write is done once, and is no conflict with itself."""
    view = View(f"carriers-{uuid4()}", 1)
    with FaultProxy(contact.hosts[0], contact.port) as proxy:
        through = Contact(("127.0.0.1",), proxy.port, protocol_version=4)
        session = CassandraSession(through, KEYSPACE, STATEMENTS)
        views = CassandraViewStore(session, through.serial_consistency, attempt_seconds=0.3)
        disturbed, seen = Written(views, view), Written(store, view)
        assert disturbed.progress() == Progress()

        struck = [proxy.arm(has(text, fault), opcodes=[Opcode.BATCH]) for text in (b"=all", b"{")]
        struck.append(proxy.arm(has(b"checked", fault), opcodes=[Opcode.BATCH]))
        counts = {"checked": 1}
        disturbed.commit(Changes(3, new(row("a")), counts, [parked("p")]), Progress())
        assert all(armed.wait_struck() for armed in struck)
        assert (seen.ids(), seen.counts(), seen.progress().checkpoint) == (["a"], counts, 3)
        assert seen.rows("a") == without_source({"a": row("a")})
        assert seen.progress().revision == 1

        asking = proxy.arm(fault, opcodes=[Opcode.BATCH])
        asked = views.request(view, "p", "wrong", soon())
        assert asking.wait_struck()
        assert seen.progress().parked == {"p": asked}
        disturbed.commit(Changes(4, discarded=[Discarded("p", 1, "wrong")], released=["p"]))

        # Three reads come before each of these.
        beginning = proxy.arm(only(4, fault), opcodes=[Opcode.EXECUTE])
        next_view = views.begin(view.projection, soon())
        assert beginning.wait_struck()
        assert next_view.generation == 2
        swapping = proxy.arm(only(2, fault), opcodes=[Opcode.EXECUTE])
        views.swap(next_view, soon())
        assert swapping.wait_struck()
        assert store.generations(view.projection, soon()) == Generations(2)
        assert store.discarded(next_view, soon()) == [Discarded("p", 1, "wrong")]
        session.close()


def test_a_long_prefix_of_very_many_is_looked_up_by_its_beginning(
    store: CassandraViewStore,
) -> None:
    """Too many to be put in order when they are asked for: still all are found, in order."""
    live = Written(store, View(f"carriers-{uuid4()}", 1))
    names = [f"{number:03} warehousing" for number in range(WORD_MATCHES + 20)]
    live.put(*new(*(row(f"id{name[:3]}", name) for name in [*names, "900 warehouse", "901 wax"])))
    places = [place for place in live.find() if "warehousing" in place[0]]
    found: list[tuple[str, str]] = []
    while page := live.starting("warehousing", after=found[-1] if found else None):
        found += page
    assert found == sorted(set(found))
    assert {*places} <= {*found}
    assert ("901 wax", "id901") not in found


def test_without_a_cassandra_nothing_is_known() -> None:
    """StoreUnavailable for each call, never an empty view."""
    nobody = Contact(("127.0.0.1",), free_port())
    session = CassandraSession(nobody, KEYSPACE, STATEMENTS)
    store = CassandraViewStore(session, nobody.serial_consistency)
    _every_call_is_unavailable(store, seconds=20)
    session.close()


def test_no_answer_in_time(store: CassandraViewStore) -> None:
    """With no time left each call is unavailable."""
    _every_call_is_unavailable(store, seconds=0)


def _every_call_is_unavailable(store: CassandraViewStore, seconds: float) -> None:
    view = View(f"carriers-{uuid4()}", 2)
    changes = Changes(1, new(row("a")))
    for call in (
        lambda: store.generations(view.projection, soon(seconds)),
        lambda: store.begin(view.projection, soon(seconds)),
        lambda: store.swap(view, soon(seconds)),
        lambda: store.drop(view, soon(seconds)),
        lambda: store.progress(view, soon(seconds)),
        lambda: store.commit(view, Progress(), changes, soon(seconds)),
        lambda: store.request(view, "a", None, soon(seconds)),
        lambda: store.discarded(view, soon(seconds)),
        lambda: store.counts(view, soon(seconds)),
        lambda: store.rows(view, ["a"], soon(seconds)),
        lambda: store.find(view, "name", ["all"], None, 10, soon(seconds)),
        lambda: store.find_prefix(view, "name", "a", None, 10, soon(seconds)),
        lambda: store.differences(view, View(view.projection, 1), soon(seconds)),
    ):
        with pytest.raises(StoreUnavailable):
            call()
