"""What `carriers top` shows, as data: one reading, and the rates since the one before. Pure.

Rates are per second, times in seconds, sizes in bytes, positions and lags in events.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from app.cli.top.interval import Interval, Latency, is_continued, is_same_start
from app.cli.top.reading import MASTER, Labels, Reading, Where

ROUTES = 5
"""How many of the slowest routes are shown."""

_REQUESTS, _REQUEST_SECONDS = "http_requests_total", "http_request_duration_seconds"
_PROBES = re.compile(r"/health/.*|/metrics")
_UNTIMED = re.compile(r"/health/.*|/metrics|/events|/events/stream|un.*")
"""Routes whose time says nothing, as in the objective `latency` of monitoring/rules."""
_NO_COMMANDS = ("/events/ticket", "unmatched")
_CLASSES = ("2xx", "3xx", "4xx", "5xx")
_OUTCOMES = {"done": "2xx", "refused": "4xx", "failed": "5xx"}
_UNANSWERED = ("unavailable", "unknown")


@dataclass(frozen=True)
class Route:
    """A route with the answers that it gave."""

    method: str
    route: str
    rate: float
    latency: Latency


@dataclass(frozen=True)
class Rates:
    """What the service did in `seconds`. Probes (health, metrics) count nowhere."""

    seconds: float
    requests: float
    answers: Mapping[str, float]
    answered_in: Latency | None
    commands: Mapping[str, float]
    turned_away: Mapping[str, float]
    appends: Mapping[str, float]
    store_answered_in: Mapping[str, Latency | None]
    retries: float
    hedges: Mapping[str, float]
    feed: float | None
    slowest: tuple[Route, ...]


@dataclass(frozen=True)
class Waiting:
    """Appends that have no position in the feed yet, and for how long the oldest has none."""

    appends: int
    seconds: float


@dataclass(frozen=True)
class View:
    """How far a view is behind the feed's last position."""

    name: str
    behind: int
    parked: int
    is_made: bool


@dataclass(frozen=True)
class Worker:
    """A worker process. `cpu` is its share of one CPU; None without an earlier reading of it."""

    name: str
    resident_bytes: float
    cpu: float | None
    is_new: bool


@dataclass(frozen=True)
class Summary:
    """All of it. `waiting` is None where no append ever waits, `rates` if nothing is known of the
    time before, as after a restart."""

    url: str
    moment: datetime
    release: str
    started: datetime | None
    store_is_up: bool
    feed_position: int | None
    waiting: Waiting | None
    views: tuple[View, ...]
    listeners: Mapping[str, int]
    workers: tuple[Worker, ...]
    failed_appends: Mapping[str, int]
    is_restarted: bool
    rates: Rates | None


def summary(url: str, before: Reading | None, after: Reading) -> Summary:
    """What the service at the URL is and did. `before` is None at the first reading."""
    continued = before is not None and is_continued(before, after)
    interval = Interval(before, after) if before is not None and continued else None
    position = after.gauge("feed_position")
    started = after.started_at()
    appends = after.counts_of("event_store_appends_total")
    return Summary(
        url=url,
        moment=after.moment,
        release=next((of["version"] for of, _ in after.gauges_of("carriers_build_info")), "?"),
        started=None if started is None else datetime.fromtimestamp(started, UTC),
        store_is_up=bool(after.gauge("event_store_up")),
        feed_position=None if position is None else int(position),
        waiting=_waiting(after),
        views=tuple(_views(after, position)),
        listeners={of["way"]: int(value) for of, value in after.gauges_of("feed_listeners")},
        workers=tuple(_workers(interval, before, after)),
        failed_appends={
            of["outcome"]: int(value) for of, value in appends if of["outcome"] in _UNANSWERED
        },
        is_restarted=before is not None and not continued,
        rates=None if interval is None or before is None else _rates(interval, before, after),
    )


def _waiting(reading: Reading) -> Waiting | None:
    """None on SQLite, where an append has its position at once."""
    appends, oldest = reading.gauge("feed_waiting_appends"), reading.gauge("feed_waiting_seconds")
    return None if appends is None or oldest is None else Waiting(int(appends), oldest)


def _views(reading: Reading, position: float | None) -> Iterator[View]:
    for of, checkpoint in reading.gauges_of("view_position"):
        name = of["projection"]
        parked = reading.gauge("view_parked_streams", _has("projection", name))
        is_made = reading.gauge("view_made", _has("projection", name))
        behind = max(0.0, (position or 0.0) - checkpoint)
        yield View(name, int(behind), int(parked or 0), is_made != 0)


def _workers(interval: Interval | None, before: Reading | None, after: Reading) -> Iterator[Worker]:
    for of, resident in after.gauges_of("process_resident_memory_bytes"):
        name = of["process"]
        if name == MASTER:
            continue
        was = None if before is None else before.started_at(name)
        is_new = interval is not None and not is_same_start(was, after.started_at(name))
        cpu = None
        if interval is not None and not is_new:
            cpu = interval.rate("process_cpu_seconds_total", _has("process", name))
        yield Worker(name, resident, cpu, is_new)


def _rates(interval: Interval, before: Reading, after: Reading) -> Rates:
    was, position = before.gauge("feed_position"), after.gauge("feed_position")
    moved = None if was is None or position is None else max(0.0, position - was)
    return Rates(
        seconds=interval.seconds,
        requests=interval.rate(_REQUESTS, _is_no_probe),
        answers={
            each: interval.rate(_REQUESTS, _both(_is_no_probe, _answered(each)))
            for each in _CLASSES
        },
        answered_in=interval.latency(_REQUEST_SECONDS, _is_timed),
        commands={
            name: interval.rate(_REQUESTS, _both(_is_command, _answered(each)))
            for name, each in _OUTCOMES.items()
        },
        turned_away={
            **interval.rates_by("cause", "http_requests_refused_total"),
            "no_valid_key": interval.rate("authentication_failures_total"),
        },
        appends=interval.rates_by("outcome", "event_store_appends_total"),
        store_answered_in=_store_latency(interval),
        retries=interval.rate("event_store_retries_total"),
        hedges=interval.rates_by("cause", "event_store_hedges_total"),
        feed=None if moved is None else moved / interval.seconds,
        slowest=_slowest(interval),
    )


def _store_latency(interval: Interval) -> dict[str, Latency | None]:
    name = "event_store_operation_seconds"
    operations = interval.rates_by("operation", f"{name}_count")
    return {each: interval.latency(name, _has("operation", each)) for each in operations}


def _slowest(interval: Interval) -> tuple[Route, ...]:
    """The routes with the highest p99, the slowest first."""
    found = []
    for of, answers in interval.increases(f"{_REQUEST_SECONDS}_count", _is_timed):
        at = _both(_has("method", of["method"]), _has("route", of["route"]))
        latency = interval.latency(_REQUEST_SECONDS, at)
        if latency is not None:
            rate = answers / interval.seconds
            found.append(Route(of["method"], of["route"], rate, latency))
    return tuple(sorted(found, key=lambda each: -each.latency.p99)[:ROUTES])


def _is_no_probe(of: Labels) -> bool:
    return not _PROBES.fullmatch(of["route"])


def _is_timed(of: Labels) -> bool:
    return not _UNTIMED.fullmatch(of["route"])


def _is_command(of: Labels) -> bool:
    return of["method"] == "POST" and of["route"] not in _NO_COMMANDS


def _has(label: str, value: str) -> Where:
    return lambda of: of.get(label) == value


def _answered(status_class: str) -> Where:
    """The answers of a class, such as 4xx."""
    return lambda of: of["status"].startswith(status_class[0])


def _both(one: Where, other: Where) -> Where:
    return lambda of: one(of) and other(of)
