"""Before the way of the data: what it costs to register and change carriers, measures a to f."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from bench import in_process, servers
from bench.on_cassandra import keyspace_of_our_own
from bench.raw_driver import RawDriver
from bench.report import Measure
from bench.rounds import Pair, Run, interleaved
from tests.support.cassandra_node import Node

HTTP_SECONDS = 3.0
LONG, SHORT, CARRIERS = 1_000, 10, 100


def on_sqlite(keys: Sequence[str], run: Run) -> list[Measure]:
    """a, b and f: over HTTP."""
    lines = {
        "a": (servers.bare_echo, Measure("a", "register, SQLite ÷ bare Flask echo", 0.45)),
        "b": (servers.with_eventsourcing, Measure("b", "register, SQLite ÷ eventsourcing", 1.5)),
    }
    lines["f"] = (
        servers.bare_echo,
        Measure("f", "register with API and idempotency key ÷ bare Flask echo", 0.38),
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
    """c. One server after the other: a follower would read behind its own while others write."""
    served = "register, nobody follows ÷ raw driver"
    same = Measure("c", f"{served}, the same writes", 0.55)
    append = Measure("c", f"{served}, the append alone")
    followed = Measure("c", "register, with a follower ÷ raw driver, the same writes")
    return [
        *_beside_raw_driver(node, run, servers.NOBODY_FOLLOWS, {True: same, False: append}),
        *_beside_raw_driver(node, run, {}, {True: followed}),
    ]


def _beside_raw_driver(
    node: Node, run: Run, env: Mapping[str, str], measures: Mapping[bool, Measure]
) -> list[Measure]:
    """Ours with those settings, beside all the writes of a registration (True) or one of them."""
    with ExitStack() as running:
        settings = running.enter_context(keyspace_of_our_own(node))
        folder = run.folder / f"c-{settings.cassandra_keyspace}"
        ours = running.enter_context(servers.ours(folder, {**servers.cassandra(settings), **env}))
        raws = {
            all_writes: running.enter_context(RawDriver(settings, all_writes=all_writes))
            for all_writes in measures
        }
        # A JVM gets faster for a while.
        for raw in raws.values():
            raw.rate(HTTP_SECONDS)
        ours.rate(HTTP_SECONDS)
        ours_rate = partial(ours.rate, HTTP_SECONDS)
        return interleaved(
            [
                (measure, ours_rate, partial(raws[all_writes].rate, HTTP_SECONDS))
                for all_writes, measure in measures.items()
            ],
            run.rounds,
        )
