"""From the text of GET /metrics to a `Reading`: what the service has counted so far. Pure.

Metrics and their labels are those of `docs/operations.md`.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

Labels = Mapping[str, str]
Where = Callable[[Labels], bool]
Series = tuple[str, frozenset[tuple[str, str]]]
"""A sample's name and its labels."""

MASTER = "master"
"""The process that starts the workers."""

_OF_EVERY_SERVICE = "event_store_up"


class NotFigures(Exception):
    """The text is not what GET /metrics of this service answers; the message is the end of a
    sentence about the answer."""


def everything(_: Labels) -> bool:
    """A condition that every series meets."""
    return True


@dataclass(frozen=True)
class Reading:
    """What a service has counted since its start, and its gauges. `at`, the moment of the answer,
    is in seconds of a monotonic clock of ours; `moment` is the same by the wall clock."""

    at: float
    moment: datetime
    counts: Mapping[Series, float] = field(repr=False)
    gauges: Mapping[Series, float] = field(repr=False)

    def gauge(self, name: str, where: Where = everything) -> float | None:
        """The sum of these gauges; None if there is none."""
        found = [value for _, value in self.gauges_of(name, where)]
        return sum(found) if found else None

    def gauges_of(self, name: str, where: Where = everything) -> Iterator[tuple[Labels, float]]:
        """The labels and the value of each of these gauges."""
        return _selected(self.gauges, name, where)

    def counts_of(self, name: str, where: Where = everything) -> Iterator[tuple[Labels, float]]:
        """The labels of each of these counters, and what it has counted since the service's
        start."""
        return _selected(self.counts, name, where)

    def started_at(self, process: str = MASTER) -> float | None:
        """When this process was started, in seconds of Unix time; None where nothing says it."""
        return self.gauge("process_start_time_seconds", lambda of: of.get("process") == process)


def read(text: str, at: float, moment: datetime | None = None) -> Reading:
    """The reading that the text is. Raises NotFigures."""
    counts: dict[Series, float] = {}
    gauges: dict[Series, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            kept = counts if family.type in ("counter", "histogram") else gauges
            for sample in family.samples:
                if math.isfinite(sample.value):
                    kept[sample.name, frozenset(sample.labels.items())] = sample.value
    except ValueError as error:
        raise NotFigures("not with figures in Prometheus' text format") from error
    if not any(name == _OF_EVERY_SERVICE for name, _ in gauges):
        raise NotFigures(f"with figures of something else: {_OF_EVERY_SERVICE} is not among them")
    return Reading(at, moment or datetime.now(UTC), counts, gauges)


def _selected(
    kept: Mapping[Series, float], name: str, where: Where
) -> Iterator[tuple[Labels, float]]:
    for (of, labels), value in kept.items():
        if of == name and where(named := dict(labels)):
            yield named, value
