"""Beside the ratios: what a registration costs in CPU time, process by process (`--cpu`).

CPU time divided by answers is steadier than answers per second: what else runs on the machine, and
how fast its disk is, hardly show in it. It decides whether a change made the service cheaper.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from app.infrastructure.observability.process_figures import FOLLOWER
from bench import processes, servers
from bench.on_cassandra import keyspace_of_our_own
from bench.report import in_columns
from bench.rounds import Run, say
from bench.servers import HttpServer
from tests.support.cassandra_node import JvmNode, Unavailable, start_own

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
gunicorn's master with its workers, `all` is the sum. `served by` is how many of the connections
each worker held in the last round. Who follows sequences, where the store needs it, and makes the
views; a follower is what `make run` starts."""

_WORKERS = {"WORKERS_FOLLOW": "true"}


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
    """A server, and the node of Cassandra that it keeps its events in."""

    def __init__(self, server: HttpServer, node: JvmNode | None = None) -> None:
        self._server = server
        self._node = node

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
            served.extend(filter(None, self._server.connections().values()))

        load = self._server.load(SECONDS, begun, over)
        cpu = {role: 1e6 * (after[role] - before[role]) / load.answers for role in before}
        return Turn(load.rate, load.within(0.5), load.within(0.99), cpu, sorted(served))

    def _cpu_seconds(self) -> Mapping[str, float]:
        children = processes.children(self._server.pid)
        followers = [pid for pid in children if processes.name(pid) == FOLLOWER]
        workers = [self._server.pid, *(pid for pid in children if pid not in followers)]
        found = {"workers": sum(map(processes.cpu_seconds, workers))}
        if followers:
            found["follower"] = sum(map(processes.cpu_seconds, followers))
        if self._node is not None:
            found["Cassandra"] = processes.cpu_seconds(self._node.pid)
        return found


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
    with ExitStack() as running:
        start = partial(_started, running, run.folder)
        sides = {
            "bare Flask echo": start("echo", servers.bare_echo),
            "SQLite, nobody follows": start(
                "nobody", partial(servers.ours, env=servers.NOBODY_FOLLOWS)
            ),
            "SQLite, workers follow": start("workers", partial(servers.ours, env=_WORKERS)),
            "SQLite, a follower": start("follower", servers.ours),
        }
        return _rows(sides, run.rounds)


def _on_cassandra(node: JvmNode, run: Run) -> Sequence[tuple[str, ...]]:
    with ExitStack() as running:
        sides: dict[str, Side] = {}
        kinds = {
            "nobody follows": servers.NOBODY_FOLLOWS,
            "workers follow": _WORKERS,
            "a follower": {},
        }
        for name, more in kinds.items():
            settings = running.enter_context(keyspace_of_our_own(node))
            env = {**servers.cassandra(settings), **more}
            folder = run.folder / f"cassandra-{len(sides)}"
            server = running.enter_context(servers.ours(folder, env))
            sides[f"Cassandra, {name}"] = Side(server, node)
        # A JVM gets faster for a while.
        for side in (*sides.values(), *sides.values()):
            side.turn()
        return _rows(sides, run.rounds)


def _started(running: ExitStack, above: Path, name: str, start: Start) -> Side:
    return Side(running.enter_context(start(above / name)))


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
