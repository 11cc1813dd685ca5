"""What bootstrap puts together and the blueprints are given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.application.access import Access
from app.application.bus import CommandBus
from app.application.directory import Directory
from app.application.feed import Feed, Tail
from app.application.ports import EventStore
from app.application.repository import CarrierRepository


class RequestTelemetry(Protocol):
    """What the API counts, and shows on /metrics."""

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is a rule's text, never a path that someone sent."""
        ...

    def exposition(self, store_is_up: Callable[[], bool]) -> bytes:
        """All figures in Prometheus' text format."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """One set a process."""

    bus: CommandBus
    carriers: CarrierRepository
    store: EventStore
    telemetry: RequestTelemetry
    new_id: Callable[[], UUID]
    access: Access
    feed: Feed
    tail: Tail
    directory: Directory
    close: Callable[[], None]
    """Lets everybody go who waits, and gives back connections and files."""
