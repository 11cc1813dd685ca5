"""How commands on carriers end: exit codes, sentences, Ctrl-C, a closed pipe."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.application.ports.errors import OutcomeUnknown
from app.application.ports.event_store import NO_STREAM, VersionConflict
from app.cli.carriers import COMMANDS
from app.cli.errors import (
    FAILED,
    INTERRUPTED,
    INVALID,
    NOT_FOUND,
    NOT_SAID,
    NOT_WRITTEN,
    REFUSED,
    STALE,
    UNAVAILABLE,
    UNKNOWN,
    cli_error_of,
)
from tests.cli.shell import CHANGES, DONE, NOBODY, PROFILE_OPTIONS, data, registered, run
from tests.support.cassandra_node import Node
from tests.support.cql_frames import Opcode
from tests.support.processes import free_port
from tests.support.project import ROOT
from tests.support.stores import KEYSPACE, make_keyspace
from tests.support.tcp_proxy import DROP_ANSWER, FaultProxy

REGISTER = ("register", "--name", "A", "--email", "a@fedex.com")

INVALID_COMMANDS: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("register", "--name", "A"), ("Missing option '--email'",)),
    (
        ("register", "--name", " ", "--email", "x", "--phone", "1"),
        ("Error: name: The name", "Error: email: The email", "Error: phone: The phone"),
    ),
    ((*REGISTER, "--identifier", "scac"), ("--identifier", "must be written scheme:value")),
    ((*REGISTER, "--identifier", "scac:1"), ("Error: identifiers.0.value: ",)),
    ((*REGISTER, "--identifier", "{"), ("--identifier", "It is not valid JSON")),
    ((*REGISTER, "--coverage", "parcel"), ("--coverage", "must be written service:countries")),
    ((*REGISTER, "--coverage", "parcel:"), ("Error: coverage.0.countries: ",)),
    ((*REGISTER, "--coverage", "boat:DE"), ("Error: coverage.0.service: ",)),
    ((*REGISTER, "--metadata", '{"a": NaN}'), ("--metadata", "It holds NaN")),
    ((*REGISTER, "--metadata", "[1]"), ("Error: metadata: ",)),
    ((*REGISTER, "--metadata", "\udcff"), ("--metadata", "It must be UTF-8")),
    ((*REGISTER, "--tracking-url", "https://a.example/"), ("Error: tracking_url: ",)),
    ((*REGISTER, "--website", "\udcff"), ("Error: website: ",)),
    ((*REGISTER, "--alias", "\udcff"), ("Error: aliases.0: ",)),
    ((*REGISTER, "--identifier", "own:\udcff"), ("Error: identifiers.0.value: ",)),
    ((*REGISTER, "--idempotency-key", "a b"), ("--idempotency-key", "visible ASCII")),
    ((*REGISTER, "--idempotency-key", ""), ("--idempotency-key", "visible ASCII")),
    ((*REGISTER, "--actor", "bob"), ("No such option",)),
    (("rename", "nonsense", "--name", "A"), ("'ID'",)),
    (("rename", NOBODY, "--name", "A", "--if-version", "0"), ("--if-version",)),
    (("update-profile", NOBODY), ("Name at least one part",)),
    (
        ("update-profile", NOBODY, "--alias", "A", "--unset", "aliases"),
        ("Either set or unset aliases, not both",),
    ),
    (("suspend", NOBODY, "--reason", "A", "--category", "mood"), ("Error: category: ",)),
    (("retire", NOBODY, "--reason", "a\nb"), ("Error: reason: ",)),
    (("show", NOBODY, "--version", "x"), ("Error: version: ",)),
    (("show", NOBODY, "--version", "1", "--at", "2026-01-31T12:00:00Z"), ("Error: version: ",)),
    (("show", NOBODY, "--at", "2026-01-31"), ("Error: at: ",)),
    (("history", NOBODY, "--limit", "501"), ("Error: limit: ",)),
    (("history", NOBODY, "--after", "-1"), ("Error: after: ",)),
]


@pytest.mark.parametrize(("command", "expected"), INVALID_COMMANDS)
def test_invalid_values(command: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """A sentence for each on stderr, nothing on stdout, and no store is made."""
    result = run(*command)
    assert (result.exit_code, result.stdout) == (INVALID, "")
    for words in expected:
        assert words in result.stderr
    assert not Path("var").exists()


@pytest.mark.usefixtures("empty_registry")
@pytest.mark.parametrize(
    "command",
    [
        *(
            [words[0], NOBODY, *words[1:], *more]
            for words, _ in CHANGES
            for more in ([], ["--dry-run"], ["--if-version", "1"])
        ),
        ["reinstate", NOBODY],
        ["show", NOBODY],
        ["history", NOBODY],
    ],
)
def test_a_carrier_that_does_not_exist(command: list[str]) -> None:
    """Whatever is asked of it."""
    result = run(*command)
    assert (result.exit_code, result.stdout) == (NOT_FOUND, "")
    assert result.stderr == "Error: There is no carrier with this id\n"


@pytest.mark.parametrize(
    ("then", "why"),
    [
        (["--version", "2"], "has no version 2"),
        (["--at", "2000-01-01T00:00:00Z"], "was not registered yet"),
    ],
)
def test_a_carrier_that_did_not_exist_then(then: list[str], why: str) -> None:
    """It may exist now, so the sentence says more."""
    result = run("show", registered(), *then)
    assert result.exit_code == NOT_FOUND
    assert why in result.stderr


@pytest.mark.parametrize(
    ("before", "command", "expected"),
    [
        (["suspend", "--reason", "A"], ["suspend", "--reason", "B"], "possible is rename"),
        (["retire", "--reason", "A"], ["rename", "--name", "B"], "possible is cancel-sch"),
        (["retire", "--reason", "A"], ["reinstate"], "is retired"),
        ([], ["change-email", "--email", "TAKEN@fedex.com"], "email: The email belongs to another"),
    ],
)
def test_what_is_refused(before: list[str], command: list[str], expected: str) -> None:
    """By the carrier's state, or because the address is another's; also in a dry run of it."""
    registered("taken@fedex.com")
    carrier_id = registered()
    if before:
        data(before[0], carrier_id, *before[1:])
    result = run(command[0], carrier_id, *command[1:])
    assert (result.exit_code, result.stdout) == (REFUSED, "")
    assert expected in result.stderr


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (VersionConflict("a", NO_STREAM, 1), REFUSED),
        (OutcomeUnknown("no answer"), UNKNOWN),
        (RuntimeError("a defect"), FAILED),
    ],
)
def test_errors_that_are_rare(error: Exception, exit_code: int) -> None:
    """Each has its code and one sentence."""
    found = cli_error_of(error)
    assert found.exit_code == exit_code
    assert len(found.lines) == 1


def test_an_event_that_cannot_be_read() -> None:
    """Named, by its stream and version."""
    carrier_id = registered()
    with closing(sqlite3.connect("var/events.sqlite3")) as database, database:
        database.execute("UPDATE events SET payload = '{}'")
    result = run("show", carrier_id)
    assert (result.exit_code, result.stdout) == (FAILED, "")
    assert f"event 1 of stream {carrier_id}" in result.stderr


def no_sqlite(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "var").touch()


def no_cassandra(_: Path) -> None:
    """A port that nothing listens on."""
    os.environ.update(CASSANDRA_HOST="127.0.0.1", CASSANDRA_PORT=str(free_port()))


@pytest.mark.parametrize("without_store", [no_sqlite, no_cassandra])
@pytest.mark.parametrize("command", [REGISTER, ("show", NOBODY)])
def test_a_store_that_is_away(
    tmp_path: Path, without_store: Callable[[Path], None], command: tuple[str, ...]
) -> None:
    """One sentence with the reason, and none of the driver's warnings."""
    without_store(tmp_path)
    result = run(*command)
    assert (result.exit_code, result.stdout) == (UNAVAILABLE, "")
    assert result.stderr.startswith("Error: Nothing was done, the store failed: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_help_tells_the_exit_codes(command: str) -> None:
    """Of every command, without a store."""
    page = run(command, "--help").stdout.split("Exit codes:\n")[1]
    codes = re.findall(r"^ {4}(\d+) ", page, re.MULTILINE)
    assert [int(code) for code in codes] == [
        *(DONE, FAILED, INVALID, NOT_FOUND, REFUSED, STALE, UNAVAILABLE, UNKNOWN),
        *(NOT_SAID, NOT_WRITTEN, INTERRUPTED),
    ]
    assert not Path("var").exists()


def shell(**settings: str) -> tuple[list[str], dict[str, str]]:
    """The start of a command line, and the environment, of a process of its own."""
    return [sys.executable, "-m", "app.cli"], {**os.environ, "PYTHONPATH": str(ROOT), **settings}


def test_a_terminal_that_cannot_show_everything() -> None:
    """What it has no character for is escaped; the command is done all the same."""
    carrier_id = registered("contact@fedex.com", "--alias", "東京")
    start, environment = shell(PYTHONIOENCODING="ascii")
    done = subprocess.run(
        [*start, "show", carrier_id], env=environment, capture_output=True, timeout=60, check=True
    )
    assert rb"\u6771\u4eac" in done.stdout


def test_ctrl_c_ends_quietly() -> None:
    """At once, while the store is waited for."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        silent.settimeout(30)
        port = str(silent.getsockname()[1])
        start, environment = shell(CASSANDRA_HOST="127.0.0.1", CASSANDRA_PORT=port)
        process = subprocess.Popen(
            [*start, "show", NOBODY],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        connection, _ = silent.accept()  # now it waits for an answer
        with connection:
            process.send_signal(signal.SIGINT)
            printed = process.communicate(timeout=4.5)  # sooner than the driver gives up
    assert (process.returncode, printed) == (-signal.SIGINT, (b"", b""))


def test_a_carrier_in_cassandra(cassandra_node: Node) -> None:
    """The settings choose the store. An answer that is lost means code 7; the same command with
    the same key settles it, and nothing is done twice."""
    make_keyspace(cassandra_node)
    os.environ.update(CASSANDRA_KEYSPACE=KEYSPACE, CASSANDRA_HOST=cassandra_node.host)
    with FaultProxy(cassandra_node.host, cassandra_node.port) as proxy:
        os.environ.update(CASSANDRA_PORT=str(proxy.port), REQUEST_TIMEOUT="4")
        carrier_id = registered("contact@fedex.com", *PROFILE_OPTIONS)
        rename = ["rename", carrier_id, "--name", "A", "--idempotency-key", "k"]
        proxy.arm(DROP_ANSWER, times=None, opcodes=[Opcode.BATCH])
        lost = run(*rename)
        assert (lost.exit_code, lost.stdout) == (UNKNOWN, "")
        assert len(lost.stderr.splitlines()) == 1
        proxy.disarm()
        assert data(*rename) == {"carrier_id": carrier_id, "version": 3, "state": "active"}
        taken = run("register", "--name", "B", "--email", "contact@fedex.com")
        assert taken.exit_code == REFUSED
        assert run("rename", carrier_id, "--name", "C", "--if-version", "2").exit_code == STALE
        assert [each["version"] for each in data("history", carrier_id)["events"]] == [1, 2, 3]
        assert data("history", carrier_id, "--after", str(2**31 - 1))["events"] == []
        assert run("show", NOBODY).exit_code == NOT_FOUND
    assert not Path("var").exists()
