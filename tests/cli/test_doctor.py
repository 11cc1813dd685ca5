"""`carriers doctor` on a registry of SQLite: what it finds, how it says that, how it ends."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from app.cli.errors import UNAVAILABLE
from app.infrastructure.file_system import file_system_of, of_durability
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.keys import SqliteKeyStore
from tests.cli.shell import DONE, process_of, registered, run

TO_KNOW, AT_RISK = 1, 2
EVENTS = Path("var/events.sqlite3")
VIEWS = Path("var/events.sqlite3.views.sqlite3")
REBUILD = ("projections", "rebuild", "--pause", "0", "carriers", "statistics")


def found(result: Result) -> list[str]:
    """The codes, but for what the disk of this machine's tests is like."""
    here = {each.code for each in of_durability(file_system_of(Path()))}
    said = json.loads(result.stdout)["findings"]
    return [each["code"] for each in said if each["code"] not in here]


@pytest.fixture
def healthy(bare_environment: None) -> None:
    """A registry with an event and its views."""
    registered()
    run(*REBUILD)


@pytest.mark.usefixtures("healthy")
def test_nothing_is_found_in_a_healthy_registry() -> None:
    """One sentence, exit code 0."""
    result = run("doctor", "--json")
    assert found(result) == []
    if not list(of_durability(file_system_of(Path()))):
        assert result.exit_code == DONE
        assert run("doctor").stdout == "Nothing was found that could lose or leak data.\n"


@pytest.mark.usefixtures("healthy")
def test_something_to_know_is_said_and_counted() -> None:
    """Severity and code, then the sentence; exit code 1."""
    os.environ |= {"HOST": "0.0.0.0", "ALLOW_ANONYMOUS": "true"}
    result = run("doctor")
    assert result.exit_code == TO_KNOW
    assert "notice: open-to-everybody\n  Whoever reaches HOST=0.0.0.0 may read" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("At risk: 0; worth knowing: ")


@pytest.mark.usefixtures("healthy")
def test_a_key_closes_the_door() -> None:
    """Then callers need one."""
    os.environ |= {"HOST": "0.0.0.0", "ALLOW_ANONYMOUS": "true"}
    run("keys", "create", "--name", "alice", "--scope", "read")
    assert found(run("doctor", "--json")) == []


@pytest.fixture
def in_memory(bare_environment: None) -> Iterator[Path]:
    """A folder that the next restart of the machine empties."""
    folder = Path(f"/dev/shm/carriers-test-{os.getpid()}")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_data_at_risk_is_exit_code_2(in_memory: Path) -> None:
    """What is at risk comes first."""
    os.environ["SQLITE_PATH"] = str(in_memory / "events.sqlite3")
    registered()
    result = run("doctor", "--json")
    assert result.exit_code == AT_RISK
    first, *others = json.loads(result.stdout)["findings"]
    assert (first["code"], first["severity"]) == ("file-system-in-memory", "risk")
    assert {each["severity"] for each in others} == {"notice"}


def test_views_that_nobody_has_made_are_left_to_the_service() -> None:
    """It is said, and a file of views that is missing is not made."""
    registered()
    assert found(run("doctor", "--json")) == ["view-not-made"] * 2
    VIEWS.unlink()
    assert found(run("doctor", "--json")) == ["view-not-made"] * 2
    assert not VIEWS.exists()


def test_what_others_can_read_is_said_before_the_store_takes_it_from_them(
    open_folder: Path,
) -> None:
    """The file of events and the log file; the key of a certificate would be, too."""
    os.environ |= {
        "SQLITE_PATH": str(open_folder / "events.sqlite3"),
        "LOG_DIR": str(open_folder),
    }
    registered()
    run(*REBUILD)
    (open_folder / "app.log").touch()
    for name in ("app.log", "events.sqlite3"):
        (open_folder / name).chmod(0o644)
    sentences = [
        each["sentence"] for each in json.loads(run("doctor", "--json").stdout)["findings"]
    ]
    named = [each for each in sentences if each.startswith("Other users of this machine")]
    assert [str(open_folder / "app.log") in named[0], len(named)] == [True, 2]


@pytest.mark.usefixtures("healthy")
def test_views_that_cannot_be_used_hide_nothing_else() -> None:
    """The file of events is looked at all the same."""
    VIEWS.unlink()
    VIEWS.mkdir()
    assert found(run("doctor", "--json")) == ["views-not-seen"]


def test_without_a_registry_there_is_nothing_to_look_at() -> None:
    """Exit code 6, as everywhere, and no file is made."""
    result = run("doctor")
    assert (result.exit_code, result.stdout) == (UNAVAILABLE, "")
    assert "there is no registry at SQLITE_PATH=" in result.stderr
    assert not EVENTS.exists()


def test_wrong_usage_is_told_from_data_at_risk_by_stdout() -> None:
    """Both are exit code 2; the help page says so."""
    result = run("doctor", "--nonsense")
    assert (result.exit_code, result.stdout) == (AT_RISK, "")
    assert "also wrong usage or settings" in run("doctor", "--help").stdout


@pytest.mark.usefixtures("empty_registry")
def test_a_registry_that_a_service_has_open_can_be_looked_at() -> None:
    """By another process; the service goes on."""
    store = SqliteEventStore(EVENTS)
    SqliteKeyStore(EVENTS, store.check)
    command, environment = process_of("doctor", "--json")
    looked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert json.loads(looked.stdout)["store"] == "sqlite"
    store.check()
    store.close()
