"""Beside the ratios: what a request costs now, beside what it cost at an earlier commit.

    python -m bench.before [COMMIT]

CPU time of a registration, and of the question whether a carrier with a profile and without
documents can be given some work: in process, on SQLite (`answering`). The question is asked as it
is of many carriers, and in ways that a process has never seen before. Now and before answer in
turns, in short ones, so that whatever else the machine does falls on both. The earlier code is
taken out of the repository's history, and runs with the packages that are installed now.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from bench import servers
from bench.answering import KINDS
from bench.report import in_columns

COMMIT = "79b50bf"
"""The last one without documents, without a policy, and without decisions of people."""

AIM = 1.05

TURNS = 150

_ANSWERING = Path(__file__).with_name("answering.py")


def main() -> None:
    """Print a line for each kind of request."""
    about = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser("python -m bench.before", description=about)
    parser.add_argument("commit", nargs="?", default=COMMIT, help="(default %(default)s)")
    parser.add_argument("--turns", type=int, default=TURNS, help="(default %(default)s)")
    chosen = parser.parse_args()
    (servers.ROOT / "var").mkdir(exist_ok=True)
    with ExitStack() as opened:
        made = tempfile.TemporaryDirectory(prefix="bench-", dir=servers.ROOT / "var")
        folder = Path(opened.enter_context(made))
        earlier = _taken_out(chosen.commit, folder / "earlier")
        before = opened.enter_context(_answering(earlier, folder / "before"))
        now = opened.enter_context(_answering(servers.ROOT, folder / "now"))
        rows = [_row(kind, before, now, chosen.turns) for kind in KINDS]
    print(in_columns([("CPU time", chosen.commit, "now", "ratio", "at most"), *rows]))


class Process:
    """One that answers."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def microseconds(self, kind: str) -> float:
        """CPU time of a request of this kind, in a turn."""
        assert self._process.stdin and self._process.stdout, "both are pipes"
        print(kind, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


def _row(kind: str, before: Process, now: Process, turns: int) -> tuple[str, ...]:
    taken: dict[Process, list[float]] = {before: [], now: []}
    for number in range(turns):
        for each in (before, now) if number % 2 else (now, before):
            taken[each].append(each.microseconds(kind))
    ratio = median(new / old for old, new in zip(taken[before], taken[now], strict=True))
    figures = [f"{median(taken[each]):,.0f} µs" for each in (before, now)]
    return kind, *figures, f"{ratio:.2f}", f"{AIM}"


@contextmanager
def _answering(code: Path, folder: Path) -> Iterator[Process]:
    """A process with this code, until the block ends."""
    folder.mkdir()
    with (
        (folder / "errors.log").open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-P", _ANSWERING, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=code,
            env=os.environ | {"PYTHONPATH": str(code)},
            text=True,
        ) as process,
    ):
        yield Process(process)


def _taken_out(commit: str, folder: Path) -> Path:
    """The code of that commit, in a new folder."""
    command = ["git", "archive", commit, "app", "config"]
    found = subprocess.run(command, cwd=servers.ROOT, check=True, stdout=subprocess.PIPE)
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


if __name__ == "__main__":
    main()
