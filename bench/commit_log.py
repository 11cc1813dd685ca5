"""What it costs that Cassandra syncs its commit log before it acknowledges:

    python -m bench.commit_log [--rounds 5] [--seconds 4] [--modes batch,group:1,periodic]

Our own event store appends to nodes of this machine in turns, one for each mode; the ratios are to
the first mode. Not part of `make bench`: it starts its own nodes.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

from app.application.deadline import Deadline
from app.application.ports.event_store import NO_STREAM
from app.infrastructure.cassandra.session import Contact
from bench import processes
from bench.rounds import say
from bench.servers import ROOT
from tests.support.cassandra_node import JvmNode, start_own
from tests.support.stores import cassandra_store, commit, make_schema

MODES = "batch,group:1,group:10,periodic"
WRITERS = (1, 16)
KEYSPACE = "bench"
_WARM_UPS, _WARM_UP_SECONDS = 3, 8.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one turn: appends a second, milliseconds of an append, CPU milliseconds of the node's
    process an append."""

    rate: float
    p50: float
    p99: float
    cpu: float


class Side:
    """A node in one mode, and our store on it."""

    def __init__(self, mode: str, folder: Path) -> None:
        self.mode = mode
        self._node: JvmNode = start_own(data=folder / mode, overrides=overrides(mode))
        contact = Contact((self._node.host,), self._node.port)
        make_schema(contact, KEYSPACE)
        self._store = cassandra_store(contact, KEYSPACE, attempt_seconds=10)

    def turn(self, writers: int, seconds: float) -> Figures:
        """Each writer begins one stream after another."""
        took: list[float] = []
        cpu, started = processes.cpu_seconds(self._node.pid), time.monotonic()

        def write() -> None:
            while time.monotonic() - started < seconds:
                commit_id, events = commit()
                before = time.monotonic()
                self._store.append(str(uuid4()), NO_STREAM, events, commit_id, Deadline.after(30))
                took.append(time.monotonic() - before)

        threads = [threading.Thread(target=write) for _ in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed, cpu = time.monotonic() - started, processes.cpu_seconds(self._node.pid) - cpu
        took.sort()
        count = len(took)
        return Figures(
            count / elapsed,
            took[count // 2] * 1000,
            took[count * 99 // 100] * 1000,
            cpu * 1000 / count,
        )

    def close(self) -> None:
        """End the node; its data go with the folder."""
        self._store.close()
        self._node.kill()
        self._node.close()


def overrides(mode: str) -> Mapping[str, Any]:
    """Entries of cassandra.yaml for batch, periodic, or group:MILLISECONDS."""
    name, _, window = mode.partition(":")
    entries: dict[str, Any] = {"commitlog_sync": name}
    if name != "periodic":
        entries["commitlog_sync_period"] = "0ms"
    if name == "group":
        entries["commitlog_sync_group_window"] = f"{window}ms"
    return entries


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each mode and number of writers."""
    parser = argparse.ArgumentParser(prog="python -m bench.commit_log", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--modes", default=MODES)
    given = parser.parse_args(arguments)
    (ROOT / "var").mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "var") as folder,
        ExitStack() as running,
    ):
        sides = [
            running.enter_context(closing(Side(mode, Path(folder))))
            for mode in given.modes.split(",")
        ]
        # A JVM gets faster for a while, so all are of one age.
        for side in sides * _WARM_UPS:
            side.turn(max(WRITERS), _WARM_UP_SECONDS)
        print("mode      writers  appends/s      p50 ms      p99 ms  node CPU ms  ÷ first's rate")
        for writers in WRITERS:
            _print(_in_turns(sides, writers, given.rounds, given.seconds), writers)


def _in_turns(
    sides: Sequence[Side], writers: int, rounds: int, seconds: float
) -> dict[str, list[Figures]]:
    """The figures of each mode, round by round; each round begins with another one."""
    found: dict[str, list[Figures]] = {side.mode: [] for side in sides}
    for number in range(rounds):
        first = number % len(sides)
        for side in (*sides[first:], *sides[:first]):
            found[side.mode].append(side.turn(writers, seconds))
        say(f"round {number + 1} of {rounds}, writers: {writers}")
    return found


def _print(found: Mapping[str, Sequence[Figures]], writers: int) -> None:
    """Medians of the rounds, and the median of the rounds' own ratios."""
    first = next(iter(found.values()))
    for mode, figures in found.items():
        shown = [median(getattr(each, name) for each in figures) for name in Figures.__slots__]
        cells = "".join(f"{figure:12.2f}" for figure in shown)
        ratio = median(a.rate / b.rate for a, b in zip(figures, first, strict=True))
        print(f"{mode:10}{writers:7}{cells}{ratio:16.2f}", flush=True)


if __name__ == "__main__":
    main()
