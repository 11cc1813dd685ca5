"""The services that bootstrap makes and the blueprints use."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from app.application.access.ring import Access
from app.application.audit.audit import Audit
from app.application.bus import CommandBus
from app.application.directory.pages import Directory
from app.application.feed import Tail
from app.application.handlers import CommandDone
from app.application.merging import Merging
from app.application.operations import Operations
from app.application.ports.event_store import EventStore
from app.application.ports.feed import Feed
from app.application.ports.seen_keys import SeenKeys
from app.application.ports.telemetry import RequestTelemetry
from app.application.ports.tracing import NO_TRACING, Tracer
from app.application.repository import CarrierRepository, ColumnMappingsRepository, PolicyRepository


@dataclass(frozen=True, slots=True)
class Services:
    """All services of a process."""

    bus: CommandBus[CommandDone]
    merging: Merging
    carriers: CarrierRepository
    policies: PolicyRepository
    mappings: ColumnMappingsRepository
    store: EventStore
    telemetry: RequestTelemetry
    new_id: Callable[[], UUID]
    access: Access
    feed: Feed
    tail: Tail
    directory: Directory
    audit: Audit
    seen_keys: Callable[[], SeenKeys]
    close: Callable[[], None]
    """Ends every wait, and closes connections and files."""
    operations: Operations
    tracer: Tracer = NO_TRACING
