"""`make bench`: runs ours and its peers side by side, and prints a table of ratios."""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from bench import cpu, feeds, histories, imports, pages, report, servers, views, write_side
from bench.report import Measure
from bench.rounds import Run, say
from config.settings import Settings
from tests.support import cassandra_node, worker_shares

ROUNDS = 5
KEYS = tuple("abcdefghijklmn")

OnSqlite = Callable[[Sequence[str], Run], list[Measure]]
OnCassandra = Callable[[cassandra_node.Node, Sequence[str], Run], list[Measure]]

ON_SQLITE: Sequence[tuple[str, OnSqlite]] = (
    ("abf", write_side.on_sqlite),
    ("d", write_side.without_http),
    ("e", write_side.long_streams),
    ("g", feeds.on_sqlite),
    ("j", views.on_sqlite),
    ("k", pages.on_sqlite),
    ("m", histories.on_sqlite),
    ("n", imports.on_sqlite),
)
ON_CASSANDRA: Sequence[tuple[str, OnCassandra]] = (
    ("c", write_side.on_cassandra),
    ("hi", feeds.on_cassandra),
    ("j", views.on_cassandra),
    ("l", pages.on_cassandra),
    ("m", histories.on_cassandra),
    ("n", imports.on_cassandra),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what was asked for, Cassandra last: its node would disturb the others."""
    chosen = _parser().parse_args(arguments)
    # On the disk that `make run` writes to: a folder in memory would make every sync free.
    (servers.ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=servers.ROOT / "var") as folder:
        run = Run(Path(folder), chosen.rounds, chosen.sizes, chosen.cassandra_sizes)
        if chosen.shares:
            worker_shares.main()
            return
        if chosen.cpu:
            print(f"{cpu.measured(run)}\n\n{report.in_words(_conditions(run))}")
            return
        measures = _measured(chosen.only, run)
    if not measures:
        return
    shown = report.as_markdown if chosen.markdown else report.as_text
    print(shown(measures, _conditions(run)))
    if chosen.json:
        written = json.dumps(report.as_json(measures, _conditions(run)), indent=2)
        chosen.json.write_text(f"{written}\n")


def _measured(only: Sequence[str], run: Run) -> list[Measure]:
    measures: list[Measure] = []
    for keys, measure in ON_SQLITE:
        if wanted := [key for key in keys if key in only]:
            measures += measure(wanted, run)
    measures += _on_cassandra(only, run)
    return sorted(measures, key=lambda each: each.key)


def _conditions(run: Run) -> dict[str, str | int | None]:
    settings = Settings.from_env()
    served_by = {"workers": settings.workers, "threads": settings.threads}
    return report.conditions() | served_by | {"rounds": run.rounds}


def _on_cassandra(keys: Sequence[str], run: Run) -> list[Measure]:
    chosen = [(set(of) & set(keys), measure) for of, measure in ON_CASSANDRA if set(of) & set(keys)]
    if not chosen:
        return []
    try:
        node = cassandra_node.start()
    except cassandra_node.Unavailable as reason:
        say(f"{', '.join(sorted(set().union(*(of for of, _ in chosen))))} skipped: {reason}")
        return []
    with closing(node):
        return [each for of, measure in chosen for each in measure(node, sorted(of), run)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="What the service costs, beside its peers. About half an hour, most of it to"
        " fill stores for k, j and l; a to f alone take three minutes.",
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
        " streams, f: a with an API key and idempotency keys, g: feed on SQLite, h: feed on"
        " Cassandra, i: sequencing, j: rebuilds, k: pages on SQLite, l: pages on Cassandra, m:"
        " histories, n: imports of CSV",
    )
    parser.add_argument(
        "--sizes",
        type=_sizes,
        default=[1_000, 100_000, 1_000_000],
        metavar="N,N…",
        help="how many carriers k has pages of, the fewest first (default 1000,100000,1000000)",
    )
    parser.add_argument(
        "--cassandra-sizes",
        type=_sizes,
        default=[1_000, 20_000],
        metavar="N,N…",
        help="the same for l (default 1000,20000)",
    )
    parser.add_argument(
        "--cpu",
        action="store_true",
        help="instead of all that: the CPU time of a registration, process by process, in four"
        " minutes",
    )
    parser.add_argument(
        "--shares",
        action="store_true",
        help="instead of all that: 20 short runs of sixteen connections each, straight and through"
        " nginx: which part of them each of two workers answers, and how many a second",
    )
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures too")
    return parser


def _keys(text: str) -> list[str]:
    keys = text.split(",")
    if not set(keys) <= set(KEYS):
        raise argparse.ArgumentTypeError(f"must be some of {','.join(KEYS)}, not {text}")
    return keys


def _sizes(text: str) -> list[int]:
    sizes = [int(size) for size in text.split(",")]
    if len(sizes) < 2 or sizes != sorted(set(sizes)) or sizes[0] < 1_000:
        raise argparse.ArgumentTypeError("must be two or more, growing, from 1000 on")
    return sizes


if __name__ == "__main__":
    main()
