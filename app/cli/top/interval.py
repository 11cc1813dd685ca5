"""What a service did between two readings: rates, and quantiles of times. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from app.cli.top.quantiles import quantile
from app.cli.top.reading import Labels, Reading, Where, everything

_CLOCK_SECONDS = 2.0
"""The kernel derives the start of a process from the wall clock, so it wavers by a second."""


@dataclass(frozen=True)
class Latency:
    """How long half of the answers took at most, and 99 of a hundred, in seconds. `limit` is the
    longest time that the service tells from longer ones: a value that reaches it may be longer."""

    p50: float
    p99: float
    limit: float


def is_continued(before: Reading, after: Reading) -> bool:
    """Whether the later reading is of the same process as the former one, so that the differences
    say what happened in between. After a restart the counts begin at 0."""
    if not is_same_start(before.started_at(), after.started_at()):
        return False
    return all(
        after.counts.get(series, 0.0) >= value
        for series, value in before.counts.items()
        if not series[0].startswith("process_")  # those of a worker that was replaced
    )


def is_same_start(one: float | None, other: float | None) -> bool:
    """Whether these starts, in seconds of Unix time, are of one process; also if neither is
    known."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _CLOCK_SECONDS


class Interval:
    """The time between two readings of one process. Raises ValueError if they are of two."""

    def __init__(self, before: Reading, after: Reading) -> None:
        if not is_continued(before, after):
            raise ValueError("the readings are not of the same process")
        self._before = before
        self._after = after
        self.seconds = max(after.at - before.at, 1e-3)

    def increases(self, name: str, where: Where = everything) -> Iterator[tuple[Labels, float]]:
        """The labels of each of these counters, and how much it has counted. A counter that was
        not there before has begun at 0."""
        for labels, value in self._after.counts_of(name, where):
            was = self._before.counts.get((name, frozenset(labels.items())), 0.0)
            yield labels, max(0.0, value - was)

    def rate(self, name: str, where: Where = everything) -> float:
        """How much these counters have counted a second."""
        return sum(more for _, more in self.increases(name, where)) / self.seconds

    def rates_by(self, label: str, name: str, where: Where = everything) -> dict[str, float]:
        """The same for each value of the label, in the order in which the service names them."""
        found: dict[str, float] = defaultdict(float)
        for labels, more in self.increases(name, where):
            found[labels.get(label, "")] += more / self.seconds
        return dict(found)

    def latency(self, histogram: str, where: Where = everything) -> Latency | None:
        """The latency by this histogram of seconds; None if nothing was observed."""
        buckets: dict[float, float] = defaultdict(float)
        for labels, more in self.increases(f"{histogram}_bucket", where):
            buckets[float(labels["le"])] += more
        p50, p99 = quantile(0.5, buckets), quantile(0.99, buckets)
        if p50 is None or p99 is None:
            return None
        return Latency(p50, p99, max((each for each in buckets if math.isfinite(each)), default=0))
