"""The contract of key stores, on a real Cassandra; and what only Cassandra can do wrong."""

from dataclasses import replace
from uuid import uuid4

import pytest
from cassandra.cluster import Session

from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.keys import KeyStore
from app.infrastructure.cassandra.keys import CassandraKeyStore
from app.infrastructure.cassandra.migrations import migrate, read_migrations
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Contact
from app.infrastructure.clock import to_milliseconds
from tests.contracts.key_store import LATER, KeyStoreContract
from tests.support.cassandra_node import Node
from tests.support.cql_frames import Opcode
from tests.support.keys import add_key, new_key
from tests.support.processes import free_port, wait_until
from tests.support.project import MIGRATIONS
from tests.support.stores import KEYSPACE, ONE_COPY, make_schema, soon
from tests.support.tcp_proxy import (
    CUT_AFTER,
    CUT_BEFORE,
    DROP_ANSWER,
    DROP_REQUEST,
    Fault,
    FaultProxy,
)

BEHIND = f"keys_behind_{uuid4().hex[:12]}"


@pytest.fixture
def ring() -> str:
    """A partition that nobody has used."""
    return str(uuid4())


@pytest.fixture
def store(session: CassandraSession, contact: Contact, ring: str) -> CassandraKeyStore:
    """A store without a key."""
    return CassandraKeyStore(Requests(session, contact.serial_consistency), ring)


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
        session = CassandraSession(through, KEYSPACE)
        disturbed = CassandraKeyStore(Requests(session, through.serial_consistency), ring)
        assert disturbed.read_all(soon()) == []
        adding = proxy.arm(fault, opcodes=[Opcode.BATCH])
        disturbed.add(key, soon())
        assert adding.wait_struck()
        assert store.read_all(soon()) == [key]
        revoking = proxy.arm(fault, opcodes=[Opcode.EXECUTE])
        assert disturbed.revoke(key.prefix, LATER, soon())
        assert revoking.wait_struck()
        assert store.read_all(soon()) == [replace(key, revoked_at=LATER)]
        ending = proxy.arm(fault, opcodes=[Opcode.EXECUTE])
        assert disturbed.end_sessions(key.prefix, LATER, soon())
        assert ending.wait_struck()
        (ended,) = store.read_all(soon())
        assert ended.sessions_ended_at == LATER
        session.close()


def test_without_a_cassandra_nothing_is_known() -> None:
    """StoreUnavailable for each call: neither an empty ring nor a name that is free."""
    nobody = Contact(("127.0.0.1",), free_port())
    session = CassandraSession(nobody, KEYSPACE)
    store = CassandraKeyStore(Requests(session, nobody.serial_consistency))
    key, _ = new_key()
    for call in (
        lambda: store.read_all(soon()),
        lambda: store.add(key, soon()),
        lambda: store.revoke(key.prefix, LATER, soon()),
        lambda: store.end_sessions(key.prefix, LATER, soon()),
        lambda: store.note_uses({key.prefix: LATER}, soon()),
        lambda: store.last_uses(soon()),
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


def test_a_schema_that_is_behind_is_no_store(cassandra_node: Node) -> None:
    """Before the migration that brings expiry, nothing is answered and the log says what to do, as
    with any other migration that is missing: a key is never taken for one that does not expire."""
    contact = Contact((cassandra_node.host,), cassandra_node.port)
    before = [each for each in read_migrations(MIGRATIONS) if each.name < "0009"]
    migrate(contact, BEHIND, ONE_COPY, before, lambda _: None)
    session = CassandraSession(contact, BEHIND)
    store = CassandraKeyStore(Requests(session, contact.serial_consistency))
    for call in (lambda: store.read_all(soon()), lambda: store.last_uses(soon())):
        with pytest.raises(StoreUnavailable):
            call()
    make_schema(contact, BEHIND)
    wait_until(lambda: answers(store), 30, "the store to find the schema")
    session.close()


def answers(store: CassandraKeyStore) -> bool:
    """Whether the store can be read."""
    try:
        store.read_all(soon())
    except StoreUnavailable:
        return False
    return True


def test_a_key_of_an_older_release_never_expires(
    store: CassandraKeyStore, direct: Session, ring: str
) -> None:
    """That release goes on inserting and reading beside this one: it names its columns."""
    key, _ = new_key("older")
    insert = direct.prepare(
        "INSERT INTO api_keys (ring, prefix, digest, name, scopes, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS"
    )
    direct.execute(
        insert, (ring, key.prefix, key.digest, key.name, set(key.scopes), key.created_at)
    )
    newer = replace(new_key("newer")[0], expires_at=LATER)
    store.add(newer, soon())
    assert {each.name: each for each in store.read_all(soon())} == {"older": key, "newer": newer}
    select = (
        "SELECT prefix, digest, name, scopes, created_at, revoked_at, revision FROM api_keys"
        " WHERE ring = %s"
    )
    assert len(list(direct.execute(select, (ring,)))) == 2


def test_a_use_that_arrives_late_changes_nothing(
    store: CassandraKeyStore, direct: Session, ring: str
) -> None:
    """Each is dated with itself, not with the clock of the node that takes it."""
    prefix = add_key(store)[:12]
    store.note_uses({prefix: LATER}, soon())
    select = "SELECT WRITETIME(used_at) AS written FROM api_key_uses WHERE ring = %s"
    (row,) = direct.execute(select, (ring,))
    assert row["written"] == to_milliseconds(LATER) * 1000


def test_uses_without_time_are_not_noted(store: CassandraKeyStore) -> None:
    """StoreUnavailable, which the caller is free to ignore."""
    with pytest.raises(StoreUnavailable):
        store.note_uses({"abcdefghijkl": LATER}, soon(0))
    with pytest.raises(StoreUnavailable):
        store.last_uses(soon(0))
