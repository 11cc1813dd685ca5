"""Runs on three nodes, one for each seed: what happens in them, and what has to be true of each."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.history.records import DONE, History, Note
from tests.support.measurements import Figures
from tests.support.workload.faults import Trouble
from tests.support.workload.run import recorded_run, seeds
from tests.support.workload.verdict import again, judge, seen
from tests.support.workload.world import Reached, Troubles, World, served

LONGEST_TROUBLE_SECONDS = 4.0
LEAST_DONE = 25
"""Commands that have to be carried out for a run to mean something."""


@dataclass(frozen=True, slots=True)
class Storm:
    """One of `troubles` at a time, and with it one of each of those `beside`."""

    troubles: Troubles
    beside: Sequence[Troubles] = ()
    seconds: float = 15.0


def calm(_: World, __: random.Random) -> Sequence[Trouble]:
    """Nothing happens."""
    return ()


@dataclass(frozen=True, slots=True)
class Weather:
    """Three nodes and a place for what runs on them leave behind."""

    nodes: Reached
    clock: Path
    folder: Path
    figures: Figures

    def keeps_promises(self, what: str, storm: Storm) -> None:
        """Go through the storm once for each seed: every promise is kept, commands are carried out,
        and something has happened, unless nothing should."""
        histories = list(self._histories(storm))
        self.figures.add(f"every command on three nodes: {what}", len(histories), seen(*histories))

    def _histories(self, storm: Storm) -> Iterator[History]:
        for seed in seeds(1):
            folder = self.folder / str(seed)
            folder.mkdir()
            file = folder / "history.jsonl"
            with served(self.nodes, self.clock, folder) as world:
                history = _run(storm, world, seed, file)
            judge(history, seed, file)
            done = sum(command.outcome == DONE for command in history.commands)
            assert done >= LEAST_DONE, f"{done} commands were carried out: {again(seed)}, {file}"
            assert storm.troubles is calm or any(isinstance(each, Note) for each in history.records)
            yield history


def _run(storm: Storm, world: World, seed: int, file: Path) -> History:
    def chosen(troubles: Troubles) -> Sequence[Trouble]:
        return troubles(world, random.Random(seed))

    return recorded_run(
        world.services,
        file,
        seed,
        storm.seconds,
        chosen(storm.troubles),
        LONGEST_TROUBLE_SECONDS,
        [chosen(each) for each in storm.beside],
    )
