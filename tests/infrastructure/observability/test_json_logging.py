"""Log lines as they leave the process: on a real stderr, in real files, from real processes."""

import json
import logging
import os
import stat
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.application.correlation import request_id
from app.infrastructure.observability import json_logging
from app.infrastructure.observability.json_logging import SharedLogFile, configure
from app.server.logger import GunicornLogger
from tests.support.processes import wait_until

Lines = list[dict[str, Any]]
log = logging.getLogger("tests.json_logging")


def lines_of(text: str) -> Lines:
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Callable[[], Lines]]:
    """Logging at debug into tmp_path, undone afterwards; called, it gives what app.log holds, but
    for the driver's lines: sessions of other tests may still be connected."""
    root = logging.getLogger()
    before = (root.level, sys.excepthook, threading.excepthook)
    configure("debug", tmp_path)

    def lines() -> Lines:
        found = lines_of((tmp_path / "app.log").read_text())
        return [line for line in found if line.get("logger") != "cassandra.connection"]

    yield lines
    handler = json_logging._installed()
    assert handler is not None
    handler.close()
    root.removeHandler(handler)
    root.level, sys.excepthook, threading.excepthook = before
    logging.captureWarnings(False)
    logging.getLogger("cassandra").setLevel(logging.NOTSET)


def test_a_line_has_every_field(
    logs: Callable[[], Lines], capsys: pytest.CaptureFixture[str]
) -> None:
    """A line says when, how grave, from where, what, for which request, by which process."""
    token = request_id.set("r-1")
    log.info("carrier %s", "c-1", extra={"status": 201})
    request_id.reset(token)
    (line,) = logs()
    moment = datetime.fromisoformat(line.pop("timestamp"))
    assert moment.tzinfo == UTC
    assert abs(time.time() - moment.timestamp()) < 60
    assert line.pop("process_id") > 0
    assert line == {
        "level": "info",
        "logger": "tests.json_logging",
        "message": "carrier c-1",
        "request_id": "r-1",
        "status": 201,
    }
    assert lines_of(capsys.readouterr().err) == logs()


def test_no_request_no_request_id(logs: Callable[[], Lines]) -> None:
    """Outside of a request the request id is null."""
    log.info("hello")
    assert logs()[0]["request_id"] is None


def test_an_explicit_request_id_wins(logs: Callable[[], Lines]) -> None:
    """What is logged about a request after its context ended can name the request itself."""
    log.info("hello", extra={"request_id": "r-2"})
    assert logs()[0]["request_id"] == "r-2"


def test_an_exception_is_one_field(logs: Callable[[], Lines]) -> None:
    """A traceback, with its newlines, is one string in the line of its record."""
    try:
        int("first\nsecond bob@example.com")
    except ValueError:
        log.exception("failed", stack_info=True)
    (line,) = logs()
    assert "Traceback" in line["exception"]
    assert "bob" not in line["exception"]
    assert "ValueError: invalid literal" in line["exception"].splitlines()[-1]
    assert "test_an_exception_is_one_field" in line["stack"]


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_levels(level: str, logs: Callable[[], Lines], tmp_path: Path) -> None:
    """Exactly the records of the level and above are written; the driver's from warning up."""
    names = ["debug", "info", "warning", "error", "critical"]
    configure(level, tmp_path)
    for name in names:
        log.log(json_logging.LEVELS[name], "ours")
        logging.getLogger("cassandra.cluster").log(json_logging.LEVELS[name], "driver's")
    written = [(line["message"], line["level"]) for line in logs()]
    wanted = names[names.index(level) :]
    driver = [n for n in wanted if level == "debug" or n not in ("debug", "info")]
    assert [at for what, at in written if what == "ours"] == wanted
    assert [at for what, at in written if what == "driver's"] == driver


def test_an_unknown_level_is_refused() -> None:
    """A level that does not exist is named, with those that do."""
    with pytest.raises(ValueError, match="debug, info, warning, error, critical, not 'loud'"):
        configure("loud", None)


def test_warnings_are_logged(logs: Callable[[], Lines]) -> None:
    """What the warnings module shows becomes a line."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old\nthing", UserWarning, stacklevel=1)
    assert [line["logger"] for line in logs()] == ["py.warnings"]


def test_gunicorn_logs_through_the_root(logs: Callable[[], Lines]) -> None:
    """gunicorn's own records are lines like all others, once."""
    from gunicorn.config import Config  # noqa: PLC0415

    logger = GunicornLogger(Config())
    logger.info("Booting worker with pid: %s", 7)
    logger.access_log.info("GET /")
    assert [(line["logger"], line["message"]) for line in logs()] == [
        ("gunicorn.error", "Booting worker with pid: 7"),
        ("gunicorn.access", "GET /"),
    ]


@pytest.mark.parametrize("where", ["a-file/logs", "/proc/logs", "taken"])
def test_a_directory_that_cannot_be_written(
    where: str, logs: Callable[[], Lines], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a place for files there is one warning line, and all goes on on stderr."""
    (tmp_path / "a-file").touch()
    (tmp_path / "taken" / "app.log").mkdir(parents=True)
    configure("info", tmp_path / where)
    log.info("hello")
    warning, hello = lines_of(capsys.readouterr().err)
    assert (warning["level"], hello["message"]) == ("warning", "hello")
    assert "cannot be written" in warning["message"]


def test_a_file_that_fails_later(
    logs: Callable[[], Lines], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the file refuses lines, stderr has them still, and one warning for the outage."""
    path = tmp_path / "app.log"
    path.unlink()
    path.mkdir()
    log.info("one")
    log.info("two")
    path.rmdir()
    log.info("three")
    assert [line["message"][:25] for line in lines_of(capsys.readouterr().err)] == [
        "one",
        "app.log cannot be written",
        "two",
        "three",
    ]
    assert [line["message"] for line in logs()] == ["three"]


def test_lines_wait_for_the_background_writer(logs: Callable[[], Lines]) -> None:
    """With the background writer on, lines arrive by themselves, and at once after flush()."""
    json_logging.start_background_writer()
    json_logging.start_background_writer()
    assert [t.name for t in threading.enumerate()].count("log-writer") == 1
    log.info("one")
    deadline = time.monotonic() + 10
    while not logs() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert [line["message"] for line in logs()] == ["one"]
    log.info("two")
    json_logging.flush()
    assert [line["message"] for line in logs()] == ["one", "two"]
    json_logging.stop_background_writer()
    log.info("three")
    assert [line["message"] for line in logs()] == ["one", "two", "three"]


def test_a_full_queue_makes_the_caller_write(
    logs: Callable[[], Lines], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More waiting lines than the bound are neither kept nor dropped: the caller writes them."""
    monkeypatch.setattr(json_logging, "LINGER", 60.0)
    monkeypatch.setattr(json_logging, "MAX_WAITING", 10)
    json_logging.start_background_writer()
    for number in range(25):
        log.info("%s", number)
    assert [line["message"] for line in logs()] == [str(n) for n in range(20)]
    json_logging.stop_background_writer()
    assert len(logs()) == 25


def test_a_batch_larger_than_one_write(
    logs: Callable[[], Lines], capsys: pytest.CaptureFixture[str]
) -> None:
    """A batch that is written in several pieces arrives complete and in order."""
    json_logging.start_background_writer()
    for number in range(200):
        log.info("%s", number, extra={"padding": "x" * number * 50})
    json_logging.stop_background_writer()
    assert lines_of(capsys.readouterr().err) == logs()
    assert [line["message"] for line in logs()] == [str(number) for number in range(200)]


def test_uncaught_exceptions_are_logged(logs: Callable[[], Lines]) -> None:
    """What ends a process or a thread is a critical line."""
    error = RuntimeError("bad")
    sys.excepthook(RuntimeError, error, None)
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    assert [(line["level"], line["exception"].splitlines()[-1]) for line in logs()] == [
        ("critical", "RuntimeError: bad"),
        ("critical", "ZeroDivisionError: integer division or modulo by zero"),
    ]


def test_a_forked_child_starts_over(logs: Callable[[], Lines]) -> None:
    """What waits at the time of a fork is written once, by the parent; both can go on logging."""
    log.info("before")
    handler = json_logging._installed()
    assert handler is not None
    handler.queue.put('{"message":"waiting"}')
    child = os.fork()
    if child == 0:
        log.info("child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    log.info("parent")
    assert [line["message"] for line in logs()] == ["before", "child", "waiting", "parent"]


def test_nothing_configured_nothing_to_do(logs: Callable[[], Lines]) -> None:
    """Before configure() there is nothing to start, flush or stop."""
    root = logging.getLogger()
    configured, root.handlers[:] = root.handlers[:], []
    json_logging.start_background_writer()
    json_logging.flush()
    json_logging.stop_background_writer()
    root.handlers[:] = configured
    assert "log-writer" not in [thread.name for thread in threading.enumerate()]
    assert logs() == []


def test_nobody_else_reads_the_log(tmp_path: Path) -> None:
    """The folder, the file, its lock, and what was rotated; what was open before is closed, and a
    line says so."""
    folder = tmp_path / "new" / "logs"
    before = os.umask(0o022)
    try:
        file = SharedLogFile(folder / "app.log", when="S")
        file.append(["one"])

        def is_rotated() -> bool:
            file.append(["more"])
            return len(list(folder.glob("app.log.*"))) > 0

        wait_until(is_rotated, 10, "it is rotated")
        file.close()
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
        assert set(modes.values()) == {0o600}, modes
        assert {stat.S_IMODE(each.stat().st_mode) for each in (folder, folder.parent)} == {0o700}
        (folder / "app.log").chmod(0o644)
        again = SharedLogFile(folder / "app.log")
        again.close()
    finally:
        os.umask(before)
    assert again.tightened == [
        f"{folder / 'app.log'} could be read by other users (mode 0644): it is 0600 now"
    ]
