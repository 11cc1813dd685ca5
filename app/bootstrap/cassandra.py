"""Wires the service to Cassandra. Importing this module loads the driver: see `choice`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from app.application.ports.keys import KeyStore
from app.application.ports.telemetry import Telemetry
from app.application.ports.tracing import NO_TRACING, Tracer
from app.bootstrap.stores import Examination, Stores
from app.infrastructure.cassandra import keys, migrations, roles
from app.infrastructure.cassandra.append import event_store
from app.infrastructure.cassandra.doctor import checks, facts
from app.infrastructure.cassandra.feed import backfill, lag, reader, sequencer
from app.infrastructure.cassandra.hedging import ignored
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Contact
from app.infrastructure.cassandra.views import store as views
from app.infrastructure.clock import system_clock
from config.settings import Settings

MIGRATIONS = Path(__file__).parents[2] / "migrations_cql"


class CassandraWiring:
    """Implements `stores.Wiring`, and does what an operator does to Cassandra alone.

    Nothing is made or waited for here: the schema makes the registry, and a session connects by
    itself, as often as it takes.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.contact = Contact(
            hosts=settings.cassandra_hosts,
            port=settings.cassandra_port,
            local_dc=settings.cassandra_local_dc,
            username=settings.cassandra_username,
            password=settings.cassandra_password,
            tls_ca=settings.cassandra_tls_ca,
            tls_cert=settings.cassandra_tls_cert,
            tls_key=settings.cassandra_tls_key,
            tls_check_hostname=settings.cassandra_tls_check_hostname,
        )

    def open_stores(
        self,
        telemetry: Telemetry,
        closing: ExitStack,
        *,
        makes: bool,
        waits: bool,
        tracer: Tracer,
    ) -> Stores:
        """See `stores.Wiring`."""
        requests = self._requests(closing, tracer, telemetry.hedged)
        events = event_store.CassandraEventStore(requests, telemetry)
        closing.callback(events.close)
        return Stores(
            events,
            keys.CassandraKeyStore(requests),
            reader.CassandraFeed(requests),
            views.CassandraViewStore(requests),
            sequencer.CassandraSequencer(requests, tracer=tracer),
            lag.LagReader(requests).recent,
        )

    def open_keys(self, closing: ExitStack, *, makes: bool) -> KeyStore:
        """See `stores.Wiring`."""
        return keys.CassandraKeyStore(self._requests(closing))

    def examine(self) -> Examination:
        """See `stores.Wiring`."""
        keyspace = self._settings.cassandra_keyspace
        cluster = facts.gather(self.contact, keyspace, system_clock)
        known = {each.name: each.checksum for each in migrations.read_migrations(MIGRATIONS)}
        schema = list(checks.of_schema(cluster.keyspace, keyspace, known))
        has_tables = not any(each.code in checks.WITHOUT_TABLES for each in schema)
        return Examination([*checks.check(cluster, self.contact), *schema], has_tables, has_tables)

    def backfill_streams(self) -> Iterator[tuple[int, int]]:
        """See `CassandraBackfill.run`."""
        with ExitStack() as closing:
            filling = backfill.CassandraBackfill(self._requests(closing))
            closing.callback(filling.close)
            yield from filling.run()

    def bring_schema_up_to_date(self, folder: Path, say: Callable[[str], None]) -> list[str]:
        """Apply the migrations of the folder; returns the names of those applied now. Raises
        SchemaError."""
        return migrations.migrate(
            self.contact,
            self._settings.cassandra_keyspace,
            self._settings.replication,
            migrations.read_migrations(folder),
            say,
        )

    def replace_first_login(self, say: Callable[[str], None]) -> None:
        """See `roles.replace_first_login`."""
        roles.replace_first_login(self.contact, say)

    def let_in(self, name: str, password: str, say: Callable[[str], None]) -> None:
        """See `roles.let_in`; the keyspace is that of the settings."""
        roles.let_in(self.contact, self._settings.cassandra_keyspace, name, password, say)

    def _requests(
        self,
        closing: ExitStack,
        tracer: Tracer = NO_TRACING,
        on_hedge: Callable[[str], None] = ignored,
    ) -> Requests:
        keyspace = self._settings.cassandra_keyspace
        session = CassandraSession(self.contact, keyspace, tracer=tracer, on_hedge=on_hedge)
        closing.callback(session.close)
        return Requests(session, self.contact.serial_consistency)
