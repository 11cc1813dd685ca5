"""The service's metrics, kept by prometheus-client. Implements the ports of `ports/telemetry.py`.

Worker processes keep their metrics in shared memory (`shared_figures`), and a scrape sums them up.
`docs/operations.md` says what each metric is for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.feed import FeedLag
from app.application.ports.telemetry import Followed
from app.infrastructure.observability.process_figures import BuildInfo, ProcessFigures
from app.infrastructure.observability.shared_figures import SharedFigures

LAG_SECONDS = 0.5
"""How long a scrape waits for what waits for a position."""

MeasureLag = Callable[[Deadline], FeedLag]
"""Raises StoreUnavailable."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_requests = Counter("http_requests", "Requests answered.", ["method", "route", "status"])
_request_seconds = Histogram(
    "http_request_duration_seconds", "Time to answer.", ["method", "route"], buckets=_SECONDS
)
_appends = Counter("event_store_appends", "Appends by how they ended.", ["outcome"])
_retries = Counter("event_store_retries", "What was tried again, by cause.", ["cause"])
_hedges = Counter("event_store_hedges", "Requests sent to a second node, by cause.", ["cause"])
_listeners = Gauge("feed_listeners", "Who waits for events of the feed now.", ["way"])
_not_authenticated = Counter(
    "authentication_failures", "Requests not let in for want of a valid key, by cause.", ["cause"]
)
_refused = Counter(
    "http_requests_refused", "Requests refused before any work, by cause.", ["cause"]
)
_store_seconds = Histogram(
    "event_store_operation_seconds", "Time in the event store.", ["operation"], buckets=_SECONDS
)

_shared: SharedFigures | None = None
_REFUSALS = ("overload", "quota")
_OUTCOMES = ("written", "already_applied", "conflict", "unavailable", "unknown")
_RETRIES = ("version-conflict",)
_HEDGES = ("silent", "slow", "of-no-use")
_WAYS = ("wait", "stream")
_CAUSES = (
    *("missing", "malformed", "ticket"),
    *("unknown", "wrong-secret", "revoked", "expired", "limited"),
)


def share(figures: SharedFigures, slot: int | None) -> None:
    """Keep this worker's metrics in the slot. Call it before any metric has a value."""
    global _shared  # noqa: PLW0603 - belongs to the process, as its metrics do
    _shared = figures
    figures.use(slot)


# Each series is found once: prometheus-client makes text of the labels and takes a lock to find it.
@cache
def _of_route(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return _requests.labels(method, route, str(status)), _request_seconds.labels(method, route)


@cache
def _of_outcome(outcome: str) -> Counter:
    return _appends.labels(outcome)


@cache
def _of_operation(operation: str) -> Histogram:
    return _store_seconds.labels(operation)


class PrometheusTelemetry:
    """The metrics of a process. Implements `Telemetry` and `RequestTelemetry`."""

    def __init__(self) -> None:
        self._feed_lag: MeasureLag | None = None
        # An alert on an increase misses a series that first appears with a value of 1.
        for outcome in _OUTCOMES:
            _appends.labels(outcome)
        for cause in _RETRIES:
            _retries.labels(cause)
        for cause in _HEDGES:
            _hedges.labels(cause)
        for way in _WAYS:
            _listeners.labels(way).set(0)  # the slot may be that of a worker that was killed
        for cause in _CAUSES:
            _not_authenticated.labels(cause)
        for cause in _REFUSALS:
            _refused.labels(cause)

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; `route` is the text of a routing rule, never the path of a request."""
        answered, took = _of_route(method, route, status)
        answered.inc()
        took.observe(seconds)

    def not_authenticated(self, cause: str) -> None:
        """See `RequestTelemetry`."""
        _not_authenticated.labels(cause).inc()

    def refused(self, cause: str) -> None:
        """See `RequestTelemetry`."""
        _refused.labels(cause).inc()

    def appended(self, outcome: str) -> None:
        """See `Telemetry`."""
        _of_outcome(outcome).inc()

    def retried(self, cause: str) -> None:
        """See `Telemetry`."""
        _retries.labels(cause).inc()

    def hedged(self, cause: str) -> None:
        """See `Telemetry`."""
        _hedges.labels(cause).inc()

    def store_took(self, operation: str, seconds: float) -> None:
        """See `Telemetry`."""
        _of_operation(operation).observe(seconds)

    @contextmanager
    def listening(self, way: str) -> Iterator[None]:
        """See `RequestTelemetry`."""
        with _listeners.labels(way).track_inprogress():
            yield

    def watch(self, feed_lag: MeasureLag) -> None:
        """Show from now on how much waits for a position in the feed, asked at each scrape."""
        self._feed_lag = feed_lag

    def exposition(self, store_is_up: bool, followed: Followed | None) -> bytes:
        """See `RequestTelemetry`. The sums of all workers, and gauges that are read now."""
        current = CollectorRegistry()
        current.register(_Gauges(store_is_up, followed))
        if followed is not None and self._feed_lag is not None:
            current.register(_FeedGauges(self._feed_lag))
        current.register(BuildInfo())
        current.register(ProcessFigures())
        return generate_latest(_kept()) + generate_latest(current)


class _Gauges(Collector):
    """Gauges that are read at the scrape. prometheus-client's own would be kept for each process,
    and those of a dead process would be reported for ever."""

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
        views = self._followed.views
        yield _by_projection("view_position", text, {at: views[at].checkpoint for at in views})
        text = "Streams that the view has stopped following."
        yield _by_projection("view_parked_streams", text, {at: views[at].parked for at in views})
        text = "Whether there is a view made by this release (1), or queries wait for it (0)."
        yield _by_projection("view_made", text, {at: int(views[at].is_made) for at in views})


class _FeedGauges(Collector):
    """What waits for a position; nothing while that cannot be found out in time."""

    def __init__(self, measure: MeasureLag) -> None:
        self._measure = measure

    def collect(self) -> Iterable[Metric]:
        """See `prometheus_client.registry.Collector`."""
        try:
            lag = self._measure(Deadline.after(LAG_SECONDS))
        except StoreUnavailable:
            return
        text = "Appends that have no position in the feed yet."
        yield GaugeMetricFamily("feed_waiting_appends", text, value=lag.waiting)
        text = "How long the first of them has waited; 0 if none waits."
        yield GaugeMetricFamily("feed_waiting_seconds", text, value=lag.oldest_seconds)


def _by_projection(name: str, text: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["projection"])
    for projection, value in values.items():
        family.add_metric([projection], value)
    return family


def _kept() -> CollectorRegistry:
    if _shared is None:
        return REGISTRY
    registry = CollectorRegistry()
    registry.register(_shared.collector())
    return registry
