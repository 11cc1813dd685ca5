"""Event stores for tests, named by one line of text so that another process can open them too.

sqlite:<path>  or  cassandra:<host>:<port>:<keyspace>
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4, uuid5

from cassandra.cluster import Session

from app.application.deadline import Deadline
from app.application.ports.event_store import EventData, EventStore
from app.infrastructure.cassandra.append.event_store import CassandraEventStore
from app.infrastructure.cassandra.migrations import migrate, read_migrations
from app.infrastructure.cassandra.requests import ATTEMPT_SECONDS, Requests
from app.infrastructure.cassandra.session import CassandraSession, Contact, make_cluster
from app.infrastructure.cassandra.trouble import why_not_connected
from app.infrastructure.sqlite.event_store import SqliteEventStore
from tests.support.cassandra_node import Node
from tests.support.project import MIGRATIONS

MOMENT = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
ONE_COPY: dict[str, str | int] = {"class": "SimpleStrategy", "replication_factor": 1}


class CountingTelemetry:
    """Implements `ports.telemetry.Telemetry`; `retries` holds the cause of each retry."""

    def __init__(self) -> None:
        self.retries: list[str] = []
        self.appends: list[str] = []
        self.hedges: list[str] = []
        self.operations: list[str] = []

    def appended(self, outcome: str) -> None:
        self.appends.append(outcome)

    def retried(self, cause: str) -> None:
        self.retries.append(cause)

    def hedged(self, cause: str) -> None:
        self.hedges.append(cause)

    def store_took(self, operation: str, seconds: float) -> None:
        assert seconds >= 0
        self.operations.append(operation)


def open_store(name: str) -> EventStore:
    """The store of that name; its schema has to be there."""
    kind, _, rest = name.partition(":")
    if kind == "sqlite":
        return SqliteEventStore(Path(rest))
    host, port, keyspace = rest.split(":")
    return cassandra_store(Contact((host,), int(port)), keyspace)


def cassandra_store(
    contact: Contact,
    keyspace: str,
    telemetry: CountingTelemetry | None = None,
    attempt_seconds: float = ATTEMPT_SECONDS,
) -> CassandraEventStore:
    """A store over its own connections."""
    requests = Requests(
        CassandraSession(contact, keyspace), contact.serial_consistency, attempt_seconds
    )
    return CassandraEventStore(requests, telemetry or CountingTelemetry())


@contextmanager
def driver_session(contact: Contact, keyspace: str | None = None) -> Iterator[Session]:
    """The driver's own session, past what is tested."""
    cluster = make_cluster(contact)
    try:
        yield cluster.connect(keyspace)
    finally:
        cluster.shutdown()


def said_of_connecting(contact: Contact, keyspace: str) -> str:
    """Why it fails, as it is logged."""
    try:
        with driver_session(contact, keyspace):
            pass
    except Exception as error:  # noqa: BLE001 - as the session has it
        text = why_not_connected(contact.hosts, contact.port, keyspace, error)
        assert text.isprintable()
        return text
    raise AssertionError("it connected")


def make_schema(contact: Contact, keyspace: str) -> None:
    """Apply the project's own migrations."""
    migrate(contact, keyspace, ONE_COPY, read_migrations(MIGRATIONS), lambda _: None)


KEYSPACE = f"tests_{uuid4().hex[:12]}"
"""This process's own on the node that all tests share."""

_MADE: dict[str, Contact] = {}
"""Keyspaces on that node, and where it is."""

_BURIED = {"view_rows", "view_lists"}
"""Tables that may look empty, and hide what is written: what is deleted there is so for ever."""


def make_keyspace(node: Node, keyspace: str = KEYSPACE) -> Contact:
    """Apply the project's migrations to the keyspace on the node; returns where the node is.

    KEYSPACE stays until the process ends, and is emptied for each who asks for it: that costs a
    tenth of another one. Others are there until the tests of the module are over.
    """
    contact = Contact((node.host,), node.port)
    if keyspace in _MADE:
        _empty(contact, keyspace)
        return contact
    make_schema(contact, keyspace)
    _MADE[keyspace] = contact
    return contact


def _empty(contact: Contact, keyspace: str) -> None:
    """All tables but those that say which migrations were applied."""
    with driver_session(contact, keyspace) as session:
        tables = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s"
        for row in session.execute(tables, (keyspace,)):
            table = row["table_name"]
            if table.startswith("schema_"):
                continue
            if table in _BURIED or session.execute(f"SELECT * FROM {table} LIMIT 1").one():
                session.execute(f"TRUNCATE {table}", timeout=60)


def drop_keyspaces(*, own: bool = False) -> None:
    """Those that this process has made, with what is in them; KEYSPACE only if `own`."""
    for keyspace in [each for each in _MADE if own or each != KEYSPACE]:
        with driver_session(_MADE.pop(keyspace)) as session:
            session.execute(f'DROP KEYSPACE IF EXISTS "{keyspace}"', timeout=60)


def soon(seconds: float = 20) -> Deadline:
    """A deadline that only a hanging test meets."""
    return Deadline.after(seconds)


def commit(
    count: int = 1, commit_id: UUID | None = None, payload: str = '{"n":1}'
) -> tuple[UUID, Sequence[EventData]]:
    """A commit id and the events of that commit."""
    identity = commit_id or uuid4()
    return identity, [
        EventData(uuid5(identity, str(index)), "SomethingHappened", payload, "{}", MOMENT)
        for index in range(count)
    ]
