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

from app.application.ports.views import Changes
from app.application.projections import PROJECTIONS
from app.cli.errors import INVALID, UNAVAILABLE
from app.infrastructure.sqlite.registry import SqliteRegistry
from app.infrastructure.sqlite.views.store import SqliteViewStore
from tests.cli.shell import DONE, NOBODY, data, registered, run
from tests.support.project import ROOT
from tests.support.stores import soon

VIEWS = Path("var/events.sqlite3.views.sqlite3")
REBUILD = ("projections", "rebuild", "--pause", "0")


@pytest.fixture(autouse=True)
def own_garbage_collector() -> Iterator[None]:
    """What a rebuild sets is for its process, which is this one here."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def standing(name: str = "carriers") -> dict[str, Any]:
    """What is said of one view of this release."""
    key = PROJECTIONS[name].key
    (found,) = (
        each for each in data("projections", "status")["projections"] if each["projection"] == key
    )
    return dict(found)


@pytest.mark.usefixtures("empty_registry")
def test_a_registry_without_events() -> None:
    """Nothing is behind."""
    assert data("projections", "status")["head"] == 0
    assert [standing(each)["lag"] for each in ("carriers", "statistics")] == [0, 0]


def test_what_is_behind_is_said() -> None:
    """In a table for people, and as JSON; the commands on carriers follow nothing themselves."""
    registered()
    registered("b@fedex.com")
    assert standing() == {
        "projection": PROJECTIONS["carriers"].key,
        "release": "this one",
        "live": None,
        "checkpoint": 0,
        "lag": 2,
        "parked": 0,
        "discarded": 0,
        "building": None,
        "built_up_to": None,
    }
    lines = run("projections", "status").stdout.splitlines()
    heading, carriers, statistics, head, *not_made = lines
    assert heading.split()[:5] == ["PROJECTION", "RELEASE", "LIVE", "CHECKPOINT", "LAG"]
    assert carriers.split() == [
        *(PROJECTIONS["carriers"].key, "this", "one", "-"),
        *("0", "2", "0", "0", "-", "-"),
    ]
    assert statistics.split()[0] == PROJECTIONS["statistics"].key
    assert head == "The feed's head is 2."
    assert [line.split()[0] for line in not_made] == [each.key for each in PROJECTIONS.values()]


@pytest.mark.usefixtures("empty_registry")
def test_a_rebuild_says_what_it_did() -> None:
    """How many events and how fast, what was compared, and what readers are given now."""
    run(*REBUILD, *PROJECTIONS)
    registered()
    result = run(*REBUILD, "carriers")
    assert result.exit_code == DONE
    assert result.stderr.splitlines() == [
        "This can be interrupted at any time: run again, it continues.",
        "carriers: 0 of 1 events",
        "carriers: 1 of 1 events",
        "carriers: swapped; the former view is dropped in 0 s",
    ]
    events, compared, swapped = result.stdout.splitlines()
    assert events.startswith("carriers: built up to position 1: 1 events in ")
    assert events.endswith(" events/s")
    assert compared.endswith("generation 1 at the same position: 0 rows and counts differ")
    assert swapped == "carriers: generation 2 is live now"
    assert (standing()["live"], standing()["lag"], standing()["building"]) == (2, 0, None)
    assert standing("statistics")["live"] == 1


def test_a_view_that_nobody_has_made_yet_is_made() -> None:
    """There is nothing to compare it with, and nobody to wait for."""
    registered()
    result = run(*REBUILD, "carriers")
    assert result.exit_code == DONE
    assert "swapped" not in result.stderr
    _, compared, swapped = result.stdout.splitlines()
    assert compared == "carriers: there was no former generation to compare it with"
    assert swapped == "carriers: generation 1 is live now"


def other_releases() -> list[str]:
    """The views of other releases that are kept."""
    shown = data("projections", "status")["projections"]
    return [each["projection"] for each in shown if each["release"] == "another"]


def test_views_of_other_releases_are_shown_and_removed_when_asked_for() -> None:
    """After a question; those of this release stay."""
    registered()
    run(*REBUILD, "carriers")
    store = SqliteViewStore(VIEWS)
    with closing(store):
        for key in ("carriers", "carriers.v0"):
            store.swap(store.begin(key, soon()), soon())
    assert other_releases() == ["carriers", "carriers.v0"]
    assert run("projections", "prune", typed="n\n").exit_code != DONE
    assert other_releases() == ["carriers", "carriers.v0"]
    result = run("projections", "prune", "--yes")
    assert result.exit_code == DONE
    assert result.stdout.splitlines() == [
        "carriers: 1 generations removed",
        "carriers.v0: 1 generations removed",
    ]
    assert other_releases() == []
    assert standing()["checkpoint"] == 1
    assert run("projections", "prune").stdout == "There are no views of other releases.\n"


def test_a_run_that_was_killed_behind_its_swap_has_left_something() -> None:
    """The next one says that it waits before it drops that."""
    registered()
    registry = SqliteRegistry(Path("var/events.sqlite3"))
    store = SqliteViewStore(VIEWS, registry)
    with closing(store), closing(registry):
        run(*REBUILD, "carriers")
        view = store.begin(PROJECTIONS["carriers"].key, soon())
        store.commit(view, store.progress(view, soon()), Changes(1), soon())
        store.swap(view, soon())
    result = run(*REBUILD, "carriers")
    lines = result.stderr.splitlines()
    assert lines[1] == "carriers: a generation that another run left is dropped in 0 s"
    assert lines[-1] == "carriers: swapped; the former view is dropped in 0 s"
    assert "1 rows and counts differ" in result.stdout


def test_a_registry_whose_events_are_gone_is_not_begun_anew_in_silence() -> None:
    """Its views say that there was one: the line names both files, and what to do."""
    registered()
    run(*REBUILD, "carriers")
    for file in ("events.sqlite3", "events.sqlite3-wal", "events.sqlite3-shm"):
        Path("var", file).unlink(missing_ok=True)
    result = run("register", "--name", "FedEx", "--email", "b@fedex.com")
    assert result.exit_code == UNAVAILABLE
    assert "var/events.sqlite3 is missing, but var/events.sqlite3.views.sqlite3" in result.stderr
    assert not Path("var/events.sqlite3").exists()
    VIEWS.unlink()
    registered("b@fedex.com")


def test_a_damaged_file_of_views_keeps_nobody_from_registering() -> None:
    """It is set aside, and the views are made anew; commands do without them."""
    registered()
    run(*REBUILD, "carriers")
    with VIEWS.open("r+b") as file:
        file.write(b"\xff" * 4096)
    registered("b@fedex.com")
    assert (standing()["checkpoint"], standing()["lag"]) == (0, 2)
    (aside,) = Path("var").glob("events.sqlite3.views.sqlite3.damaged-*")
    assert aside.read_bytes()[:4] == b"\xff" * 4


def test_who_only_looks_makes_no_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says that there is none, and where it was looked for."""
    monkeypatch.chdir(tmp_path)
    looks: list[tuple[str, ...]] = [
        ("show", NOBODY),
        ("history", NOBODY),
        ("rename", NOBODY, "--name", "FedEx"),
        ("feed", "status"),
        ("keys", "list"),
        ("parked", "list"),
        ("projections", "status"),
    ]
    for words in looks:
        result = run(*words)
        assert result.exit_code != DONE
        (line,) = result.stderr.splitlines()
        assert "there is no registry at SQLITE_PATH=var/events.sqlite3" in line
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.usefixtures("empty_registry")
def test_a_terminal_is_shown_a_bar(tmp_path: Path) -> None:
    """On stderr; the answer on stdout is the same."""
    run(*REBUILD, "carriers")
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


@pytest.mark.usefixtures("empty_registry")
@pytest.mark.parametrize("pause", ["-1", "nan", "inf"])
def test_a_pause_that_is_none(pause: str) -> None:
    """Said before anything is done."""
    result = run("projections", "rebuild", "carriers", "--pause", pause)
    assert result.exit_code == INVALID
    assert "'--pause'" in result.stderr
    assert standing()["live"] is None


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
    assert result.stderr.endswith("Error: Run it again: it continues from there\n")
