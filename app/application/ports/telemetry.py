"""What the service counts about itself (`docs/operations.md` says what to watch)."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from app.application.projections.status import ViewStatus


class Telemetry(Protocol):
    """What repositories, stores and the command bus count."""

    def appended(self, outcome: str) -> None:
        """An append ended: written, already_applied, conflict, unavailable or unknown."""
        ...

    def retried(self, cause: str) -> None:
        """Something is tried again because of `cause`."""
        ...

    def hedged(self, cause: str) -> None:
        """A request was sent to a second node, as the first was `silent`, `slow` or `of-no-use`."""
        ...

    def store_took(self, operation: str, seconds: float) -> None:
        """A store's append or read took that long."""
        ...


@dataclass(frozen=True, slots=True)
class Followed:
    """How far the feed is, and by projection how far the views of this release are. Positions are
    the feed's."""

    head: int
    views: Mapping[str, ViewStatus]


class RequestTelemetry(Protocol):
    """What the API counts, and shows on /metrics."""

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is a rule's text, never a path that someone sent."""
        ...

    def not_authenticated(self, cause: str) -> None:
        """A request was not let in; see `access.NotAuthenticated.cause`."""
        ...

    def refused(self, cause: str) -> None:
        """A request was refused before any work: `overload` or `quota`."""
        ...

    def listening(self, way: str) -> AbstractContextManager[None]:
        """Count as a listener of the feed while this lasts: a `wait` of a page, or a `stream`."""
        ...

    def exposition(self, store_is_up: bool, followed: Followed | None) -> bytes:
        """All figures in Prometheus' text format. `followed` is None while it cannot be known."""
        ...
