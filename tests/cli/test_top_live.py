"""`carriers top` in a real terminal: drawn over in place, and left as it was found."""

from collections.abc import Iterator

import pytest

from tests.cli.shell import DONE, process_of
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


def top_of(service: Service, **size: int) -> Terminal:
    """`carriers top` on this service, five times a second."""
    command, environment = process_of("top", "--url", url_of(service), "--interval", "0.2")
    return Terminal(command, environment, **size)


def url_of(service: Service) -> str:
    """Where it answers."""
    return f"http://{service.host}:{service.port}"


def register(service: Service, name: str) -> int:
    """The status of the answer to a new carrier."""
    body = {"name": name, "email": f"{name}@fedex.com"}
    return service.ask("POST", "/register-carrier", body).status


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
