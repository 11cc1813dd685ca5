"""The contract of view stores, on a real Cassandra; and what only Cassandra can do wrong."""

import json
from collections.abc import Callable, Iterable
from uuid import uuid4

import pytest
from cassandra.query import Statement

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.views import (
    WHOLE_SORTS,
    Changes,
    Discarded,
    Generations,
    Parked,
    Progress,
    RowChange,
    View,
    ViewStore,
)
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Contact, Row
from app.infrastructure.cassandra.views.rows import WORD_MATCHES
from app.infrastructure.cassandra.views.store import CassandraViewStore
from tests.contracts.view_pages import ViewPagesContract
from tests.contracts.view_store import ViewStoreContract
from tests.support.cql_frames import Frame, Opcode
from tests.support.interrupted import InterruptedSession
from tests.support.processes import free_port
from tests.support.stores import KEYSPACE, soon
from tests.support.tcp_proxy import (
    CUT_BEFORE,
    DROP_ANSWER,
    Decision,
    Fault,
    FaultProxy,
)
from tests.support.views import Written, made_live, new, parked, row, without_source


@pytest.fixture
def store(session: CassandraSession, contact: Contact) -> CassandraViewStore:
    """The store that is tested."""
    return CassandraViewStore(Requests(session, contact.serial_consistency))


class TestCassandraViewStore(ViewStoreContract):
    """All of the contract."""

    @pytest.fixture
    def views(self, store: CassandraViewStore) -> ViewStore:
        return store


class TestCassandraPages(ViewPagesContract):
    """Of the directory, over this store."""

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
    view = made_live(store, f"carriers-{uuid4()}")
    with FaultProxy(contact.hosts[0], contact.port) as proxy:
        through = Contact(("127.0.0.1",), proxy.port, protocol_version=4)
        session = CassandraSession(through, KEYSPACE)
        views = CassandraViewStore(Requests(session, through.serial_consistency, 0.3))
        disturbed, seen = Written(views, view), Written(store, view)
        began = disturbed.progress()

        struck = [proxy.arm(has(text, fault), opcodes=[Opcode.BATCH]) for text in (b"=all", b"{")]
        struck.append(proxy.arm(has(b"checked", fault), opcodes=[Opcode.BATCH]))
        counts = {"checked": 1}
        disturbed.commit(Changes(3, new(row("a")), counts, [parked("p")]), began)
        assert all(armed.wait_struck() for armed in struck)
        assert (seen.ids(), seen.counts(), seen.progress().checkpoint) == (["a"], counts, 3)
        assert seen.rows("a") == without_source({"a": row("a")})
        assert seen.progress().revision == began.revision + 1

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


class LookingSession(InterruptedSession):
    """Looks before each request, or group of requests, that is sent through it."""

    def __init__(self, session: CassandraSession, look: Callable[[Statement], None]) -> None:
        super().__init__(session, lambda _, send: send())
        self._look = look

    def execute(self, statement: Statement, deadline: Deadline, seconds: float) -> list[Row]:
        """See `CassandraSession`."""
        self._look(statement)
        return super().execute(statement, deadline, seconds)

    def execute_all(
        self,
        statements: Iterable[Statement],
        deadline: Deadline,
        seconds: float,
        concurrency: int = 32,
    ) -> list[list[Row]]:
        """See `CassandraSession`."""
        sent = list(statements)
        for statement in sent[:1]:
            self._look(statement)
        return super().execute_all(sent, deadline, seconds, concurrency)


def test_a_row_that_moves_is_found_at_every_moment(
    session: CassandraSession, contact: Contact, store: CassandraViewStore
) -> None:
    """Between any two writes of a commit, which may be the last ones of a projector that dies: in
    each order there is a place at which the row stands, and it is found by the word it kept."""
    view = View(f"carriers-{uuid4()}", 1)
    places: list[tuple[str, bool]] = []

    def look(_: Statement) -> None:
        (found,) = store.rows(view, ["a"], soon()).values()
        body = json.loads(found.body)
        keys = {"name": body["name"], "registered_at": f"2026-01-{body['version']:02}"}
        for sort in WHOLE_SORTS:
            stands = (keys[sort], "a")
            places.append((sort, stands in store.find(view, sort, ["all"], None, 9, soon())))
            words = store.find_prefix(view, sort, "freight", None, 9, soon())
            places.append((f"word by {sort}", words is not None and stands in words))

    Written(store, view).put(*new(row("a", "old freighter")))
    looking = LookingSession(session, look)
    watched = Written(CassandraViewStore(Requests(looking, contact.serial_consistency)), view)
    before, after = row("a", "old freighter"), row("a", "new freighter", 2)
    watched.put(RowChange(after, [before]))
    assert len(places) > 4
    assert [name for name, is_found in places if not is_found] == []
    assert watched.find() == [("new freighter", "a")]


def test_only_the_counts_that_a_commit_is_based_on_are_read_serial(
    session: CassandraSession, contact: Contact
) -> None:
    """A replica may have been handed a view's revision by a reader before it has the counts of that
    revision; those would be counted on. What queries read gets in nobody's way."""
    asked: list[int | None] = []
    looking = LookingSession(session, lambda sent: asked.append(sent.consistency_level))
    watched = Written(
        CassandraViewStore(Requests(looking, contact.serial_consistency)),
        View(f"statistics-{uuid4()}", 1),
    )
    watched.commit(Changes(1, counts={"total": 3, "state:active": 2}), Progress())
    asked.clear()
    assert watched.counts("total", "other") == {"total": 3}
    assert asked == [contact.serial_consistency]
    asked.clear()
    assert watched.counts() == {"total": 3, "state:active": 2}
    assert watched.progress().checkpoint == 1
    assert contact.serial_consistency not in asked


def keep_parked(store: CassandraViewStore, requests: Requests, body: str) -> View:
    """A live view that keeps this text of a parked stream."""
    view = made_live(store, f"carriers-{uuid4()}")
    values = (view.projection, view.generation, "parked", "s", None, body)
    requests.execute(requests.bind(soon(), "view_set", *values), soon())
    return view


def test_what_a_release_before_has_parked_can_be_read(
    store: CassandraViewStore, session: CassandraSession, contact: Contact
) -> None:
    """Its views are shown beside those of this release, and its words are other ones."""
    body = (
        '{"stream": "s", "version": 2, "position": 9, "reason": "r", "upto": 4,'
        ' "retry": false, "discard": null}'
    )
    view = keep_parked(store, Requests(session, contact.serial_consistency), body)
    assert store.progress(view, soon()).parked == {"s": Parked("s", 2, 9, "r", 4)}


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"upto": 4}', '{"upto": 4, "other": 1}'])
def test_what_is_damaged_of_a_parked_stream_is_said(
    store: CassandraViewStore, session: CassandraSession, contact: Contact, body: str
) -> None:
    """The view cannot be used until it is made anew."""
    view = keep_parked(store, Requests(session, contact.serial_consistency), body)
    with pytest.raises(StoreUnavailable, match="make the view anew"):
        store.progress(view, soon())


def test_without_a_cassandra_nothing_is_known() -> None:
    """StoreUnavailable for each call, never an empty view."""
    nobody = Contact(("127.0.0.1",), free_port())
    session = CassandraSession(nobody, KEYSPACE)
    store = CassandraViewStore(Requests(session, nobody.serial_consistency))
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
        lambda: store.find_prefix(view, "name", "abc", None, 10, soon(seconds)),
        lambda: store.differences(view, View(view.projection, 1), soon(seconds)),
    ):
        with pytest.raises(StoreUnavailable):
            call()
