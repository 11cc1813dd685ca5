"""`make bench`: runs ours and its peers side by side, and prints a table of ratios."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench import in_process, report, servers
from bench.on_cassandra import RawDriver, keyspace_of_our_own
from bench.report import Measure
from config.settings import Settings
from tests.support import cassandra_node

ROUNDS = 5
HTTP_SECONDS = 3.0
KEYS = ("a", "b", "c", "d", "e", "f")
LONG, SHORT, CARRIERS = 1_000, 10, 100

Rate = Callable[[], float]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what was asked for, c last: Cassandra's node would disturb the others."""
    chosen = _parser().parse_args(arguments)
    # On the disk that `make run` writes to: a folder in memory would make every sync free.
    (servers.ROOT / "var").mkdir(exist_ok=True)
    measures: list[Measure] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=servers.ROOT / "var") as folder:
        for keys, measure in (
            (("a", "b", "f"), _on_sqlite),
            (("d",), _in_process),
            (("e",), _long_streams),
            (("c",), _cassandra),
        ):
            if wanted := [key for key in keys if key in chosen.only]:
                measures += measure(wanted, Path(folder), chosen.rounds)
    measures.sort(key=lambda each: each.key)
    if not measures:
        return
    settings = Settings.from_env()
    conditions = report.conditions() | {
        "workers": settings.workers,
        "threads": settings.threads,
        "rounds": chosen.rounds,
    }
    print(report.as_text(measures, conditions))
    if chosen.json:
        chosen.json.write_text(json.dumps(report.as_json(measures, conditions), indent=2) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="What registering a carrier costs, beside its peers. About three minutes.",
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="how often (default %(default)s)"
    )
    parser.add_argument(
        "--only",
        type=_keys,
        default=list(KEYS),
        metavar=",".join(KEYS),
        help="a: bare Flask, b: eventsourcing over HTTP, c: Cassandra, d: in process, e: long"
        " streams, f: a with an API key and idempotency keys",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures too")
    return parser


def _keys(text: str) -> list[str]:
    keys = text.split(",")
    if not set(keys) <= set(KEYS):
        raise argparse.ArgumentTypeError(f"must be some of {','.join(KEYS)}, not {text}")
    return keys


def _on_sqlite(keys: Sequence[str], folder: Path, rounds: int) -> list[Measure]:
    lines = {
        "a": (servers.bare_echo, Measure("a", "register, SQLite ÷ bare Flask echo", 0.6)),
        "b": (servers.with_eventsourcing, Measure("b", "register, SQLite ÷ eventsourcing", 2)),
    }
    lines["f"] = (
        servers.bare_echo,
        Measure("f", "register with API and idempotency key ÷ bare Flask echo", 0.6),
    )
    with ExitStack() as running:
        plain = running.enter_context(servers.ours(folder / "ours"))
        with_keys = running.enter_context(servers.ours_with_keys(folder / "keys"))
        pairs: list[tuple[Measure, Rate, Rate]] = []
        for key in keys:
            start, measure = lines[key]
            ours = with_keys if key == "f" else plain
            peer = running.enter_context(start(folder / key))
            pairs.append(
                (measure, partial(ours.rate, HTTP_SECONDS), partial(peer.rate, HTTP_SECONDS))
            )
        return _interleaved(pairs, rounds)


def _in_process(_: Sequence[str], folder: Path, rounds: int) -> list[Measure]:
    ours, peer = in_process.OurSide(folder), in_process.PeerSide(folder)
    kinds = (("append", in_process.append_rate), ("load + append", in_process.load_and_append_rate))
    try:
        return _interleaved(
            [
                (
                    Measure("d", f"{name}, threads: {threads} ÷ eventsourcing", aim),
                    partial(rate, ours, threads),
                    partial(rate, peer, threads),
                )
                for name, rate in kinds
                for threads, aim in ((1, 1.2), (8, 3))
            ],
            rounds,
        )
    finally:
        ours.close()
        peer.close()


def _long_streams(_: Sequence[str], folder: Path, rounds: int) -> list[Measure]:
    side = in_process.OurSide(folder)
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
        return _interleaved([pair], rounds)
    finally:
        side.close()


def _cassandra(_: Sequence[str], folder: Path, rounds: int) -> list[Measure]:
    try:
        node = cassandra_node.start()
    except cassandra_node.Unavailable as reason:
        print(f"(c) skipped: {reason}", file=sys.stderr)
        return []
    with ExitStack() as running:
        running.callback(node.close)
        settings = running.enter_context(keyspace_of_our_own(node))
        contact = {
            "EVENT_STORE": "cassandra",
            "CASSANDRA_HOST": node.host,
            "CASSANDRA_PORT": str(node.port),
            "CASSANDRA_KEYSPACE": settings.cassandra_keyspace,
        }
        ours = running.enter_context(servers.ours(folder / "c", contact))
        raw = RawDriver(settings)
        running.callback(raw.close)
        # A JVM gets faster for a while.
        for rate in (raw.rate, ours.rate):
            rate(HTTP_SECONDS)
        measure = Measure("c", "register, Cassandra ÷ raw driver", 0.7)
        pair = (measure, partial(ours.rate, HTTP_SECONDS), partial(raw.rate, HTTP_SECONDS))
        return _interleaved([pair], rounds)


def _interleaved(pairs: Sequence[tuple[Measure, Rate, Rate]], rounds: int) -> list[Measure]:
    """Measure both of each pair, round after round, in turns ours and the peer first."""
    for number in range(rounds):
        for measure, ours, peer in pairs:
            turns = [(ours, measure.ours), (peer, measure.peer)]
            for rate, rates in turns if number % 2 else reversed(turns):
                rates.append(rate())
            said = f"round {number + 1} of {rounds}: ({measure.key}) {measure.what}"
            print(f"{said}: {measure.ratios[-1]:.2f}", file=sys.stderr, flush=True)
    return [measure for measure, _, _ in pairs]


if __name__ == "__main__":
    main()
