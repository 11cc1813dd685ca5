"""The contract of key stores, on a real Cassandra; and what only Cassandra can do wrong."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from cassandra.cluster import Session

from app.application.access import KeyStore
from app.application.ports import OutcomeUnknown, StoreUnavailable
from app.infrastructure.cassandra_keys import STATEMENTS, CassandraKeyStore
from app.infrastructure.cassandra_session import CassandraSession, Contact, make_cluster
from tests.contracts.key_store import LATER, KeyStoreContract
from tests.support.cassandra_node import Node
from tests.support.cql_frames import Opcode
from tests.support.keys import add_key, new_key
from tests.support.processes import free_port
from tests.support.stores import make_schema, soon
from tests.support.tcp_proxy import (
    CUT_AFTER,
    CUT_BEFORE,
    DROP_ANSWER,
    DROP_REQUEST,
    Fault,
    FaultProxy,
)

KEYSPACE = "keys"


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


@pytest.fixture(scope="module")
def direct(contact: Contact) -> Iterator[Session]:
    """A session past the store."""
    cluster = make_cluster(contact)
    yield cluster.connect(KEYSPACE)
    cluster.shutdown()


@pytest.fixture
def ring() -> str:
    """A partition that nobody has used."""
    return str(uuid4())


@pytest.fixture
def store(session: CassandraSession, contact: Contact, ring: str) -> CassandraKeyStore:
    """A store without a key."""
    return CassandraKeyStore(session, contact.serial_consistency, ring)


class TestCassandraKeyStore(KeyStoreContract):
    """All of the contract."""

    @pytest.fixture
    def keys(self, store: CassandraKeyStore) -> KeyStore:
        return store


def test_the_table_holds_no_secret(store: CassandraKeyStore, direct: Session, ring: str) -> None:
    """Only its SHA-256."""
    prefix, _, secret = add_key(store).partition(".")
    (row,) = direct.execute("SELECT * FROM api_keys WHERE ring = %s", (ring,))
    assert row["prefix"] == prefix
    assert secret not in str(row)
    assert len(row["digest"]) == 32


def test_an_add_that_was_applied_before_is_done(store: CassandraKeyStore) -> None:
    """As after an answer that was lost: the same key again is no second one, and no conflict with
    itself."""
    key, _ = new_key()
    store.add(key, soon())
    store.add(key, soon())
    assert store.read_all(soon()) == [key]


def test_a_late_add_finds_that_others_were_there(
    store: CassandraKeyStore, direct: Session, ring: str
) -> None:
    """Every new key moves the revision, so a write that was decided on an older one is refused."""
    select = "SELECT revision FROM api_keys WHERE ring = %s LIMIT 1"
    add_key(store, "one")
    before = direct.execute(select, (ring,)).one()["revision"]
    add_key(store, "two")
    assert direct.execute(select, (ring,)).one()["revision"] != before
    key, _ = new_key("three")
    assert not store._insert(key, before, soon())
    assert not store._insert(key, None, soon())
    assert {each.name for each in store.read_all(soon())} == {"one", "two"}


@pytest.mark.parametrize("fault", [DROP_REQUEST, DROP_ANSWER, CUT_BEFORE, CUT_AFTER])
def test_a_lost_request_or_answer_costs_nothing(
    fault: Fault, contact: Contact, store: CassandraKeyStore, ring: str
) -> None:
    """Whether the node did it or not: the key is there once, and its name taken by itself is no
    conflict; then it is revoked once."""
    key, _ = new_key()
    with FaultProxy(contact.hosts[0], contact.port) as proxy:
        through = Contact(("127.0.0.1",), proxy.port, protocol_version=4)
        session = CassandraSession(through, KEYSPACE, STATEMENTS)
        disturbed = CassandraKeyStore(session, through.serial_consistency, ring)
        assert disturbed.read_all(soon()) == []
        adding = proxy.arm(fault, opcodes=[Opcode.BATCH])
        disturbed.add(key, soon())
        assert adding.wait_struck()
        assert store.read_all(soon()) == [key]
        revoking = proxy.arm(fault, opcodes=[Opcode.EXECUTE])
        assert disturbed.revoke(key.prefix, LATER, soon())
        assert revoking.wait_struck()
        assert store.read_all(soon()) == [replace(key, revoked_at=LATER)]
        session.close()


def test_without_a_cassandra_nothing_is_known() -> None:
    """StoreUnavailable for each call: neither an empty ring nor a name that is free."""
    nobody = Contact(("127.0.0.1",), free_port())
    session = CassandraSession(nobody, KEYSPACE, STATEMENTS)
    store = CassandraKeyStore(session, nobody.serial_consistency)
    key, _ = new_key()
    for call in (
        lambda: store.read_all(soon()),
        lambda: store.add(key, soon()),
        lambda: store.revoke(key.prefix, LATER, soon()),
    ):
        with pytest.raises(StoreUnavailable):
            call()
    session.close()


def test_no_answer_in_time(store: CassandraKeyStore) -> None:
    """With no time left a read is unavailable, and of a write the outcome is not known."""
    key, _ = new_key()
    with pytest.raises(StoreUnavailable):
        store.read_all(soon(0))
    with pytest.raises(OutcomeUnknown):
        store.revoke(key.prefix, LATER, soon(0))
