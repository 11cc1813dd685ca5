"""`carriers schema`: what it says and how it exits."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from tests.support.processes import free_port
from tests.support.project import MIGRATIONS


def run(*arguments: str, **environment: str) -> Result:
    """Run `carriers` with these arguments."""
    return CliRunner().invoke(main, arguments, env=environment)


def test_help_names_the_commands() -> None:
    """And where the meaning of the exit codes is said."""
    result = run("--help")
    assert result.exit_code == 0
    assert {"keys", "schema"} <= set(result.stdout.split())
    assert "The help page of each command lists its exit codes." in result.stdout


def test_schema_has_a_help_page() -> None:
    """It names its option and its default."""
    result = run("schema", "--help")
    assert result.exit_code == 0
    assert "--folder" in result.stdout
    assert "migrations_cql" in result.stdout


def test_schema_needs_a_cassandra() -> None:
    """Without CASSANDRA_HOST there is nothing to apply it to."""
    result = run("schema", "--folder", str(MIGRATIONS))
    assert result.exit_code == 2
    assert "CASSANDRA_HOST is not set" in result.stderr
    assert result.stdout == ""


def test_bad_settings_are_wrong_usage() -> None:
    """The settings' own line, and no traceback."""
    result = run("schema", "--folder", str(MIGRATIONS), CASSANDRA_PORT="none")
    assert result.exit_code == 2
    assert "CASSANDRA_PORT=none is not valid: it must be a whole number" in result.stderr
    assert "Traceback" not in result.output


def test_a_folder_that_is_not_there_is_wrong_usage() -> None:
    """Named, with the option that takes it."""
    result = run("schema", "--folder", "nowhere", CASSANDRA_HOST="127.0.0.1")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr


def test_a_folder_without_migrations_is_an_error(tmp_path: Path) -> None:
    """Before anything is asked of Cassandra."""
    result = run("schema", "--folder", str(tmp_path), CASSANDRA_HOST="127.0.0.1")
    assert result.exit_code == 1
    assert f"There are no .cql files in {tmp_path}" in result.stderr


def test_a_cassandra_that_cannot_be_reached_is_an_error() -> None:
    """Exit code 1 and a sentence, no traceback."""
    result = run(
        "schema",
        "--folder",
        str(MIGRATIONS),
        CASSANDRA_HOST="127.0.0.1",
        CASSANDRA_PORT=str(free_port()),
    )
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: Cassandra did not do it")
    assert "Traceback" not in result.output


@pytest.fixture
def something_else() -> Iterator[int]:
    """The port of a server that answers every connection in HTTP and hangs up."""

    def hang_up() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=hang_up)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_something_that_is_no_cassandra_is_an_error(something_else: int) -> None:
    """Whatever it answers, there is a sentence and no traceback."""
    result = run(
        "schema",
        "--folder",
        str(MIGRATIONS),
        CASSANDRA_HOST="127.0.0.1",
        CASSANDRA_PORT=str(something_else),
    )
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: Cassandra did not do it")
    assert "Traceback" not in result.output
