"""What `carriers doctor` says of a file of SQLite, on real files."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.application.ports.errors import StoreUnavailable
from app.infrastructure.sqlite.doctor import (
    check,
    durability_of,
    exposed_files,
    gather,
    of_commits,
)
from app.infrastructure.sqlite.event_store import SqliteEventStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a registry."""
    path = tmp_path / "events.sqlite3"
    SqliteEventStore(path).close()
    return path


def test_the_store_syncs_each_commit(path: Path) -> None:
    """By a write-ahead log and full synchronisation."""
    facts = gather(path)
    assert (facts.durability.journal_mode, facts.durability.synchronous) == ("wal", 2)
    assert list(of_commits(facts.durability)) == []


@pytest.mark.parametrize(
    "pragma", ["synchronous = NORMAL", "synchronous = OFF", "journal_mode = MEMORY"]
)
def test_a_connection_that_does_not_wait_for_the_disk(tmp_path: Path, pragma: str) -> None:
    """A power cut would lose what it has committed."""
    with closing(sqlite3.connect(tmp_path / "weak.sqlite3")) as connection:
        connection.execute(f"PRAGMA {pragma}")
        found = list(of_commits(durability_of(connection)))
    assert [each.code for each in found] == ["sync-too-weak"]


def test_an_sqlite_that_cannot_sync(path: Path) -> None:
    """Some builds for tests leave it out."""
    durability = replace(gather(path).durability, can_sync=False)
    assert [each.code for each in of_commits(durability)] == ["sync-left-out"]


def test_the_disk_is_looked_at(path: Path) -> None:
    """Its findings are among those of the file."""
    facts = gather(path)
    there = replace(facts, file_system=replace(facts.file_system, kind="nfs", free=0))
    assert [each.code for each in check(there)] == ["network-file-system", "disk-nearly-full"]


def test_a_look_changes_nothing(path: Path) -> None:
    """Neither what is in the folder, nor any file."""
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    gather(path)
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """The sentence names the setting."""
    with pytest.raises(StoreUnavailable, match="there is no registry at SQLITE_PATH="):
        gather(tmp_path / "missing.sqlite3")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Cannot be looked at."""
    (tmp_path / "text").write_text("no database" * 1000)
    with pytest.raises(StoreUnavailable, match="cannot look at"):
        gather(tmp_path / "text")


def test_files_that_other_users_can_read(open_folder: Path) -> None:
    """Events, views, and the logs beside each."""
    events, views = open_folder / "events.sqlite3", open_folder / "events.sqlite3.views.sqlite3"
    for each in (events, views, open_folder / "events.sqlite3-wal"):
        each.touch()
        each.chmod(0o644)
    assert len(list(exposed_files(events, views))) == 3
    views.chmod(0o600)
    assert len(list(exposed_files(events, views))) == 2
