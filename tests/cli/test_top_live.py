"""`carriers top` in a real terminal: drawn over in place, and left as it was found."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.cli.shell import DONE, process_of, register
from tests.support.processes import wait_until
from tests.support.service import Service
from tests.support.terminal import Terminal

CTRL_C = "\x03"
LEFT = b"\x1b[?25h\x1b[?1049l"
"""What gives the terminal its cursor and its former page back."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests of this file."""
    with Service(tmp_path_factory.mktemp("service"), WORKERS="1") as running:
        yield running


def top_of(service: Service, interval: str = "0.2") -> Terminal:
    """`carriers top` on this service, five times a second."""
    command, environment = process_of("top", "--url", service.url, "--interval", interval)
    return Terminal(command, environment)


def test_the_page_is_drawn_over_in_place(service: Service) -> None:
    """What happens appears on the same page, and goes again; Ctrl-C gives the terminal back, with
    what was seen last."""
    with top_of(service) as terminal:
        wait_until(lambda: terminal.shows("requests    0: 2xx 0"), 20, "rates of an idle service")
        assert not terminal.has_cursor()
        assert register(service, "a") == 201
        wait_until(lambda: terminal.shows("POST /register-carrier"), 10, "the route appears")
        wait_until(lambda: not terminal.shows("POST /register-carrier"), 10, "and goes again")
        assert terminal.scrolled() == 0
        assert terminal.text().count("store ") == 1
        terminal.type(CTRL_C)
        assert terminal.wait(10) == DONE
        assert terminal.has_cursor()
        _, after = terminal.raw.split(LEFT)
        assert b"store       up" in after
        assert b"\x1b" not in after


def test_q_ends_it(service: Service) -> None:
    """Other keys do nothing and are not shown, and the shell does not get them either."""
    command, environment = process_of("top", "--url", service.url, "--interval", "0.2")
    script = '"$@"; echo code=$?; read -t 0.2 typed; echo "typed=$typed."; stty -a'
    shell = ["/bin/bash", "-c", script, "bash", *command]
    with Terminal(shell, environment) as terminal:
        wait_until(lambda: terminal.shows("store       up"), 20, "it is drawn")
        terminal.type("jkl\n")
        terminal.type("q")
        ended = ("code=0", "typed=.", "quit = ^\\", " icanon ", " echo ")
        wait_until(lambda: terminal.shows(*ended), 10, "it ended, and the terminal is as it was")
        assert "jkl" not in terminal.text()


def test_sigterm_gives_the_terminal_back(service: Service) -> None:
    """As Ctrl-C does."""
    with top_of(service) as terminal:
        wait_until(lambda: terminal.shows("store       up"), 20, "it is drawn")
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.wait(10) == DONE
        assert terminal.has_cursor()
        assert LEFT in terminal.raw


def test_a_narrow_terminal_loses_nothing(service: Service) -> None:
    """What does not fit into a line goes on in the next one; what does not fit into the page is
    counted. The terminal's size may change at any time."""
    with top_of(service, interval="600") as terminal:
        wait_until(lambda: terminal.shows("from the next reading on"), 20, "it is drawn")
        terminal.resize(34, 60)
        wait_until(lambda: terminal.shows("              reading on", "worker-1"), 10, "narrow")
        assert max(map(len, terminal.text().splitlines())) <= 34
        terminal.resize(80, 6)
        wait_until(lambda: terminal.shows("store", "more lines: make it higher)"), 10, "low")
        assert terminal.scrolled() == 0


def test_ctrl_z_gives_the_terminal_to_the_shell(service: Service) -> None:
    """Until the command is let go on: then it draws its page anew."""
    command, environment = process_of("top", "--url", service.url, "--interval", "0.2")
    shell = ["/bin/bash", "--norc", "-i"]
    with Terminal(shell, {**environment, "PS1": "ready$ ", "HISTFILE": ""}) as terminal:
        terminal.type(" ".join(command) + "\n")
        wait_until(lambda: terminal.shows("store       up"), 20, "it is drawn")
        terminal.type("\x1a")
        wait_until(lambda: terminal.shows("Stopped") and terminal.has_cursor(), 10, "it is stopped")
        terminal.type("fg\n")
        wait_until(lambda: not terminal.has_cursor(), 10, "it goes on")
        terminal.type(CTRL_C)
        wait_until(terminal.has_cursor, 10, "it has ended")
        terminal.type("echo code=$?\n")
        wait_until(lambda: terminal.shows("code=0"), 10, "in good order")
        terminal.type("exit\n")
        assert terminal.wait(10) == DONE


def test_a_terminal_that_cannot_be_drawn_over(service: Service) -> None:
    """Gets blocks, as a pipe does."""
    command, environment = process_of("top", "--url", service.url, *("--interval", "0.2"))
    with Terminal(command, {**environment, "TERM": "dumb"}) as terminal:
        wait_until(lambda: terminal.text().count("store       up") == 2, 20, "two blocks")
        assert b"\x1b" not in terminal.raw


def test_it_outlasts_the_service(service: Service) -> None:
    """It says that the service is away and goes on trying; after the restart, that the counts
    have begun anew, and then the rates as before."""
    with top_of(service) as terminal:
        assert register(service, "b") == 201
        wait_until(lambda: terminal.shows("store       up", "requests"), 20, "it is drawn")
        service.server.stop()
        wait_until(lambda: terminal.shows("cannot be reached: Connection refused"), 10, "away")
        assert terminal.shows(
            "It is tried again every 200 ms; q ends it.", "The last answer came at"
        )
        assert not terminal.shows("store")
        service.server.start()
        wait_until(lambda: b"none: the service was restarted" in terminal.raw, 20, "back")
        wait_until(lambda: terminal.shows("requests    0: 2xx 0"), 10, "rates again")
