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

_HEAD = ("measure", "ours", "peer", "ratio", "aim", "min … max")
_NONE = "-"
_PACKAGES = ("flask", "marshmallow", "gunicorn", "cassandra-driver", "eventsourcing")

HOW_TO_READ = """\
ours and peer are medians of the rounds; ratio is the median of the rounds' own ratios, since the
two of a round ran right after each other, in turns first. A ratio compares two programs on this
machine at this hour: trust it, and not the figures beside it, which another disk or neighbour would
change. Where min and max lie far apart, the machine was busy: run it again. An aim is one for the
ratio; where there is no peer, for the figure itself.
  (a) what the whole of the service costs over doing nothing: below 1 by what validation, ids, an
      access line, metrics and the disk's sync take.
  (b) the same job by other means; its schema is (a)'s and it writes neither log nor metrics.
  (c) without HTTP, from as many processes and threads as ours serves with: the same writes in the
      same order, which are the intent, the claim and the append (ours writes intents together where
      threads meet, and acknowledges them); and the append alone, which is what a store without
      unique values and without a feed would write. Nobody sequences or makes views, or a follower
      does meanwhile.
  (d) no HTTP: one thread is bound by the disk's sync on both sides; with eight, ours share syncs.
  (e) the same carrier's load, change and append, in process, when its stream is long and when it is
      short: 0.5 is twice the time.
  (f) as (a), with everything switched on that a careful caller uses.
  (g) in process, from the first event to the last, 1,000 at a time. Both run the same SELECT; the
      peer keeps the driver's tuples, ours makes of each an event with its id and its moment.
  (h) the same, with one prepared SELECT for both and 500 rows a fetch. Ours also checks that no
      position is missing, and waits by a monotonic deadline.
  (i) from what two writers prepared and acknowledged while nobody sequenced, one event each,
      until all are in the feed. The backlog is made without the appends' conditional writes.
  (j) the whole of a rebuild by a process that has just started, the live view being up to date:
      fill a generation, compare it, swap, drop the former one. On SQLite one carrier in ten has a
      profile and one in ten was renamed; on Cassandra all events are registrations.
  (k) milliseconds of GET /carriers with 25 a page, over HTTP with one kept-alive connection to one
      worker, p50 of 100 requests; ours at the larger size, the peer is ours at the smallest one.
      1 means that the number of carriers makes no difference; less is as good. One in three has a
      profile. A rare word and an identifier find one carrier, all others fill the page. Memory is
      that of each process after all that: what it has in RAM, and the same with what it shares
      with others divided by their number.
  (l) as (k). The views are written by our own store, the events are left out.
  (m) in process. Milliseconds of the last ten events of a history, p50 of 50 times after a first
      one; the peer is ours where these ten are the whole history. And all pages from the first to
      the last, by a process that has just started.
  (n) in process, one thread. Rows of a CSV file with a profile, planned and applied, and the same
      registrations one by one, each from its JSON through the schema and the bus.
All durable: WAL with synchronous=FULL on both sides of (b) and (d)."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What figures are in, and which way they are better."""

    name: str
    digits: int
    better: str

    def shown(self, figure: float) -> str:
        """The figure as text."""
        return f"{figure:,.{self.digits}f} {self.name}"


PER_SECOND = Unit("/s", 0, "≥")
MILLISECONDS = Unit("ms", 2, "≤")
MEGABYTES = Unit("MB", 0, "≤")


@dataclass(slots=True)
class Measure:
    """One line of the table: figures, one of ours and, if there is a peer, one of its a round.

    The aim is one for the ratio; without a peer, for the figure itself.
    """

    key: str
    what: str
    aim: float | None = None
    unit: Unit = PER_SECOND
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Ours ÷ peer, round by round; none without a peer."""
        if not self.peer:
            return []
        return [ours / peer for ours, peer in zip(self.ours, self.peer, strict=True)]

    @property
    def judged(self) -> list[float]:
        """What the aim is for, round by round."""
        return self.ratios or self.ours


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
    lines = [
        asdict(measure) | {"ratio": median(measure.ratios) if measure.ratios else None}
        for measure in measures
    ]
    return {"conditions": conditions, "measures": lines}


def as_text(measures: Sequence[Measure], conditions: dict[str, Any]) -> str:
    """The table, and how to read it."""
    table = in_columns([_HEAD, *map(_row, measures)])
    return f"{table}\n\n{HOW_TO_READ}\n\n{in_words(conditions)}"


def as_markdown(measures: Sequence[Measure], conditions: dict[str, Any]) -> str:
    """The same as a table in Markdown, without how to read it."""
    lines = [_HEAD, ("---",) + ("---:",) * (len(_HEAD) - 1), *map(_row, measures)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\n{in_words(conditions)}"


def in_columns(rows: Sequence[Sequence[str]]) -> str:
    """The rows as text, each column as wide as its widest cell, all but the first to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def in_words(conditions: dict[str, Any]) -> str:
    """The conditions on one line."""
    return " · ".join(f"{name} {value}" for name, value in conditions.items())


def _row(measure: Measure) -> tuple[str, ...]:
    def judged(figure: float) -> str:
        return f"{figure:.2f}" if measure.peer else measure.unit.shown(figure)

    return (
        f"({measure.key}) {measure.what}",
        measure.unit.shown(median(measure.ours)),
        measure.unit.shown(median(measure.peer)) if measure.peer else _NONE,
        judged(median(measure.ratios)) if measure.peer else _NONE,
        f"{measure.unit.better} {judged(measure.aim)}" if measure.aim is not None else _NONE,
        f"{judged(min(measure.judged))} … {judged(max(measure.judged))}",
    )
