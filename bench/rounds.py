"""Beside the way of the data: how often and in which order what is compared is measured."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.report import Measure

Figure = Callable[[], float]
"""Measures once."""

Pair = tuple[Measure, Figure, Figure | None]
"""What is measured, ours and the peer; None: there is none."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked for. `folder` is on the disk that `make run` writes to."""

    folder: Path
    rounds: int
    sizes: Sequence[int]
    cassandra_sizes: Sequence[int]


def interleaved(pairs: Sequence[Pair], rounds: int) -> list[Measure]:
    """Measure both of each pair, round after round, in turns ours and the peer first."""
    for number in range(rounds):
        for measure, ours, peer in pairs:
            turns = [(ours, measure.ours)]
            if peer is not None:
                turns.insert(number % 2, (peer, measure.peer))
            for figure, figures in turns:
                figures.append(figure())
            said = f"round {number + 1} of {rounds}: ({measure.key}) {measure.what}"
            say(f"{said}: {measure.judged[-1]:,.2f}")
    return [measure for measure, _, _ in pairs]


def say(text: str) -> None:
    """Tell whoever waits."""
    print(text, file=sys.stderr, flush=True)
