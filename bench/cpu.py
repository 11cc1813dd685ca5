"""Beside the ratios: what a registration costs in CPU time, process by process (`--cpu`).

CPU time divided by answers is steadier than answers per second: what else runs on the machine, and
how fast its disk is, hardly show in it. It decides whether a change made the service cheaper.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench import processes, servers
from bench.on_cassandra import keyspace_of_our_own
from bench.report import in_columns
from bench.rounds import Run, say
from bench.servers import HttpServer
from tests.support.cassandra_node import JvmNode, Unavailable, start_own
from tests.support.processes import Server

SECONDS = 4.0
ROLES = ("workers", "follower", "Cassandra")
HEAD = (
    "",
    "answers/s",
    "p50 ms",
    "p99 ms",
    *(f"{role} µs" for role in ROLES),
    "all µs",
    "served by",
)
HOW_TO_READ = """\
Medians of the rounds, in which all are measured in turns; 16 kept-alive connections register as
fast as they are answered. µs are CPU time of the processes divided by the answers: `workers` are
gunicorn with all its children, `all` is the sum. `served by` is how many of the connections each
worker held in the last round. The follower sequences, where the store needs it, and makes the
views; where it has no figure, the workers do that, or nobody does."""

_NOT_FOLLOWING = {"WORKERS_FOLLOW": "false"}


@dataclass(frozen=True, slots=True)
class Turn:
    """One measurement: answers a second, seconds of the median and of 99 of 100 answers, CPU
    microseconds of an answer by role, and connections by worker."""

    rate: float
    p50: float
    p99: float
    cpu: Mapping[str, float]
    served: Sequence[int]


class Side:
    """A server, and the processes beside it that have a part in its answers."""

    def __init__(self, server: HttpServer, beside: Mapping[str, int]) -> None:
        self._server = server
        self._beside = beside

    def turn(self) -> Turn:
        """Register for a while. Raises WrongAnswer."""
        before: Mapping[str, float] = {}
        after: Mapping[str, float] = {}
        served: list[int] = []

        def begun() -> None:
            nonlocal before
            before = self._cpu_seconds()

        def over() -> None:
            nonlocal after
            after = self._cpu_seconds()
            served.extend(self._server.connections().values())

        load = self._server.load(SECONDS, begun, over)
        cpu = {role: 1e6 * (after[role] - before[role]) / load.answers for role in before}
        return Turn(load.rate, load.within(0.5), load.within(0.99), cpu, sorted(served))

    def _cpu_seconds(self) -> Mapping[str, float]:
        workers = (self._server.pid, *processes.children(self._server.pid))
        used = {role: processes.cpu_seconds(pid) for role, pid in self._beside.items()}
        return {"workers": sum(map(processes.cpu_seconds, workers)), **used}


Start = Callable[[Path], HttpServer]


def measured(run: Run) -> str:
    """The table, first of everything on SQLite, then on Cassandra if there is one."""
    rows = [HEAD, *_on_sqlite(run)]
    try:
        node = start_own(short_lived=False)
    except Unavailable as reason:
        say(f"without Cassandra: {reason}")
    else:
        with closing(node):
            rows += _on_cassandra(node, run)
    return f"{in_columns(rows)}\n\n{HOW_TO_READ}"


def _on_sqlite(run: Run) -> Sequence[tuple[str, ...]]:
    following = partial(servers.ours, env=_NOT_FOLLOWING)
    with ExitStack() as running:
        start = partial(_started, running, run.folder)
        sides = {
            "bare Flask echo": start("echo", servers.bare_echo),
            "SQLite, nobody follows": start("nobody", following),
            "SQLite, workers follow": start("workers", servers.ours),
            "SQLite, a follower": start("follower", following, follows=True),
        }
        return _rows(sides, run.rounds)


def _on_cassandra(node: JvmNode, run: Run) -> Sequence[tuple[str, ...]]:
    with ExitStack() as running:
        sides: dict[str, Side] = {}
        for name, more in (("nobody follows", _NOT_FOLLOWING), ("workers follow", {})):
            settings = running.enter_context(keyspace_of_our_own(node))
            env = {**servers.cassandra(settings), **more}
            folder = run.folder / f"cassandra-{len(sides)}"
            server = running.enter_context(servers.ours(folder, env))
            sides[f"Cassandra, {name}"] = Side(server, {"Cassandra": node.pid})
        # A JVM gets faster for a while.
        for side in (*sides.values(), *sides.values()):
            side.turn()
        return _rows(sides, run.rounds)


def _started(
    running: ExitStack, above: Path, name: str, start: Start, *, follows: bool = False
) -> Side:
    server = running.enter_context(start(above / name))
    beside = {}
    if follows:
        beside["follower"] = running.enter_context(_follower(server, above / name))
    return Side(server, beside)


@contextmanager
def _follower(server: HttpServer, folder: Path) -> Iterator[int]:
    """`carriers feed follow` over the server's store; gives its process id."""
    follower = Server(
        [sys.executable, "-m", "app.cli", "feed", "follow"],
        log=folder / "follower.log",
        ready=lambda: "following" in (folder / "follower.log").read_text(),
        env=server.env,
        cwd=servers.ROOT,
    )
    follower.start()
    try:
        yield follower.pid
    finally:
        follower.stop()


def _rows(sides: Mapping[str, Side], rounds: int) -> Sequence[tuple[str, ...]]:
    turns: dict[str, list[Turn]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            turns[name].append(sides[name].turn())
            cpu = ", ".join(f"{role} {each:.0f} µs" for role, each in turns[name][-1].cpu.items())
            say(f"round {number + 1} of {rounds}: {name}: {cpu}")
    return [_row(name, found) for name, found in turns.items()]


def _row(name: str, turns: Sequence[Turn]) -> tuple[str, ...]:
    cpu = [
        f"{median(each.cpu[role] for each in turns):,.0f}" if role in turns[0].cpu else "-"
        for role in ROLES
    ]
    return (
        name,
        f"{median(each.rate for each in turns):,.0f}",
        f"{1000 * median(each.p50 for each in turns):.1f}",
        f"{1000 * median(each.p99 for each in turns):.1f}",
        *cpu,
        f"{median(sum(each.cpu.values()) for each in turns):,.0f}",
        " + ".join(map(str, turns[-1].served)),
    )
