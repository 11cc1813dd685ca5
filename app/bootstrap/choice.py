"""Takes the database that the settings name. The one place that imports the Cassandra wiring."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.application.ports.keys import KeyStore
from app.application.ports.telemetry import Telemetry
from app.application.ports.tracing import NO_TRACING, Tracer
from app.bootstrap.sqlite import SqliteWiring
from app.bootstrap.stores import Examination, Stores, Wiring
from app.infrastructure.observability.telemetry import PrometheusTelemetry
from app.infrastructure.observability.traced_feed import TracedFeed
from app.infrastructure.observability.traced_store import TracedEventStore
from app.infrastructure.observability.traced_views import TracedViewStore
from config.settings import Settings

if TYPE_CHECKING:
    from app.bootstrap.cassandra import CassandraWiring
    from app.infrastructure.cassandra.session import Contact


def _cassandra(settings: Settings) -> "CassandraWiring":
    # Imported late: the driver costs a second and 30 MB that SQLite does not need.
    from app.bootstrap.cassandra import CassandraWiring

    return CassandraWiring(settings)


def _chosen(settings: Settings) -> Wiring:
    return SqliteWiring(settings) if settings.event_store == "sqlite" else _cassandra(settings)


def open_stores(
    settings: Settings,
    telemetry: Telemetry,
    closing: ExitStack,
    *,
    makes: bool = False,
    waits: bool = False,
    tracer: Tracer = NO_TRACING,
) -> Stores:
    """The stores that the settings name; see `Wiring`. With traces each call of them is shown."""
    stores = _chosen(settings).open_stores(
        telemetry, closing, makes=makes, waits=waits, tracer=tracer
    )
    return _traced(stores, tracer) if tracer.is_on else stores


def _traced(stores: Stores, tracer: Tracer) -> Stores:
    return stores._replace(
        events=TracedEventStore(stores.events, tracer),
        feed=TracedFeed(stores.feed, tracer),
        views=TracedViewStore(stores.views, tracer),
    )


@contextmanager
def opened_stores(settings: Settings, *, makes: bool = False) -> Iterator[Stores]:
    """All stores, for a shell; see `Wiring`. Raises StoreUnavailable."""
    with ExitStack() as closing:
        yield open_stores(settings, PrometheusTelemetry(), closing, makes=makes)


@contextmanager
def opened_keys(settings: Settings, *, makes: bool = False) -> Iterator[KeyStore]:
    """The API keys alone, for a shell; see `Wiring`. Raises StoreUnavailable."""
    with ExitStack() as closing:
        yield _chosen(settings).open_keys(closing, makes=makes)


def examined(settings: Settings) -> Examination:
    """The database that the settings name, before its stores are opened; see `Wiring.examine`."""
    return _chosen(settings).examine()


def cassandra_contact(settings: Settings) -> "Contact":
    """Where the settings say that Cassandra is."""
    return _cassandra(settings).contact


def backfill_streams(settings: Settings) -> Iterator[tuple[int, int]]:
    """See `CassandraWiring.backfill_streams`."""
    return _cassandra(settings).backfill_streams()


def bring_schema_up_to_date(
    settings: Settings, folder: Path, say: Callable[[str], None]
) -> list[str]:
    """See `CassandraWiring.bring_schema_up_to_date`."""
    return _cassandra(settings).bring_schema_up_to_date(folder, say)


def replace_first_login_of(settings: Settings, say: Callable[[str], None]) -> None:
    """See `CassandraWiring.replace_first_login`."""
    _cassandra(settings).replace_first_login(say)


def let_in_to(settings: Settings, name: str, password: str, say: Callable[[str], None]) -> None:
    """See `CassandraWiring.let_in`."""
    _cassandra(settings).let_in(name, password, say)
