"""`carriers parked`: streams with an event that no view can apply, and how they get on."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from app.cli.errors import INVALID, NOT_FOUND, REFUSED, UNAVAILABLE
from tests.cli.shell import DONE, NOBODY, data, registered, run

GOOD = '{"name": "Middle"}'
BOTH = ["carriers", "statistics"]


def spoil(stream: str, version: int, payload: str = "{}") -> None:
    """Make an event into one that cannot be read, or make it good again."""
    with closing(sqlite3.connect("var/events.sqlite3", isolation_level=None)) as database:
        changed = database.execute(
            "UPDATE events SET payload = ? WHERE aggregate_id = ? AND version = ?",
            (payload, stream, version),
        )
        assert changed.rowcount == 1


def take_in() -> None:
    """What the service does all the time."""
    assert run("projections", "rebuild", "--pause", "0", *BOTH).exit_code == DONE


def parked() -> list[dict[str, Any]]:
    """All that is."""
    found: list[dict[str, Any]] = data("parked", "list")["parked"]
    return found


def discarded() -> list[dict[str, Any]]:
    """All that is left out."""
    found: list[dict[str, Any]] = data("parked", "list", "--discarded")["discarded"]
    return found


@pytest.fixture
def stuck() -> str:
    """A stream of four events that is parked at its second in both views."""
    stream = registered()
    for name in ("Middle", "Late", "Last"):
        run("rename", stream, "--name", name)
    spoil(stream, 2)
    take_in()
    return stream


def test_nothing_is_parked() -> None:
    """The lists are empty, which is no error."""
    registered()
    take_in()
    assert parked() == discarded() == []
    assert run("parked", "list").stdout.split() == [
        *("PROJECTION", "STREAM", "VERSION", "THROUGH_VERSION", "POSITION", "ASKED", "REASON")
    ]


def test_parked_streams_are_listed(stuck: str) -> None:
    """Where, why and how much waits behind it, of each view."""
    found = parked()
    assert [each.pop("projection") for each in found] == BOTH
    assert found[0] == found[1]
    reason = found[0].pop("reason")
    assert found[0] == {
        "stream": stuck,
        "version": 2,
        "through_version": 4,
        "position": 2,
        "asked": None,
    }
    assert reason.startswith(f"event 2 of stream {stuck} (CarrierRenamed) cannot be read")
    line = run("parked", "list").stdout.splitlines()[1]
    assert line.split()[:6] == ["carriers", stuck, "2", "4", "2", "-"]
    assert line.endswith(reason)


def test_a_retry_in_vain(stuck: str) -> None:
    """A code of its own, why, and nothing has changed."""
    before = parked()
    result = run("parked", "retry", stuck)
    assert result.exit_code == REFUSED
    assert f"Error: statistics: {stuck} is parked at version 2: event 2 of" in result.stderr
    assert result.stdout == ""
    assert parked() == before


def test_a_retry_that_helps(stuck: str) -> None:
    """All that waited is taken in; the view is as if nothing had been."""
    spoil(stuck, 2, GOOD)
    result = run("parked", "retry", stuck)
    assert result.exit_code == DONE, result.output
    assert result.stdout.splitlines() == [f"{name}: {stuck} is followed again" for name in BOTH]
    assert parked() == []
    rebuilt = run("projections", "rebuild", "--pause", "0", *BOTH).stdout
    assert rebuilt.count(" 0 rows and counts differ") == 2


def test_one_view_alone(stuck: str) -> None:
    """The other one stays as it is."""
    spoil(stuck, 2, GOOD)
    result = run("parked", "retry", stuck, "--projection", "statistics")
    assert (result.exit_code, result.stdout.count("\n")) == (DONE, 1)
    assert [each["projection"] for each in parked()] == ["carriers"]


def test_an_event_is_discarded(stuck: str) -> None:
    """The stream goes on without it, in every later generation too; it is on record why."""
    result = run("parked", "discard", stuck, "--reason", "nobody can read it")
    assert result.exit_code == DONE, result.output
    assert result.stdout.splitlines() == [
        f"{name}: {stuck} is followed again, without version 2" for name in BOTH
    ]
    expected = [
        {"projection": name, "stream": stuck, "version": 2, "reason": "nobody can read it"}
        for name in BOTH
    ]
    assert (parked(), discarded()) == ([], expected)
    take_in()
    assert (parked(), discarded()) == ([], expected)
    heading, *lines = run("parked", "list", "--discarded").stdout.splitlines()
    assert heading.split() == ["PROJECTION", "STREAM", "VERSION", "REASON"]
    assert len(lines) == 2
    assert json.loads(run("show", stuck, "--version", "1", "--json").stdout)["name"] == "FedEx"


def test_the_next_event_fails_too(stuck: str) -> None:
    """It is said that the first is left out, and where the stream is parked now."""
    spoil(stuck, 4)
    result = run("parked", "discard", stuck, "--reason", "bad", "--projection", "carriers")
    assert result.exit_code == REFUSED
    assert f"carriers: {stuck} is parked without version 2 at version 4: event 4" in result.stderr
    assert [each["version"] for each in discarded()] == [2]
    assert parked()[0]["version"] == 4


@pytest.mark.parametrize("stream", [NOBODY, "\udcff"])
@pytest.mark.parametrize("command", [["retry"], ["discard", "--reason", "bad"]])
def test_a_stream_that_is_not_parked(stuck: str, stream: str, command: list[str]) -> None:
    """A code of its own, and nothing is done."""
    result = run("parked", *command, stream)
    assert result.exit_code == NOT_FOUND
    assert result.stderr == "Error: There is no such parked stream; see `carriers parked list`\n"
    assert {each["stream"] for each in parked()} == {stuck}


def test_a_store_that_fails_once_it_was_asked(stuck: str) -> None:
    """It is said that the service will do what was asked for."""
    with closing(
        sqlite3.connect("var/events.sqlite3.views.sqlite3", isolation_level=None)
    ) as database:
        database.execute("DROP TABLE rows")
    spoil(stuck, 2, GOOD)
    result = run("parked", "retry", stuck)
    assert result.exit_code == UNAVAILABLE
    assert "Error: The request is stored, and the service will do it; here: " in result.stderr


@pytest.mark.parametrize("reason", ["", " ", "a\nb", "\udcff", "x" * 501])
def test_a_reason_is_a_line_of_text(stuck: str, reason: str) -> None:
    """It is asked for before anything is done."""
    result = run("parked", "discard", stuck, "--reason", reason)
    assert result.exit_code == INVALID
    assert "--reason must be 1 to 500 characters" in result.stderr
    assert len(parked()) == 2
