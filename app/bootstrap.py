"""The one place that chooses implementations: settings in, services out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from app.application.access import Access, KeyRing, KeyStore
from app.application.bus import CommandBus
from app.application.handlers import CarrierHandlers
from app.application.ports import Clock, EventStore, Telemetry
from app.application.repository import CarrierRepository
from app.application.services import Services
from app.infrastructure.clock import system_clock
from app.infrastructure.codec import JsonCodec
from app.infrastructure.metered_store import MeteredEventStore
from app.infrastructure.sqlite_keys import SqliteKeyStore
from app.infrastructure.sqlite_store import SqliteEventStore
from app.infrastructure.telemetry import PrometheusTelemetry
from config.settings import Settings

if TYPE_CHECKING:
    from app.infrastructure.cassandra_session import Contact

clock: Clock = system_clock
"""The time, for all parts."""


def build_services(settings: Settings) -> Services:
    """Everything that a process needs. Call it after a fork, never before.

    Raises StoreUnavailable if the SQLite file cannot be opened. Cassandra may be down: the
    services answer StoreUnavailable until it is there.
    """
    telemetry = PrometheusTelemetry()
    events, keys = open_stores(settings, telemetry)
    store = MeteredEventStore(events, telemetry)
    carriers = CarrierRepository(store, JsonCodec(), clock)
    bus = CommandBus(CarrierHandlers(carriers).table(), telemetry)
    access = Access(KeyRing(keys), settings.keyless, settings.keyless_hosts)
    return Services(bus, carriers, store, telemetry, uuid4, access)


def open_stores(settings: Settings, telemetry: Telemetry) -> tuple[EventStore, KeyStore]:
    """The stores that the settings name, of events and of API keys. The first one closes both."""
    if settings.event_store == "sqlite":
        return SqliteEventStore(settings.sqlite_path), SqliteKeyStore(settings.sqlite_path)
    # Imported only here: the driver costs a second and 30 MB that SQLite does not need.
    from app.infrastructure import cassandra_keys
    from app.infrastructure.cassandra_session import CassandraSession
    from app.infrastructure.cassandra_store import STATEMENTS, CassandraEventStore

    contact = cassandra_contact(settings)
    statements = STATEMENTS | cassandra_keys.STATEMENTS
    session = CassandraSession(contact, settings.cassandra_keyspace, statements)
    return (
        CassandraEventStore(session, telemetry, contact.serial_consistency),
        cassandra_keys.CassandraKeyStore(session, contact.serial_consistency),
    )


@contextmanager
def opened_keys(settings: Settings) -> Iterator[KeyStore]:
    """The API keys alone, for a shell. Raises StoreUnavailable."""
    if settings.event_store == "sqlite":
        yield SqliteKeyStore(settings.sqlite_path)
        return
    from app.infrastructure.cassandra_keys import STATEMENTS, CassandraKeyStore
    from app.infrastructure.cassandra_session import CassandraSession

    contact = cassandra_contact(settings)
    session = CassandraSession(contact, settings.cassandra_keyspace, STATEMENTS)
    try:
        yield CassandraKeyStore(session, contact.serial_consistency)
    finally:
        session.close()


def cassandra_contact(settings: Settings) -> "Contact":
    """Where the settings say that Cassandra is."""
    from app.infrastructure.cassandra_session import Contact

    return Contact(
        hosts=settings.cassandra_hosts,
        port=settings.cassandra_port,
        local_dc=settings.cassandra_local_dc,
        username=settings.cassandra_username,
        password=settings.cassandra_password,
        tls_ca=settings.cassandra_tls_ca,
        tls_cert=settings.cassandra_tls_cert,
        tls_key=settings.cassandra_tls_key,
    )


def bring_schema_up_to_date(
    settings: Settings, folder: Path, say: Callable[[str], None]
) -> list[str]:
    """Apply the migrations of the folder to the Cassandra of the settings; returns the names of
    those applied now. Raises SchemaError."""
    from app.infrastructure import cql_migrations

    return cql_migrations.migrate(
        cassandra_contact(settings),
        settings.cassandra_keyspace,
        settings.replication,
        cql_migrations.read_migrations(folder),
        say,
    )
