"""Behind the way of the data: what was measured, as a table and in words."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Any

_PACKAGES = ("flask", "marshmallow", "gunicorn", "cassandra-driver", "eventsourcing")

HOW_TO_READ = """\
ours and peer are medians, per second, of the rounds; ratio is the median of the rounds' own
ratios, since the two of a round ran right after each other, in turns first. A ratio compares two
programs on this machine at this hour: trust it, and not the figures per second, which another disk
or neighbour would change. Where min and max lie far apart, the machine was busy: run it again.
  (a) what the whole of the service costs over doing nothing: below 1 by what validation, ids, an
      access line, metrics and the disk's sync take.
  (b) the same job by other means; its schema is (a)'s and it writes neither log nor metrics.
  (c) the same conditional batch without HTTP, from one process with as many threads as the HTTP
      side has requests in flight, so the cluster sees the same concurrency from both.
  (d) no HTTP: one thread is bound by the disk's sync on both sides; with eight, ours share syncs.
  (e) the same carrier's load, change and append, in process, when its stream is long and when it is
      short: 0.5 is twice the time.
  (f) as (a), with everything switched on that a careful caller uses.
All durable: WAL with synchronous=FULL on both sides of (b) and (d)."""


@dataclass(slots=True)
class Measure:
    """One line of the table: rates per second, one of ours and one of the peer's a round."""

    key: str
    what: str
    aim: float
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Ours ÷ peer, round by round."""
        return [ours / peer for ours, peer in zip(self.ours, self.peer, strict=True)]


def conditions() -> dict[str, str | int | None]:
    """When and on what it was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{package: version(package) for package in _PACKAGES},
    }


def as_json(measures: Sequence[Measure], conditions: dict[str, Any]) -> dict[str, Any]:
    """Everything, for whoever wants to compare runs."""
    lines = [asdict(measure) | {"ratio": median(measure.ratios)} for measure in measures]
    return {"conditions": conditions, "measures": lines}


def as_text(measures: Sequence[Measure], conditions: dict[str, Any]) -> str:
    """The table, and how to read it."""
    head = ("measure", "ours/s", "peer/s", "ratio", "aim", "min … max")
    rows = [head, *map(_row, measures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    where = " · ".join(f"{name} {value}" for name, value in conditions.items())
    return f"{table}\n\n{HOW_TO_READ}\n\n{where}"


def _row(measure: Measure) -> tuple[str, ...]:
    ratios = measure.ratios
    return (
        f"({measure.key}) {measure.what}",
        f"{median(measure.ours):,.0f}",
        f"{median(measure.peer):,.0f}",
        f"{median(ratios):.2f}",
        f"≥ {measure.aim:g}",
        f"{min(ratios):.2f} … {max(ratios):.2f}",
    )
