"""What bootstrap puts together and the blueprints are given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.application.access import Access
from app.application.bus import CommandBus
from app.application.directory import Directory
from app.application.feed import Feed, Tail
from app.application.ports import EventStore
from app.application.repository import CarrierRepository


@dataclass(frozen=True, slots=True)
class Followed:
    """How far the feed is, and by projection how far its live view is and how many streams it has
    parked. Positions are the feed's."""

    head: int
    checkpoints: Mapping[str, int]
    parked: Mapping[str, int]


class RequestTelemetry(Protocol):
    """What the API counts, and shows on /metrics."""

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is a rule's text, never a path that someone sent."""
        ...

    def exposition(self, store_is_up: bool, followed: Followed | None) -> bytes:
        """All figures in Prometheus' text format. `followed` is None while it cannot be known."""
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
