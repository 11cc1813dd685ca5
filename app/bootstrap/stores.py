"""What a kind of database brings to the service, and how it is asked for."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple, Protocol

from app.application.deadline import Deadline
from app.application.doctor import Finding
from app.application.ports.event_store import EventStore
from app.application.ports.feed import Feed, FeedLag, Sequencer
from app.application.ports.keys import KeyStore
from app.application.ports.telemetry import Telemetry
from app.application.ports.tracing import Tracer
from app.application.ports.views import ViewStore
from app.application.projections.rebuild import BATCH


class Stores(NamedTuple):
    """What keeps data, of one kind of database."""

    events: EventStore
    keys: KeyStore
    feed: Feed
    views: ViewStore
    sequencer: Sequencer | None = None
    feed_lag: Callable[[Deadline], FeedLag] | None = None
    """How far the sequencer was behind a few seconds ago; raises StoreUnavailable."""
    rebuild_batch: int = BATCH


class Examination(NamedTuple):
    """What was found of a database before its stores are opened. `has_stores`: there are tables or
    files, so that stores can be opened; `has_views`: also of views."""

    findings: list[Finding]
    has_stores: bool = True
    has_views: bool = True


class Wiring(Protocol):
    """Makes the stores of one kind of database; `closing` is told how they are closed.

    A registry that is missing is an error unless the caller `makes` one. A caller who `waits`
    gets stores that try again at each use if they cannot be opened now; for any other the methods
    raise StoreUnavailable.
    """

    def open_stores(
        self,
        telemetry: Telemetry,
        closing: ExitStack,
        *,
        makes: bool,
        waits: bool,
        tracer: Tracer,
    ) -> Stores:
        """All stores."""
        ...

    def open_keys(self, closing: ExitStack, *, makes: bool) -> KeyStore:
        """The API keys alone."""
        ...

    def examine(self) -> Examination:
        """What could lose or leak the data of the database. Raises StoreUnavailable if it cannot
        be reached at all."""
        ...
