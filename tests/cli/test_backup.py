"""`carriers backup` and `carriers restore`: a registry on SQLite survives as one file."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from app.bootstrap import build_services
from app.cli.errors import INVALID, REFUSED, UNAVAILABLE
from app.infrastructure.sqlite.event_store import SqliteEventStore
from config.settings import Settings
from tests.cli.at_the_desk import is_let_in, sign_in
from tests.cli.shell import DONE, data, registered, run

FILE = Path("var/events.sqlite3")
COPY = Path("copy.sqlite3")


def addresses() -> list[str]:
    """Of the carriers that the registry's events register, in order."""
    with closing(sqlite3.connect(FILE)) as connection:
        query = "SELECT payload ->> 'email' FROM events ORDER BY position"
        return [address for (address,) in connection.execute(query)]


def restored(*options: str) -> str:
    """What a restore that is done says."""
    result = run("restore", str(COPY), "--yes", *options)
    assert (result.exit_code, result.stderr) == (DONE, ""), result.output
    return result.stdout


def test_a_backup_is_taken_while_the_service_runs() -> None:
    """It holds what was acknowledged, in one file, which only its owner can read."""
    registered()
    with closing(SqliteEventStore(FILE)):
        assert run("backup", str(COPY)).stdout == (
            "copy.sqlite3 holds the registry up to position 1 of its feed.\n"
        )
        assert stat.S_IMODE(COPY.stat().st_mode) == 0o600
        assert [path.name for path in Path().glob("copy*")] == ["copy.sqlite3"]


def test_a_restore_brings_back_what_was_copied_and_renews_the_feed() -> None:
    """What came after the copy is set aside with the file that it is in; a copy serves again."""
    registered("a@fedex.com")
    former = data("feed", "status")["feed"]
    run("backup", str(COPY))
    for _ in range(2):
        registered("b@fedex.com")
        said = restored("--replace")
        assert addresses() == ["a@fedex.com"]
        now = data("feed", "status")
        assert now["feed"] != former
        assert f"position 1; its feed is {now['feed']}" in said
        former = now["feed"]
    aside = sorted(FILE.parent.glob("events.sqlite3.replaced-*"))
    with closing(sqlite3.connect(aside[0])) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (2,)


def test_a_restore_removes_the_views() -> None:
    """They are of other events, and are made anew."""
    registered()
    run("backup", str(COPY))
    build_services(Settings()).close()
    views = Settings().views_path
    assert views.exists()
    restored("--replace")
    assert not list(views.parent.glob(f"{views.name}*"))


def test_a_restore_where_there_is_no_registry() -> None:
    """A log without its file is set aside as well: SQLite would take it for the copy's."""
    registered()
    run("backup", str(COPY))
    FILE.unlink()
    Path(f"{FILE}-wal").write_bytes(b"of another file")
    restored()
    assert addresses() == ["contact@fedex.com"]


def test_a_restore_over_a_damaged_registry() -> None:
    """Which is what copies are for."""
    registered()
    run("backup", str(COPY))
    FILE.write_bytes(b"garbage" * 1000)
    restored("--replace")
    assert addresses() == ["contact@fedex.com"]


def test_a_restore_says_which_keys_are_active_again() -> None:
    """One that was revoked since lets callers in as before."""
    registered()
    made = data("keys", "create", "--name", "tms", "--scope", "read")
    run("backup", str(COPY))
    run("keys", "revoke", made["prefix"])
    assert "active as of the copy: 1." in restored("--replace")


def test_a_restore_ends_the_sessions_of_the_desk() -> None:
    """Those that were ended since the copy do not count again, nor those of a key that was revoked
    since; who signs in afterwards, with the key as it was, is let in at once."""
    registered()
    made = data("keys", "create", "--name", "ana", "--scope", "read")
    ended = sign_in(made["key"])
    run("backup", str(COPY))
    run("keys", "revoke", made["prefix"])
    restored("--replace")
    assert not is_let_in(ended)
    assert is_let_in(sign_in(made["key"]))


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("restore", "copy.sqlite3", "--yes"), "There is a registry at var/events.sqlite3: with"),
        (("restore", "var/events.sqlite3", "--yes", "--replace"), "is the registry itself"),
        (("restore", "nothing", "--yes"), "There is no file nothing"),
        (("restore", "garbage", "--yes", "--replace"), "is no copy of a registry"),
        (("restore", "other", "--yes", "--replace"), "is no copy of a registry"),
        (("backup", "copy.sqlite3"), "copy.sqlite3 is there already"),
    ],
)
def test_what_would_lose_something_is_refused(command: tuple[str, ...], sentence: str) -> None:
    """In one sentence, and nothing has changed."""
    registered()
    run("backup", str(COPY))
    Path("garbage").write_bytes(b"garbage" * 1000)
    sqlite3.connect("other").close()
    before = FILE.read_bytes()
    result = run(*command)
    assert result.exit_code == REFUSED
    assert sentence in result.stderr
    assert FILE.read_bytes() == before


def test_a_restore_is_refused_while_the_service_runs() -> None:
    """Its processes would go on with the file that they have opened."""
    registered()
    run("backup", str(COPY))
    with closing(SqliteEventStore(FILE)):
        result = run("restore", str(COPY), "--yes", "--replace")
    assert result.exit_code == REFUSED
    assert "stop the service first" in result.stderr
    assert addresses() == ["contact@fedex.com"]


def test_a_restore_asks_first() -> None:
    """Who does not say yes has changed nothing."""
    registered()
    run("backup", str(COPY))
    registered("b@fedex.com")
    assert run("restore", str(COPY), "--replace").exit_code != DONE
    assert len(addresses()) == 2


def test_there_is_nothing_to_back_up() -> None:
    """Which is no reason to make an empty registry."""
    assert run("backup", str(COPY)).exit_code == UNAVAILABLE
    assert not FILE.exists()


def test_a_folder_that_cannot_be_made() -> None:
    """Nothing was done, and the sentence says why."""
    registered()
    Path("closed").touch()
    result = run("backup", "closed/copy")
    assert result.exit_code == UNAVAILABLE
    assert "closed" in result.stderr


def test_a_copy_that_cannot_be_finished_leaves_nothing_behind() -> None:
    """Of what is no registry there is nothing to keep."""
    FILE.parent.mkdir()
    sqlite3.connect(FILE).execute("CREATE TABLE other (a)").connection.close()
    assert run("backup", str(COPY)).exit_code == UNAVAILABLE
    assert not list(Path().glob("copy*"))


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_on_cassandra_snapshots_are_taken_instead(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The sentence says where that is described."""
    monkeypatch.setenv("CASSANDRA_HOST", "127.0.0.1")
    options = ("--yes",) if command == "restore" else ()
    result = run(command, str(COPY), *options)
    assert result.exit_code == INVALID
    assert "docs/operations.md" in result.stderr
