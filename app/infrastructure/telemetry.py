"""The service's own figures, kept by prometheus-client. Implements `ports.Telemetry`.

With several worker processes the figures live in files below PROMETHEUS_MULTIPROC_DIR, which
`config/gunicorn.conf.py` sets before this module is imported; one scrape adds them up.
`docs/operations.md` says what each is for.
"""

import os
from collections.abc import Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector

from app.application.services import Followed

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_requests = Counter("http_requests", "Requests answered.", ["method", "route", "status"])
_request_seconds = Histogram(
    "http_request_duration_seconds", "Time to answer.", ["method", "route"], buckets=_SECONDS
)
_appends = Counter("event_store_appends", "Appends by how they ended.", ["outcome"])
_retries = Counter("event_store_retries", "What was tried again, by cause.", ["cause"])
_store_seconds = Histogram(
    "event_store_operation_seconds", "Time in the event store.", ["operation"], buckets=_SECONDS
)

_OUTCOMES = ("written", "recognised", "conflict", "unavailable", "unknown")


class PrometheusTelemetry:
    """The one set of figures of a process."""

    def __init__(self) -> None:
        # An alert on an increase misses a series that first appears with a value of 1.
        for outcome in _OUTCOMES:
            _appends.labels(outcome)

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is a rule's text, never a path that someone sent."""
        _requests.labels(method, route, str(status)).inc()
        _request_seconds.labels(method, route).observe(seconds)

    def appended(self, outcome: str) -> None:
        """See `ports.Telemetry`."""
        _appends.labels(outcome).inc()

    def retried(self, cause: str) -> None:
        """See `ports.Telemetry`."""
        _retries.labels(cause).inc()

    def store_took(self, operation: str, seconds: float) -> None:
        """See `ports.Telemetry`."""
        _store_seconds.labels(operation).observe(seconds)

    def exposition(self, store_is_up: bool, followed: Followed | None) -> bytes:
        """See `services.RequestTelemetry`. All figures of all workers, and what was asked now."""
        asked_now = CollectorRegistry()
        asked_now.register(_Asked(store_is_up, followed))
        return generate_latest(_kept()) + generate_latest(asked_now)


class _Asked(Collector):
    """A Gauge would be kept for each process, and a dead one's would be told for ever."""

    def __init__(self, store_is_up: bool, followed: Followed | None) -> None:
        self._up = store_is_up
        self._followed = followed

    def collect(self) -> Iterable[Metric]:
        """See `prometheus_client.registry.Collector`."""
        text = "Whether the store answers (1) or not (0)."
        yield GaugeMetricFamily("event_store_up", text, value=float(self._up))
        if self._followed is None:
            return
        text = "The last position of the feed."
        yield GaugeMetricFamily("feed_position", text, value=self._followed.head)
        text = "The last position that the view has taken in."
        yield _by_projection("view_position", text, self._followed.checkpoints)
        text = "Streams that the view has stopped following."
        yield _by_projection("view_parked_streams", text, self._followed.parked)


def _by_projection(name: str, text: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["projection"])
    for projection, value in values.items():
        family.add_metric([projection], value)
    return family


def _kept() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
