"""Applies `migrations_cql` to a cluster: `make schema`. Web workers never come here.

Each file runs once, in the order of its name, and is recorded with a checksum. Runs that meet
take turns by a lock in Cassandra; a run that died leaves a lock that expires. Every statement
can be repeated, so a run that died half way through a file is simply run again.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4, uuid5

from cassandra import UnresolvableContactPoints
from cassandra.cluster import NoHostAvailable, Session
from cassandra.query import SimpleStatement

from app.application.deadline import Deadline
from app.application.ports.errors import SchemaError
from app.infrastructure.cassandra.errors import DRIVER_ERRORS
from app.infrastructure.cassandra.session import Contact, make_cluster
from app.infrastructure.cassandra.trouble import why_not_connected

LOCK_SECONDS = 60
LOCK_WAIT_SECONDS = 180
_POLL_SECONDS = 0.2

# Fixed table ids: two runs that create the same table through different nodes at once make one
# table, where random ids would make two that disagree.
_RECORDS = "schema_migrations"
_LOCK = "schema_lock"
_TABLES = {
    _RECORDS: "(name text PRIMARY KEY, checksum text, applied_at timestamp)",
    _LOCK: "(name text PRIMARY KEY, owner uuid)",
}
_TABLE_IDS = UUID("6f1d3e60-63a1-11ef-8b67-325096b39f47")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Migration:
    """A file of CQL statements. `checksum` is the SHA-256 of its bytes."""

    name: str
    checksum: str
    statements: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Migration":
        """Split at semicolons that end a line; comments are lines that begin with two dashes."""
        source = path.read_bytes()
        code = re.sub(r"(?m)^\s*--.*$", "", source.decode())
        statements = (statement.strip() for statement in re.split(r"(?m);\s*$", code))
        return cls(path.name, hashlib.sha256(source).hexdigest(), tuple(filter(None, statements)))


def read_migrations(folder: Path) -> list[Migration]:
    """The folder's migrations in order. Raises SchemaError if there is none."""
    migrations = [Migration.read(path) for path in sorted(folder.glob("*.cql"))]
    if not migrations:
        raise SchemaError(f"There are no .cql files in {folder}; run this from the project's root.")
    return migrations


def migrate(
    contact: Contact,
    keyspace: str,
    replication: Mapping[str, str | int],
    migrations: Sequence[Migration],
    say: Say,
) -> list[str]:
    """Bring the keyspace up to date and return the names that were applied now.

    `replication` is used where the keyspace does not exist yet. Raises SchemaError.
    """
    try:
        cluster = make_cluster(contact)
    except (UnresolvableContactPoints, OSError) as error:
        why = why_not_connected(contact.hosts, contact.port, keyspace, error)
        raise SchemaError(f"Cassandra cannot be reached: {why}.") from error
    try:
        session = cluster.connect()
        _create_keyspace(session, keyspace, replication, say)
        with _lock(session, uuid4(), say) as renew:
            return _apply_missing(session, migrations, renew, say)
    except NoHostAvailable as error:
        why = why_not_connected(contact.hosts, contact.port, keyspace, error)
        raise SchemaError(f"Cassandra did not do it: {why}.") from error
    except DRIVER_ERRORS as error:
        raise SchemaError(f"Cassandra did not do it: {error}") from error
    finally:
        cluster.shutdown()


def _create_keyspace(
    session: Session, keyspace: str, replication: Mapping[str, str | int], say: Say
) -> None:
    options = ", ".join(f"'{name}': '{value}'" for name, value in replication.items())
    if keyspace not in session.cluster.metadata.keyspaces:
        say(f"creating keyspace {keyspace} with {{{options}}}")
    session.execute(f'CREATE KEYSPACE IF NOT EXISTS "{keyspace}" WITH replication = {{{options}}}')
    session.set_keyspace(keyspace)
    for table, columns in _TABLES.items():
        table_id = uuid5(_TABLE_IDS, f"{keyspace}.{table}")
        session.execute(f"CREATE TABLE IF NOT EXISTS {table} {columns} WITH id = {table_id}")


def _apply_missing(
    session: Session, migrations: Sequence[Migration], renew: Callable[[], None], say: Say
) -> list[str]:
    applied = _applied(session)
    _refuse_what_does_not_fit(applied, migrations)
    missing = [migration for migration in migrations if migration.name not in applied]
    for number, migration in enumerate(missing, 1):
        say(f"applying {migration.name} ({number} of {len(missing)})")
        for statement in migration.statements:
            renew()
            session.execute(statement, timeout=LOCK_SECONDS)
        session.execute(
            f"INSERT INTO {_RECORDS} (name, checksum, applied_at)"
            " VALUES (%s, %s, toTimestamp(now())) IF NOT EXISTS",
            (migration.name, migration.checksum),
        )
    return [migration.name for migration in missing]


def _applied(session: Session) -> dict[str, str]:
    select = SimpleStatement(f"SELECT name, checksum FROM {_RECORDS}")
    return {row["name"]: row["checksum"] for row in session.execute(select)}


def _refuse_what_does_not_fit(applied: Mapping[str, str], migrations: Sequence[Migration]) -> None:
    for migration in migrations:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise SchemaError(
                f"{migration.name} was changed after it had been applied;"
                " restore it and put the change into a new file."
            )
    unknown = sorted(applied.keys() - {migration.name for migration in migrations})
    if unknown:
        raise SchemaError(
            f"The keyspace has {', '.join(unknown)}, which this program does not know;"
            " use the program's newer release."
        )


@contextmanager
def _lock(session: Session, owner: UUID, say: Say) -> Iterator[Callable[[], None]]:
    """Hold the keyspace's lock; gives a function that renews it, or raises if it was lost."""
    take = f"INSERT INTO {_LOCK} (name, owner) VALUES ('schema', %s) IF NOT EXISTS USING TTL %s"
    keep = f"UPDATE {_LOCK} USING TTL %s SET owner = %s WHERE name = 'schema' IF owner = %s"
    free = f"DELETE FROM {_LOCK} WHERE name = 'schema' IF owner = %s"
    deadline = Deadline.after(LOCK_WAIT_SECONDS)
    waiting = False
    while not session.execute(take, (owner, LOCK_SECONDS)).was_applied:
        if deadline.expired:
            raise SchemaError("Another run keeps the schema's lock; try again when it has ended.")
        if not waiting:
            say("another run holds the schema's lock; waiting for it")
        waiting = True
        time.sleep(_POLL_SECONDS)

    def renew() -> None:
        if not session.execute(keep, (LOCK_SECONDS, owner, owner)).was_applied:
            raise SchemaError("This run was paused for too long and lost its lock; run it again.")

    try:
        yield renew
    finally:
        session.execute(free, (owner,))
