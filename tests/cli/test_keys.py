"""`carriers keys`: what it prints, what it never prints, and how it exits."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.application.access.ring import KeyRing
from app.application.ports.keys import Scope
from app.cli import main
from app.cli.errors import NOT_FOUND, REFUSED, UNAVAILABLE
from app.infrastructure.sqlite.keys import SqliteKeyStore
from tests.support.cassandra_node import Node
from tests.support.keys import new_key
from tests.support.processes import free_port
from tests.support.project import ROOT
from tests.support.stores import KEYSPACE, MOMENT, make_keyspace, soon

FILE = Path("var/events.sqlite3")
KEY = re.compile(r"[a-z2-7]{12}\.[A-Za-z0-9_-]{43}")


def run(*arguments: str) -> Result:
    """Run `carriers keys` with these arguments."""
    return CliRunner().invoke(main, ["keys", *arguments])


def created(name: str = "tms", *scopes: str) -> str:
    """The text of a new key."""
    options = [word for scope in scopes or ("write",) for word in ("--scope", scope)]
    result = run("create", "--name", name, *options)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def listed() -> list[dict[str, Any]]:
    """All keys."""
    result = run("list", "--json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_a_key_is_created() -> None:
    """Its text is all of stdout, so that a script can take it; it opens the door."""
    result = run("create", "--name", "tms", "--scope", "read", "--scope", "write")
    assert result.exit_code == 0
    assert KEY.fullmatch(result.stdout.strip())
    assert "not shown again" in result.stderr
    prefix, secret = result.stdout.strip().split(".")
    assert secret not in result.stderr
    caller = KeyRing(SqliteKeyStore(FILE)).authenticate(prefix, secret, soon())
    assert (caller.name, caller.scopes) == ("tms", frozenset({Scope.READ, Scope.WRITE}))


def test_a_key_is_created_for_a_program() -> None:
    """One JSON object, the key's text in it."""
    result = run("create", "--name", "tms", "--scope", "admin", "--json")
    body = json.loads(result.stdout)
    assert KEY.fullmatch(body["key"])
    assert body["key"].startswith(f"{body['prefix']}.")
    assert (body["name"], body["scopes"], body["revoked_at"]) == ("tms", ["admin"], None)
    assert listed() == [{name: value for name, value in body.items() if name != "key"}]


@pytest.mark.usefixtures("empty_registry")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--name", "tms"],
        ["--scope", "read"],
        ["--name", "tms", "--scope", "all"],
        ["--name", "", "--scope", "read"],
        ["--name", "anonymous", "--scope", "read"],
        ["--name", "a\nb", "--scope", "read"],
        ["--name", "x" * 65, "--scope", "read"],
        *(
            ["--name", "tms", "--scope", "read", "--expires", when]
            for when in (
                *("", "soon", "90", "0d", "-1d", "1.5d", "90 d", "9999999d", "999999w"),
                *("2027-13-01", "2027-02-30", "31.1.2027", "2027-01-31T12:00", "20270131"),
                *("2020-01-31", "2020-01-31T12:00:00Z", "2027-01-31T25:00:00Z"),
            )
        ),
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    """Exit code 2, and no key."""
    result = run("create", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert listed() == []


def test_a_name_is_used_once() -> None:
    """Refused while the other key is active; then the name is free again."""
    first = created("tms")
    result = run("create", "--name", "tms", "--scope", "read")
    assert result.exit_code == REFUSED
    assert 'A key that is not revoked is called "tms" already' in result.stderr
    assert result.stdout == ""
    run("revoke", first[:12])
    assert created("tms") != first


def test_keys_are_listed_without_their_secrets() -> None:
    """A table for people, JSON for programs; revoked ones included."""
    one, two = created("one", "read"), created("two", "write", "admin")
    run("revoke", two[:12])
    result = run("list")
    header, *rows = result.stdout.splitlines()
    assert header.split() == [
        *("PREFIX", "NAME", "SCOPES", "CREATED", "EXPIRES", "LAST-USED", "REVOKED")
    ]
    first, second = (row.split() for row in rows)
    assert (first[:3], len(first)) == ([one[:12], "one", "read"], 6)
    assert (second[:3], len(second)) == ([two[:12], "two", "admin,write"], 7)
    everything = result.output + run("list", "--json").output
    assert one[13:] not in everything
    assert two[13:] not in everything
    assert [key["revoked_at"] is None for key in listed()] == [True, False]


@pytest.mark.usefixtures("empty_registry")
def test_no_keys() -> None:
    """An empty list is no error."""
    assert listed() == []
    assert len(run("list").stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2127-01-31", "2127-01-31T00:00:00.000+00:00"),
        ("2127-01-31T12:00Z", "2127-01-31T12:00:00.000+00:00"),
        ("2127-01-31T12:00:30+02:00", "2127-01-31T10:00:30.000+00:00"),
    ],
)
def test_a_key_can_end_at_a_moment(given: str, shown: str) -> None:
    """A date means the beginning of that day in UTC; the list shows it in UTC."""
    run("create", "--name", "tms", "--scope", "read", "--expires", given)
    assert listed()[0]["expires_at"] == shown
    assert shown.replace(".000", "") in run("list").stdout


@pytest.mark.parametrize(
    ("given", "lasts"),
    [("12h", timedelta(hours=12)), ("90d", timedelta(days=90)), ("2w", timedelta(weeks=2))],
)
def test_a_key_can_last_for_a_while(given: str, lasts: timedelta) -> None:
    """From the moment that it is created; that is said when it is."""
    result = run("create", "--name", "tms", "--scope", "read", "--expires", given)
    (key,) = listed()
    created_at, expires_at = map(datetime.fromisoformat, (key["created_at"], key["expires_at"]))
    assert abs(expires_at - created_at - lasts) < timedelta(seconds=5)
    assert KEY.fullmatch(result.stdout.strip())
    assert f"valid until {expires_at.isoformat(timespec='seconds')}" in result.stderr


def test_an_expired_key_is_marked() -> None:
    """In the table; programs compare the moments."""
    key, _ = new_key("tms")
    SqliteKeyStore(FILE).add(replace(key, expires_at=MOMENT), soon())
    row = run("list").stdout.splitlines()[1]
    assert "2026-01-31T12:00:00+00:00 (expired)" in row
    assert listed()[0]["expires_at"] == "2026-01-31T12:00:00.123+00:00"


def test_the_last_use_is_shown() -> None:
    """To the minute; of a key that was never used there is none."""
    used, never = created("used")[:12], created("never")[:12]
    SqliteKeyStore(FILE).note_uses({used: MOMENT}, soon())
    assert {key["prefix"]: key["last_used_at"] for key in listed()} == {
        used: "2026-01-31T12:00+00:00",
        never: None,
    }
    first, second = (row.split() for row in run("list").stdout.splitlines()[1:])
    assert (first[4:], second[4:]) == (["-", "2026-01-31T12:00+00:00"], ["-", "-"])


def test_a_key_is_revoked_and_stays_so() -> None:
    """Revoking it again is no error and keeps the moment."""
    prefix = created()[:12]
    assert run("revoke", prefix).exit_code == 0
    (before,) = listed()
    again = run("revoke", prefix)
    assert again.exit_code == 0
    assert "is revoked" in again.stdout
    assert listed() == [before]


def test_an_unknown_prefix_is_an_error() -> None:
    """What was given is not repeated, as it may be a whole key."""
    text = created()
    for given in ("abcdefghijkl", text):
        result = run("revoke", given)
        assert result.exit_code == NOT_FOUND
        assert "There is no key with this prefix" in result.stderr
        assert given not in result.output
    assert listed()[0]["revoked_at"] is None


@pytest.mark.parametrize(
    "command", [["list"], ["revoke", "x"], ["create", "--name=a", "--scope=read"]]
)
def test_a_store_that_fails_is_an_error(tmp_path: Path, command: list[str]) -> None:
    """A code of its own and a sentence, no traceback."""
    (tmp_path / "var").touch()
    result = run(*command)
    assert result.exit_code == UNAVAILABLE
    assert result.stderr.startswith("Error: Nothing was done")
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", [["list"], ["create", "--name=a", "--scope=read"]])
def test_a_cassandra_that_cannot_be_reached_is_an_error(command: list[str]) -> None:
    """As it is for SQLite."""
    os.environ.update(CASSANDRA_HOST="127.0.0.1", CASSANDRA_PORT=str(free_port()))
    result = run(*command)
    assert result.exit_code == UNAVAILABLE
    assert "Error: Nothing was done" in result.stderr
    assert result.stdout == ""


def test_keys_in_cassandra(cassandra_node: Node) -> None:
    """The settings choose the store; from a shell as it is used."""
    make_keyspace(cassandra_node)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CASSANDRA_HOST": cassandra_node.host,
        "CASSANDRA_PORT": str(cassandra_node.port),
        "CASSANDRA_KEYSPACE": KEYSPACE,
    }

    def carriers(*arguments: str) -> str:
        command = [sys.executable, "-m", "app.cli", "keys", *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    text = carriers("create", "--name", "tms", "--scope", "read").strip()
    assert KEY.fullmatch(text)
    carriers("revoke", text[:12])
    (key,) = json.loads(carriers("list", "--json"))
    assert (key["prefix"], key["name"], key["scopes"]) == (text[:12], "tms", ["read"])
    assert key["revoked_at"] is not None
    assert not FILE.exists()
