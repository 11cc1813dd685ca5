"""What the Cassandra driver logs while a node is away is short, and is not said on each try."""

import logging
import socket
from collections.abc import Iterator

import pytest

from app.infrastructure.observability import driver_lines
from app.infrastructure.observability.driver_lines import OncePerMinute
from tests.support.processes import free_port


class Written(logging.Handler):
    """Keeps the records that pass its filter."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(OncePerMinute())
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def lines(self) -> list[str]:
        """The text of each record."""
        return [record.getMessage() for record in self.records]


@pytest.fixture
def written() -> Iterator[Written]:
    """A handler of the root logger, with the filter."""
    handler = Written()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def reconnect(wait: float) -> None:
    """Log what the driver logs when a node is still away."""
    logging.getLogger("cassandra.pool").warning(
        "Error attempting to reconnect to %s, scheduling retry in %s seconds: %s",
        *("127.0.0.2:9042", wait, "timed out"),
    )


def test_each_try_to_reconnect_is_not_a_line(written: Written) -> None:
    """Tries that differ in their wait alone are one line; another node's try is another line."""
    for wait in (0.1, 0.2, 1.0, 1.0):
        reconnect(wait)
    logging.getLogger("cassandra.pool").warning("Host %s has been marked down", "127.0.0.3:9042")
    assert len(written.lines) == 2


def test_after_a_minute_it_is_said_again(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that stays away is not forgotten."""
    monkeypatch.setattr(driver_lines, "REPEATED_SECONDS", 0.0)
    reconnect(1.0)
    reconnect(1.0)
    assert len(written.lines) == 2


def test_a_node_that_is_away_is_no_traceback(written: Written) -> None:
    """What the error says is in the line."""
    try:
        socket.create_connection(("127.0.0.1", free_port()))
    except OSError:
        logging.getLogger("cassandra.cluster").warning(
            "[control connection] Error connecting to %s:", "127.0.0.2:9042", exc_info=True
        )
    (record,) = written.records
    assert record.exc_info is None
    assert record.getMessage() == (
        "[control connection] Error connecting to 127.0.0.2:9042: [Errno 111] Connection refused"
    )


def test_an_unforeseen_error_keeps_its_traceback(written: Written) -> None:
    """A fault of the driver or of ours has to be found."""
    try:
        int("odd")
    except ValueError:
        logging.getLogger("cassandra.cluster").exception("Unexpected exception")
    assert written.records[0].exc_info is not None


def test_other_loggers_are_left_alone(written: Written) -> None:
    """Our own lines are written each time."""
    for _ in range(3):
        logging.getLogger("app.somewhere").warning("the same")
    assert written.lines == ["the same"] * 3
