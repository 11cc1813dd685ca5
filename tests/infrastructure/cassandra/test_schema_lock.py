"""The lock of the migrations, on a real Cassandra: kept by who renews it, taken over from who died,
and no clock of a node decides which."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic, sleep
from uuid import uuid4

import pytest
from cassandra.cluster import Session

from app.application.ports.errors import SchemaError
from app.infrastructure.cassandra import schema_lock as module
from app.infrastructure.cassandra.schema_lock import COLUMNS, TABLE, schema_lock
from app.infrastructure.cassandra.session import Contact, make_cluster
from tests.support.cassandra_node import Node

STALE_SECONDS = 0.2


@pytest.fixture(scope="module")
def session(cassandra_node: Node) -> Iterator[Session]:
    """A session with the lock's table in a keyspace of its own."""
    cluster = make_cluster(Contact((cassandra_node.host,), cassandra_node.port))
    session = cluster.connect()
    keyspace = f"lock_{uuid4().hex[:12]}"
    session.execute(
        f"CREATE KEYSPACE {keyspace} WITH replication ="
        " {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    session.set_keyspace(keyspace)
    session.execute(f"CREATE TABLE {TABLE} {COLUMNS}")
    yield session
    cluster.shutdown()


@pytest.fixture(autouse=True)
def soon_stale(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody holds the lock, and a mark is old after less than a second."""
    session.execute(f"DELETE FROM {TABLE} WHERE name = 'schema' IF EXISTS")
    monkeypatch.setattr(module, "LOCK_SECONDS", STALE_SECONDS)


def seconds_left(session: Session) -> int | None:
    """After which the lock's row is gone by itself; None for never."""
    row = session.execute(f"SELECT owner, TTL(owner) AS seconds FROM {TABLE}").one()
    assert row["owner"]
    seconds: int | None = row["seconds"]
    return seconds


def held(session: Session) -> ExitStack:
    """The lock, which is free again once this is closed."""
    stack = ExitStack()
    stack.enter_context(schema_lock(session, lambda _: None))
    return stack


def test_the_lock_does_not_expire(session: Session) -> None:
    """A node whose clock is an hour fast would not see a row that expires: it has no end, neither
    when it is taken nor when it is renewed."""
    with schema_lock(session, lambda _: None) as renew:
        assert seconds_left(session) is None
        renew()
        assert seconds_left(session) is None
    assert session.execute(f"SELECT owner FROM {TABLE}").one() is None


def test_who_renews_keeps_the_lock(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that takes, and the next one has it afterwards."""
    monkeypatch.setattr(module, "LOCK_SECONDS", 1.0)  # a busy machine renews late
    with ThreadPoolExecutor(1) as pool:
        with schema_lock(session, lambda _: None) as renew:
            waiting = pool.submit(held, session)
            until = monotonic() + 1.5
            while monotonic() < until:
                renew()
                sleep(0.1)
            assert not waiting.done()
        waiting.result(timeout=10).close()


def test_the_lock_of_who_died_is_taken_over(session: Session) -> None:
    """After a time in which nobody renewed it; who waits says so once."""
    session.execute(f"INSERT INTO {TABLE} (name, owner) VALUES ('schema', uuid()) IF NOT EXISTS")
    said: list[str] = []
    began = monotonic()
    with schema_lock(session, said.append) as renew:
        assert monotonic() - began >= STALE_SECONDS
        renew()
    assert said == ["another run holds the schema's lock; waiting for it"]


def test_who_was_paused_for_too_long_is_told(session: Session) -> None:
    """The run that has lost the lock does not go on, and does not free that of the next."""
    with (
        schema_lock(session, lambda _: None) as renew_late,
        schema_lock(session, lambda _: None) as renew,
    ):
        with pytest.raises(SchemaError, match="lost its lock"):
            renew_late()
        renew()
    with schema_lock(session, lambda _: None):
        pass


def test_who_waits_in_vain_is_told(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the end the run gives up, with one sentence."""
    monkeypatch.setattr(module, "LOCK_SECONDS", 60)
    monkeypatch.setattr(module, "LOCK_WAIT_SECONDS", 0.1)
    with (
        schema_lock(session, lambda _: None),
        pytest.raises(SchemaError, match="Another run keeps the schema's lock"),
        schema_lock(session, lambda _: None),
    ):
        pass
