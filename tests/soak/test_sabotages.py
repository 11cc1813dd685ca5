"""Faults in copies of our own code: each of them is found by something. `make soak` tries them all
and writes docs/sabotages.md; any other run sees that they still fit the code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.cassandra_node import Node
from tests.support.project import ROOT
from tests.support.sabotages import SABOTAGES
from tests.support.sabotages.document import write_document
from tests.support.sabotages.finders import Found, run_finder
from tests.support.sabotages.sabotage import Sabotage, copied_project, sabotaged_project

pytestmark = pytest.mark.soak

ROUNDS = 3
"""What is found by chance is given several."""


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda each: each.name)
def test_a_sabotage_fits_the_code(sabotage: Sabotage) -> None:
    """The text that it replaces is there, once, and what comes out is Python."""
    file = ROOT / sabotage.file
    compile(sabotage.changed(file.read_text()), str(file), "exec")


def test_the_sabotages_are_many_and_all_different() -> None:
    """At least 20 faults, each with a name and a change of its own."""
    assert len({each.name for each in SABOTAGES}) == len(SABOTAGES) >= 20
    assert len({(each.file, each.changes) for each in SABOTAGES}) == len(SABOTAGES)


def found_by(project: Path, sabotage: Sabotage, settings: Mapping[str, str]) -> Found:
    """What the first finder says that finds anything; the seconds are those of all that ran."""
    seconds = 0.0
    for finder in sabotage.finders:
        for _ in range(ROUNDS if "soak" in finder else 1):
            found = run_finder(project, finder, settings)
            seconds += found.seconds
            if found.by:
                return Found(found.by, seconds)
    return Found("", seconds)


@pytest.mark.full
def test_every_sabotage_is_found(cassandra_node: Node, tmp_path: Path) -> None:
    """And none of what finds them fails without a fault."""
    settings = {"CASSANDRA_HOST": cassandra_node.host, "CASSANDRA_PORT": str(cassandra_node.port)}
    sound = copied_project(tmp_path / "sound")
    for finder in sorted({finder for each in SABOTAGES for finder in each.finders}):
        assert run_finder(sound, finder, settings).by == "", finder
    results = []
    for number, sabotage in enumerate(SABOTAGES):
        found = found_by(sabotaged_project(tmp_path / str(number), sabotage), sabotage, settings)
        print(f"{sabotage.name}: {found.by or 'NOTHING'}, {found.seconds:.0f} s", flush=True)
        results.append((sabotage, found))
    write_document(results)
    assert [sabotage.name for sabotage, found in results if not found.by] == []
