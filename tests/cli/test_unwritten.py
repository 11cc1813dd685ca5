"""Output that cannot be written: the exit code tells what was done all the same."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from app.cli import keys
from app.cli.errors import INVALID, NOT_FOUND, NOT_SAID, NOT_WRITTEN, UNAVAILABLE
from tests.cli.shell import DONE, NOBODY, data, process_of, registered, run

REGISTER = ("register", "--name", "A", "--email", "a@fedex.com")
CREATE = ("keys", "create", "--name", "tms", "--scope", "read")
NOWHERE = [">&-", ">/dev/full", "| exec >&-"]
"""Where a shell can lead output to that nobody gets."""


def shell(where: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `carriers` with its output led there. In a pipe the reader is gone before it is begun,
    and the exit code is that of `carriers`."""
    command, environment = process_of(*words)
    if where.startswith("|"):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as closed:
            return subprocess.run(
                command,
                env=environment,
                stdout=closed,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
    return subprocess.run(
        ["/bin/sh", "-c", f'"$@" {where}', "sh", *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("where", NOWHERE)
def test_a_change_that_cannot_be_told_is_done(where: str) -> None:
    """A code of its own, and the carrier's id on stderr."""
    done = shell(where, *REGISTER)
    assert done.returncode == NOT_SAID
    sentence, *_, row = done.stderr.splitlines()
    assert sentence.startswith("Error: It was done, but the answer cannot be written to stdout: ")
    name, carrier_id = row.split()
    assert name == "carrier_id"
    assert data("show", carrier_id)["name"] == "A"


@pytest.mark.parametrize("where", NOWHERE)
def test_the_code_is_the_same_if_nothing_can_be_said(where: str) -> None:
    """Standard error may be gone as well."""
    assert shell(f"{where} 2>&-" if ">" in where else where, *REGISTER).returncode == NOT_SAID


@pytest.mark.parametrize("where", [">&-", ">/dev/full"])
def test_no_file_of_ours_gets_the_number_of_a_closed_stream(where: str) -> None:
    """What another process writes to 1 or 2 must not end in a database."""
    assert shell(f"{where} <&- 2>&-", *REGISTER).returncode == NOT_SAID
    again = run(*REGISTER)
    assert "belongs to another carrier" in again.stderr


@pytest.mark.parametrize("where", NOWHERE)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_key_is_created_that_nobody_sees(where: str, form: list[str]) -> None:
    """Or everybody would need one, and nobody would have it."""
    refused = shell(where, *CREATE, *form)
    assert refused.returncode == NOT_WRITTEN
    assert refused.stderr.startswith("Error: The key cannot be written, so none was created: ")
    assert data("keys", "list") == []


@pytest.mark.parametrize("where", NOWHERE)
def test_a_revoked_key_stays_revoked(where: str) -> None:
    """And the code says that it is."""
    prefix = run(*CREATE).stdout[:12]
    assert shell(where, "keys", "revoke", prefix).returncode == NOT_SAID
    assert data("keys", "list")[0]["revoked_at"] is not None


READING = [
    ["show"],
    ["history", "--json"],
    ["list"],
    ["search", "fed"],
    ["export"],
    ["audit"],
    ["keys", "list"],
    ["feed", "status"],
    ["projections", "status", "--json"],
    ["parked", "list"],
    ["--help"],
    ["show", "--help"],
    ["keys", "--help"],
]

SOME_READING = [
    command if place % 3 == 0 else pytest.param(command, marks=pytest.mark.full)
    for place, command in enumerate(READING)
]
"""Every third of them; with SOAK=full all."""


def words_of(command: list[str]) -> list[str]:
    """The command, with a carrier where it takes one."""
    takes_one = command[0] in ("show", "history") and "--help" not in command
    return [command[0], registered(), *command[1:]] if takes_one else command


@pytest.mark.usefixtures("empty_registry")
@pytest.mark.parametrize("command", SOME_READING, ids=" ".join)
def test_a_reader_that_has_seen_enough(command: list[str]) -> None:
    """`head`, say: that is no error, and not a word is said."""
    done = shell("|", *words_of(command))
    assert (done.returncode, done.stderr) == (DONE, "")


@pytest.mark.usefixtures("empty_registry")
@pytest.mark.parametrize("command", SOME_READING, ids=" ".join)
def test_what_was_read_but_cannot_be_written(command: list[str]) -> None:
    """A full disk: one sentence, and the code that says that nothing was changed."""
    done = shell(">/dev/full", *words_of(command))
    assert done.returncode == NOT_WRITTEN
    assert done.stderr == "Error: The output cannot be written: No space left on device\n"


@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
def test_a_dry_run_has_done_nothing(where: str) -> None:
    """So the code is that of a command that only reads."""
    assert shell(where, *REGISTER, "--dry-run").returncode == NOT_WRITTEN


def test_views_are_all_made_anew() -> None:
    """The second too, though what came of the first could not be said."""
    carrier_id = registered()
    views = ("carriers", "statistics")
    done = shell(">/dev/full", "projections", "rebuild", "--pause", "0", *views)
    assert done.returncode == NOT_SAID
    found = data("projections", "status")["projections"]
    assert [each["live"] for each in found] == [1, 1]
    for view in views:
        assert f"{view}: generation 1 is live now" in done.stderr
    assert carrier_id


@pytest.mark.usefixtures("empty_registry")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["show", NOBODY], NOT_FOUND),
        (["nonsense"], INVALID),
        (["register"], INVALID),
        (["keys", "revoke", "nope"], NOT_FOUND),
    ],
)
def test_an_error_keeps_its_code(words: list[str], code: int) -> None:
    """Though its sentence cannot be written."""
    assert shell("2>/dev/full", *words).returncode == code


def test_a_follower_without_a_store(tmp_path: Path) -> None:
    """The code for a store that is away."""
    (tmp_path / "var").touch()
    ended = run("feed", "follow")
    assert ended.exit_code == UNAVAILABLE
    assert ended.stderr.startswith("Error: The store cannot be opened: ")


def test_what_was_printed_before_the_store_failed_is_no_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The key is printed first, so whoever reads it has to be told."""
    registered()
    monkeypatch.setattr(keys, "PATIENCE_SECONDS", 1.0)
    with closing(sqlite3.connect("var/events.sqlite3", isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        ended = run(*CREATE)
    assert ended.exit_code == UNAVAILABLE
    assert ended.stderr.endswith("Error: What was printed is not a key\n")
    assert len(ended.stdout.splitlines()) == 1
    assert data("keys", "list") == []
