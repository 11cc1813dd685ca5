"""Applies `migrations_cql` to a cluster: `make schema`. Web workers never come here.

Each file runs once, in the order of its name, and is recorded with a checksum. Runs that meet
take turns (schema_lock.py). Every statement can be repeated, so a run that died half way through a
file is simply run again.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

from cassandra import DriverException, UnresolvableContactPoints
from cassandra.cluster import NoHostAvailable, Session
from cassandra.query import SimpleStatement

from app.application.ports.errors import SchemaError
from app.infrastructure.cassandra.errors import DRIVER_ERRORS
from app.infrastructure.cassandra.schema_lock import COLUMNS, LOCK_SECONDS, TABLE, schema_lock
from app.infrastructure.cassandra.session import Contact, make_cluster
from app.infrastructure.cassandra.trouble import why_not_connected

# Fixed table ids: two runs that create the same table through different nodes at once make one
# table, where random ids would make two that disagree.
_RECORDS = "schema_migrations"
_TABLES = {
    _RECORDS: "(name text PRIMARY KEY, checksum text, applied_at timestamp)",
    TABLE: COLUMNS,
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
        with schema_lock(session, say) as renew:
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
        _apply(session, migration, renew)
        session.execute(
            f"INSERT INTO {_RECORDS} (name, checksum, applied_at)"
            " VALUES (%s, %s, toTimestamp(now())) IF NOT EXISTS",
            (migration.name, migration.checksum),
        )
    return [migration.name for migration in missing]


def _apply(session: Session, migration: Migration, renew: Callable[[], None]) -> None:
    """Carry out the statements, all through one node: it knows of each when it is sent the next,
    and to wait for the others every time takes a second of gossip. In the end they are waited for.
    Raises SchemaError."""
    cluster = session.cluster
    node, patience = cluster.get_control_connection_host(), cluster.max_schema_agreement_wait
    if node is not None:  # else each may go through another one
        cluster.max_schema_agreement_wait = 0
    try:
        for statement in migration.statements:
            renew()
            session.execute(statement, timeout=LOCK_SECONDS, host=node)
    finally:
        cluster.max_schema_agreement_wait = patience
    try:
        cluster.refresh_schema_metadata(max_schema_agreement_wait=LOCK_SECONDS)
    except DriverException as error:
        raise SchemaError(
            f"The nodes do not agree on the schema after {LOCK_SECONDS} s; see `nodetool"
            " describecluster`, and run it again."
        ) from error


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
