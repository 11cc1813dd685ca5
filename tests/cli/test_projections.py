"""`carriers projections`: what it says of the views, and what a rebuild says and leaves."""

import gc
import os
import pty
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.application.views import Changes
from app.cli.endings import INVALID, UNAVAILABLE
from app.infrastructure.sqlite_views import SqliteViewStore
from tests.cli.shell import DONE, data, registered, run
from tests.support.service import ROOT
from tests.support.stores import soon

VIEWS = Path("var/events.views.sqlite3")
REBUILD = ("projections", "rebuild", "--pause", "0")


@pytest.fixture(autouse=True)
def own_garbage_collector() -> Iterator[None]:
    """What a rebuild sets is for its process, which is this one here."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def standing(name: str = "carriers") -> dict[str, Any]:
    """What is said of one view."""
    (found,) = (
        each for each in data("projections", "status")["projections"] if each["projection"] == name
    )
    return dict(found)


def test_a_registry_without_events() -> None:
    """Nothing is behind."""
    assert data("projections", "status")["head"] == 0
    assert [standing(each)["lag"] for each in ("carriers", "statistics")] == [0, 0]


def test_what_is_behind_is_said() -> None:
    """In a table for people, and as JSON; the commands on carriers follow nothing themselves."""
    registered()
    registered("b@fedex.com")
    assert standing() == {
        "projection": "carriers",
        "live": 1,
        "checkpoint": 0,
        "lag": 2,
        "parked": 0,
        "discarded": 0,
        "building": None,
        "built_up_to": None,
    }
    heading, carriers, statistics, last = run("projections", "status").stdout.splitlines()
    assert heading.split()[:5] == ["PROJECTION", "LIVE", "CHECKPOINT", "LAG", "PARKED"]
    assert carriers.split() == ["carriers", "1", "0", "2", "0", "0", "-", "-"]
    assert statistics.split()[0] == "statistics"
    assert last == "The feed's head is 2."


def test_a_rebuild_says_what_it_did() -> None:
    """How many events and how fast, what was compared, and what readers are given now."""
    registered()
    result = run(*REBUILD, "carriers")
    assert result.exit_code == DONE
    assert result.stderr.splitlines() == [
        "This can be broken off at any time: run again, it goes on.",
        "carriers: 0 of 1 events",
        "carriers: 1 of 1 events",
        "carriers: swapped; the former view is dropped in 0 s",
    ]
    events, compared, swapped = result.stdout.splitlines()
    assert events.startswith("carriers: taken in up to position 1: 1 events in ")
    assert events.endswith(" events/s")
    assert compared.endswith("generation 1 at one and the same position: 0 rows and counts differ")
    assert swapped == "carriers: readers are given generation 2 now"
    assert (standing()["live"], standing()["lag"], standing()["building"]) == (2, 0, None)
    assert standing("statistics")["live"] == 1


def test_a_run_that_was_killed_behind_its_swap_has_left_something() -> None:
    """The next one says that it waits before it drops that."""
    registered()
    store = SqliteViewStore(VIEWS)
    with closing(store):
        run(*REBUILD, "carriers")
        view = store.begin("carriers", soon())
        store.commit(view, store.progress(view, soon()), Changes(1), soon())
        store.swap(view, soon())
    result = run(*REBUILD, "carriers")
    lines = result.stderr.splitlines()
    assert lines[1] == "carriers: what a run left is dropped in 0 s"
    assert lines[-1] == "carriers: swapped; the former view is dropped in 0 s"
    assert "1 rows and counts differ" in result.stdout


def test_views_of_events_that_are_gone_are_made_anew() -> None:
    """After an older copy of the events was put back, or none: what was never there is not listed,
    and no later event is taken for one that was."""
    registered()
    run(*REBUILD, "carriers")
    assert standing()["checkpoint"] == 1
    for file in Path("var").glob("events.sqlite3*"):
        file.unlink()
    registered("b@fedex.com")
    assert (standing()["checkpoint"], standing()["lag"]) == (0, 1)


def test_a_damaged_file_of_views_keeps_nobody_from_registering() -> None:
    """Who asks for the views is told; commands do without them."""
    registered()
    run(*REBUILD, "carriers")
    with VIEWS.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    registered("b@fedex.com")
    result = run("projections", "status")
    assert result.exit_code == UNAVAILABLE
    assert "malformed" in result.stderr


def test_what_was_wrong_is_counted_and_made_right() -> None:
    """Several views one after the other, each once."""
    registered()
    run(*REBUILD, "carriers", "statistics")
    with closing(sqlite3.connect(VIEWS, isolation_level=None)) as database:
        database.execute("UPDATE counts SET value = 7 WHERE name = 'state:active'")
    result = run(*REBUILD, "statistics", "carriers", "statistics")
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == ["statistics"] * 3 + ["carriers"] * 3
    assert "1 rows and counts differ" in lines[1]
    assert "0 rows and counts differ" in lines[4]


def test_a_terminal_is_shown_a_bar(tmp_path: Path) -> None:
    """On stderr; the answer on stdout is the same."""
    registered()
    terminal, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *REBUILD, "carriers"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
        timeout=60,
    )
    os.close(theirs)
    shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert "carriers  [####" in shown
    assert "1/1" in shown
    assert shown.endswith("\ncarriers: swapped; the former view is dropped in 0 s\r\n")
    assert b"0 rows and counts differ" in done.stdout


def test_streams_that_a_rebuild_parks_are_told_of() -> None:
    """They are not what a rebuild can mend."""
    registered()
    with closing(sqlite3.connect("var/events.sqlite3", isolation_level=None)) as database:
        database.execute("UPDATE events SET payload = '{}'")
    result = run(*REBUILD, "carriers")
    assert result.exit_code == DONE
    assert result.stdout.splitlines()[-1] == (
        "carriers: 1 streams are parked: see `carriers parked list`"
    )
    assert (standing()["parked"], standing()["lag"]) == (1, 0)


@pytest.mark.parametrize("names", [[], ["nonsense"]])
def test_wrong_usage(names: list[str]) -> None:
    """The views that there are, are named."""
    result = run(*REBUILD, *names)
    assert result.exit_code == INVALID
    assert "carriers" in result.stderr
    assert "statistics" in result.stderr


@pytest.mark.parametrize("pause", ["-1", "nan", "inf"])
def test_a_pause_that_is_none(pause: str) -> None:
    """Said before anything is done."""
    result = run("projections", "rebuild", "carriers", "--pause", pause)
    assert result.exit_code == INVALID
    assert "'--pause'" in result.stderr
    assert standing()["live"] == 1


@pytest.mark.parametrize("command", [("status",), ("rebuild", "carriers")])
def test_a_store_that_fails(command: tuple[str, ...]) -> None:
    """An exit code of its own, and a sentence."""
    VIEWS.mkdir(parents=True)
    result = run("projections", *command)
    assert result.exit_code == UNAVAILABLE
    assert "the store failed" in result.stderr.lower()


def test_a_store_that_fails_on_the_way() -> None:
    """It is said that another run goes on."""
    registered()
    run("projections", "status")
    with closing(sqlite3.connect(VIEWS, isolation_level=None)) as database:
        database.execute("DROP TABLE rows")
    result = run(*REBUILD, "carriers")
    assert result.exit_code == UNAVAILABLE
    assert result.stderr.endswith("Error: Run it again: it goes on from there\n")
