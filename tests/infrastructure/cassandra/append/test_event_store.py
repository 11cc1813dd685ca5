"""The contract of event stores, on a real Cassandra; and what only Cassandra can do wrong."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from cassandra.cluster import Session

from app.application.ports.event_store import NO_STREAM, Appended, EventStore, VersionConflict
from app.application.readiness import NotReady, ask_whether_ready
from app.infrastructure.cassandra.session import Contact
from app.infrastructure.cassandra.statements import STATEMENTS
from tests.contracts.claims import ClaimsContract
from tests.contracts.event_store import EventStoreContract
from tests.support.cassandra_node import Node
from tests.support.stores import KEYSPACE, cassandra_store, commit, make_keyspace, soon
from tests.support.tcp_proxy import FaultProxy


@pytest.fixture(scope="module")
def module_store(contact: Contact) -> Iterator[EventStore]:
    """One store for all tests here: streams are never reused."""
    store = cassandra_store(contact, KEYSPACE)
    yield store
    store.close()


class TestCassandraEventStore(EventStoreContract, ClaimsContract):
    """All of the contract."""

    @pytest.fixture
    def store(self, module_store: EventStore) -> EventStore:
        return module_store

    @pytest.fixture
    def store_name(self, contact: Contact) -> str:
        return f"cassandra:{contact.hosts[0]}:{contact.port}:{KEYSPACE}"


def test_a_part_of_a_stream_is_read_by_itself(module_store: EventStore, direct: Session) -> None:
    """The last ten events of two hundred: the node reads ten rows, its trace of the read says."""
    stream = str(uuid4())
    for first in (0, 100):
        commit_id, events = commit(100)
        module_store.append(stream, first or NO_STREAM, events, commit_id, soon())
    read = direct.prepare(STATEMENTS["read"]).bind((stream, 190, 200))
    trace = direct.execute(read, trace=True).get_query_trace()
    said = [each.description for each in trace.events if "live rows" in each.description]
    assert said
    assert all(each.startswith("Read 10 live rows") for each in said)


class TestStreamsOfTheOriginal:
    """Rows that were written with the original registry's five columns, before heads were kept."""

    @pytest.fixture
    def stream(self, direct: Session) -> str:
        """A stream of two such rows."""
        stream = str(uuid4())
        for version in (1, 2):
            direct.execute(
                "INSERT INTO events (aggregate_id, version, event_type, payload, created_at)"
                " VALUES (%s, %s, 'CarrierRegistered', '{}', '2020-01-01T00:00:00.123Z')",
                (stream, version),
            )
        return stream

    def test_they_stay_readable(
        self, module_store: EventStore, direct: Session, stream: str
    ) -> None:
        """They come back in order, with an id that is the same at every reading. Their version is
        known among others', of which one has not begun and has a fence alone."""
        first, second = module_store.read(stream, soon())
        fenced = str(uuid4())
        direct.execute("UPDATE events SET fence = %s WHERE aggregate_id = %s", (uuid4(), fenced))
        assert module_store.versions([stream, fenced], soon()) == {stream: 2}
        assert (first.version, second.version) == (1, 2)
        assert first.data.event_id != second.data.event_id
        assert module_store.read(stream, soon())[0] == first
        assert first.data.metadata == "{}"
        assert first.data.created_at.isoformat() == "2020-01-01T00:00:00.123000+00:00"

    def test_they_can_be_appended_to(self, module_store: EventStore, stream: str) -> None:
        """An append at their last version gives the stream its head."""
        commit_id, events = commit()
        assert module_store.append(stream, 2, events, commit_id, soon()) == Appended(3)
        assert len(module_store.read(stream, soon())) == 3

    @pytest.mark.parametrize("expected", [NO_STREAM, 1, 3], ids=["new", "stale", "too high"])
    def test_a_wrong_version_conflicts(
        self, module_store: EventStore, stream: str, expected: int
    ) -> None:
        """The version check holds for them too, for a stream taken to be new above all."""
        commit_id, events = commit()
        with pytest.raises(VersionConflict) as conflict:
            module_store.append(stream, expected, events, commit_id, soon())
        assert conflict.value.actual == 2
        assert len(module_store.read(stream, soon())) == 2


class TestReadiness:
    """Whether this process can do its work, and if not, whether others can."""

    def test_without_a_majority_no_process_does_better(
        self, cassandra_node: Node, direct: Session
    ) -> None:
        """The node answers, and would need another one for a majority of three copies."""
        contact = make_keyspace(cassandra_node, "lonely")
        direct.execute(
            "ALTER KEYSPACE lonely WITH replication ="
            " {'class': 'SimpleStrategy', 'replication_factor': 3}"
        )
        store = cassandra_store(contact, "lonely")
        with pytest.raises(NotReady, match="no instance does better"):
            ask_whether_ready(store, soon())
        store.close()

    def test_without_a_connection_others_may_do_better(self, contact: Contact) -> None:
        """The line to the node is gone, for this process alone."""
        with FaultProxy(contact.hosts[0], contact.port) as line:
            store = cassandra_store(replace(contact, port=line.port), KEYSPACE)
            ask_whether_ready(store, soon())
        with pytest.raises(NotReady, match="reaches no part of its store"):
            ask_whether_ready(store, soon())
        store.close()
