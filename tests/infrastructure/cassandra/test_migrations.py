"""`make schema`, on a real Cassandra: repeatable, safe when two meet, and honest about changes."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from uuid import uuid4

import pytest
from cassandra.cluster import Session

from app.application.ports.errors import SchemaError
from app.application.ports.event_store import NO_STREAM
from app.infrastructure.cassandra.migrations import Migration, migrate, read_migrations
from app.infrastructure.cassandra.session import Contact
from tests.support.cassandra_node import Node
from tests.support.project import MIGRATIONS
from tests.support.stores import ONE_COPY, cassandra_store, commit, driver_session, soon

# To the letter what the original registry tells its users to run.
SEED_CQL = """
CREATE TABLE IF NOT EXISTS events ( aggregate_id text, version int, event_type text, payload text,
created_at timestamp, PRIMARY KEY (aggregate_id, version) ) WITH CLUSTERING ORDER BY (version ASC);
"""
ALL = [migration.name for migration in read_migrations(MIGRATIONS)]


@pytest.fixture(scope="module")
def contact(cassandra_node: Node) -> Contact:
    """Where the node is."""
    return Contact((cassandra_node.host,), cassandra_node.port)


@pytest.fixture
def keyspace() -> str:
    """A keyspace that does not exist yet."""
    return f"schema_{uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def direct(contact: Contact) -> Iterator[Session]:
    """A session past the migrations."""
    with driver_session(contact) as session:
        yield session


def apply(contact: Contact, keyspace: str, migrations: list[Migration] | None = None) -> list[str]:
    """Run the project's migrations, or others."""
    chosen = migrations if migrations is not None else read_migrations(MIGRATIONS)
    return migrate(contact, keyspace, ONE_COPY, chosen, lambda _: None)


def migration(name: str, *statements: str) -> Migration:
    """A migration that is in no file."""
    return Migration(name, hashlib.sha256(repr(statements).encode()).hexdigest(), statements)


def test_an_empty_cluster_gets_everything_once(
    contact: Contact, keyspace: str, direct: Session
) -> None:
    """The first run applies all files and records them; the second has nothing to do."""
    assert apply(contact, keyspace) == ALL
    assert apply(contact, keyspace) == []
    rows = direct.execute(f"SELECT name, checksum FROM {keyspace}.schema_migrations")
    assert {row["name"]: row["checksum"] for row in rows} == {
        each.name: each.checksum for each in read_migrations(MIGRATIONS)
    }
    columns = direct.execute(
        "SELECT column_name FROM system_schema.columns"
        f" WHERE keyspace_name = '{keyspace}' AND table_name = 'events'"
    )
    assert {row["column_name"] for row in columns} >= {
        "aggregate_id",
        "version",
        "event_type",
        "payload",
        "created_at",
    }


def test_a_keyspace_of_the_seed_keeps_its_events(
    contact: Contact, keyspace: str, direct: Session
) -> None:
    """A keyspace made by the original registry's own CQL, with an event in it, is taken over as it
    is."""
    direct.execute(
        f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication ="
        " {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    direct.execute(SEED_CQL.replace("EXISTS events", f"EXISTS {keyspace}.events"))
    direct.execute(
        f"INSERT INTO {keyspace}.events (aggregate_id, version, event_type, payload, created_at)"
        """ VALUES ('old', 1, 'CarrierRegistered', '{"name": "FedEx"}', 0)"""
    )
    assert apply(contact, keyspace) == ALL
    store = cassandra_store(contact, keyspace)
    commit_id, events = commit()
    assert store.append("old", 1, events, commit_id, soon()).version == 2
    assert [event.data.payload for event in store.read("old", soon())] == [
        '{"name": "FedEx"}',
        events[0].payload,
    ]
    commit_id, events = commit()
    assert store.append("new", NO_STREAM, events, commit_id, soon()).version == 1
    store.close()


def test_runs_that_meet_take_turns(contact: Contact, keyspace: str) -> None:
    """Of four runs at once on an empty cluster each file is applied by exactly one."""
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: apply(contact, keyspace), range(4)))
    assert sorted(chain.from_iterable(applied)) == ALL


def test_a_changed_file_is_refused(contact: Contact, keyspace: str, direct: Session) -> None:
    """What was applied must not change behind the record; nothing else is applied then."""
    apply(
        contact,
        keyspace,
        [migration("0001_a.cql", "CREATE TABLE IF NOT EXISTS a (k int PRIMARY KEY)")],
    )
    changed = [
        migration("0001_a.cql", "CREATE TABLE IF NOT EXISTS b (k int PRIMARY KEY)"),
        migration("0002_c.cql", "CREATE TABLE IF NOT EXISTS c (k int PRIMARY KEY)"),
    ]
    with pytest.raises(SchemaError, match=r"0001_a\.cql was changed"):
        apply(contact, keyspace, changed)
    tables = direct.execute(
        f"SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{keyspace}'"
    )
    assert {row["table_name"] for row in tables}.isdisjoint({"b", "c"})


def test_a_newer_keyspace_is_refused(contact: Contact, keyspace: str) -> None:
    """An older release does not touch what a newer one has made."""
    apply(contact, keyspace, [migration("9999_future.cql")])
    with pytest.raises(SchemaError, match=r"9999_future\.cql"):
        apply(contact, keyspace)


def test_a_run_that_failed_half_way_can_be_repeated(contact: Contact, keyspace: str) -> None:
    """A statement that fails ends the run with one sentence and frees the lock."""
    good = "CREATE TABLE IF NOT EXISTS a (k int PRIMARY KEY)"
    with pytest.raises(SchemaError, match="Cassandra did not do it"):
        apply(contact, keyspace, [migration("0001.cql", good, "CREATE NONSENSE")])
    assert apply(contact, keyspace, [migration("0001.cql", good)]) == ["0001.cql"]


def test_no_cassandra_is_one_sentence(keyspace: str) -> None:
    """Where nothing listens, the run ends with a SchemaError."""
    with pytest.raises(SchemaError):
        apply(Contact(("127.0.0.1",), 9), keyspace)


def test_a_folder_without_migrations_is_refused(tmp_path: Path) -> None:
    """Running from the wrong folder must not look like success."""
    with pytest.raises(SchemaError, match=r"no \.cql files"):
        read_migrations(tmp_path)


def test_every_statement_can_be_repeated() -> None:
    """A run that died half way through a file is run again, so each statement allows it."""
    for each in read_migrations(MIGRATIONS):
        assert each.statements
        for statement in each.statements:
            is_an_option = statement.startswith("ALTER TABLE") and " WITH " in statement
            assert is_an_option or "IF NOT EXISTS" in statement


def test_make_schema_from_a_shell(contact: Contact, keyspace: str) -> None:
    """`carriers schema` says what it did, and that nothing is left to do."""
    command = [sys.executable, "-m", "app.cli", "schema"]
    env = {
        "PATH": "/usr/bin:/bin",
        "CASSANDRA_HOST": contact.hosts[0],
        "CASSANDRA_PORT": str(contact.port),
        "CASSANDRA_KEYSPACE": keyspace,
    }
    first = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert "applying 0001_events.cql (1 of" in first.stderr
    assert first.stdout.startswith(f"schema of keyspace {keyspace} is up to date: applied 0001")
    second = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert "nothing to do" in second.stdout


def test_every_table_asks_another_copy_soon(
    contact: Contact, keyspace: str, direct: Session
) -> None:
    """While one of three copies is silent, a read does not wait for it as long as the slowest reads
    took of late, or for 2.5 seconds at a node that has not read the table before."""
    apply(contact, keyspace)
    tables = direct.execute(
        "SELECT table_name, speculative_retry, additional_write_policy FROM system_schema.tables"
        f" WHERE keyspace_name = '{keyspace}'"
    )
    waits = {
        (row["speculative_retry"], row["additional_write_policy"])
        for row in tables
        if not row["table_name"].startswith("schema_")
    }
    assert waits == {("50ms", "50ms")}
