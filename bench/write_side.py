"""Before the way of the data: what it costs to register and change carriers, measures a to f."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from bench import in_process, servers
from bench.on_cassandra import RawDriver, keyspace_of_our_own
from bench.report import Measure
from bench.rounds import Pair, Run, interleaved
from tests.support.cassandra_node import Node

HTTP_SECONDS = 3.0
LONG, SHORT, CARRIERS = 1_000, 10, 100


def on_sqlite(keys: Sequence[str], run: Run) -> list[Measure]:
    """a, b and f: over HTTP."""
    lines = {
        "a": (servers.bare_echo, Measure("a", "register, SQLite ÷ bare Flask echo", 0.6)),
        "b": (servers.with_eventsourcing, Measure("b", "register, SQLite ÷ eventsourcing", 2)),
    }
    lines["f"] = (
        servers.bare_echo,
        Measure("f", "register with API and idempotency key ÷ bare Flask echo", 0.6),
    )
    with ExitStack() as running:
        plain = running.enter_context(servers.ours(run.folder / "ours"))
        with_keys = running.enter_context(servers.ours_with_keys(run.folder / "keys"))
        pairs: list[Pair] = []
        for key in keys:
            start, measure = lines[key]
            ours = with_keys if key == "f" else plain
            peer = running.enter_context(start(run.folder / key))
            pairs.append(
                (measure, partial(ours.rate, HTTP_SECONDS), partial(peer.rate, HTTP_SECONDS))
            )
        return interleaved(pairs, run.rounds)


def without_http(_: Sequence[str], run: Run) -> list[Measure]:
    """d."""
    ours, peer = in_process.OurSide(run.folder), in_process.PeerSide(run.folder)
    kinds = (("append", in_process.append_rate), ("load + append", in_process.load_and_append_rate))
    try:
        return interleaved(
            [
                (
                    Measure("d", f"{name}, threads: {threads} ÷ eventsourcing", aim),
                    partial(rate, ours, threads),
                    partial(rate, peer, threads),
                )
                for name, rate in kinds
                for threads, aim in ((1, 1.2), (8, 3))
            ],
            run.rounds,
        )
    finally:
        ours.close()
        peer.close()


def long_streams(_: Sequence[str], run: Run) -> list[Measure]:
    """e."""
    side = in_process.OurSide(run.folder)
    try:
        long, short = (
            [side.with_events(events) for _ in range(CARRIERS)] for events in (LONG, SHORT)
        )
        measure = Measure("e", f"load + change + append, {LONG:,} events ÷ {SHORT}", 0.5)
        pair = (
            measure,
            partial(in_process.long_stream_rate, side, long),
            partial(in_process.long_stream_rate, side, short),
        )
        return interleaved([pair], run.rounds)
    finally:
        side.close()


def on_cassandra(node: Node, _: Sequence[str], run: Run) -> list[Measure]:
    """c."""
    with ExitStack() as running:
        settings = running.enter_context(keyspace_of_our_own(node))
        ours = running.enter_context(servers.ours(run.folder / "c", servers.cassandra(settings)))
        raw = RawDriver(settings)
        running.callback(raw.close)
        # A JVM gets faster for a while.
        for rate in (raw.rate, ours.rate):
            rate(HTTP_SECONDS)
        measure = Measure("c", "register, Cassandra ÷ raw driver", 0.7)
        pair = (measure, partial(ours.rate, HTTP_SECONDS), partial(raw.rate, HTTP_SECONDS))
        return interleaved([pair], run.rounds)
