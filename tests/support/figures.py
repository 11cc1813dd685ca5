"""Beside the way of the data: keeps what parts count about themselves, for tests to look at."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from app.application.ports.telemetry import Followed


class KeptFigures:
    """Implements `ports.telemetry.Telemetry` and `ports.telemetry.RequestTelemetry` in plain
    counters."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.refusals: list[str] = []
        self.hedges: Counter[str] = Counter()
        self.listeners: Counter[str] = Counter()
        self.timed: list[tuple[str, float]] = []

    def appended(self, outcome: str) -> None:
        """See `ports.telemetry.Telemetry`."""
        self.outcomes[outcome] += 1

    def retried(self, cause: str) -> None:
        """See `ports.telemetry.Telemetry`."""
        self.retries[cause] += 1

    def hedged(self, cause: str) -> None:
        """See `ports.telemetry.Telemetry`."""
        self.hedges[cause] += 1

    def store_took(self, operation: str, seconds: float) -> None:
        """See `ports.telemetry.Telemetry`."""
        self.timed.append((operation, seconds))

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """See `ports.telemetry.RequestTelemetry`."""
        self.requests[method, route, status] += 1

    def refused(self, cause: str) -> None:
        """See `ports.telemetry.RequestTelemetry`."""

    def not_authenticated(self, cause: str) -> None:
        """See `ports.telemetry.RequestTelemetry`."""
        self.refusals.append(cause)

    @contextmanager
    def listening(self, way: str) -> Iterator[None]:
        """See `ports.telemetry.RequestTelemetry`."""
        self.listeners[way] += 1
        yield
        self.listeners[way] -= 1

    def exposition(self, store_is_up: bool, followed: Followed | None) -> bytes:
        """See `ports.telemetry.RequestTelemetry`."""
        return f"event_store_up {int(store_is_up)}".encode()
