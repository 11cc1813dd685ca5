"""Beside the way of the data: writes the log records of all parts.

    logger → root logger → LineQueue → a JSON line on stderr and in `<directory>/app.log`

A record is formatted in the thread that logs it, so that the line has the request id, arguments and
exception of that moment. Formatting it later, in the writing thread, was measured to cost the same
CPU. Only the writing is deferred, and only in a worker: after `start_background_writer()` a daemon
thread appends the lines of LINGER seconds under one lock. Before that, and when MAX_WAITING lines
wait, the caller writes. A process that is killed loses at most the log of LINGER seconds. May
import only `driver_lines`, `json_lines` and `private_files`.
"""

import atexit
import contextlib
import logging
import os
import select
import sys
import threading
from collections.abc import Iterator
from logging.handlers import QueueHandler
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType

from concurrent_log_handler import ConcurrentTimedRotatingFileHandler

from app.infrastructure.observability.driver_lines import OncePerMinute
from app.infrastructure.observability.json_lines import JsonLineFormatter
from app.infrastructure.private_files import PRIVATE_FILE, keep_private, make_folder

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
LINGER = 0.05
MAX_WAITING = 10_000
DAYS_KEPT = 30


class SharedLogFile(ConcurrentTimedRotatingFileHandler):
    """`app.log`: several processes append to the file and rotate it, under a lock file beside it.
    Only the service's user can read these files; `tightened` holds a line for each file whose
    permissions had to be changed."""

    def __init__(self, path: Path, when: str = "MIDNIGHT", kept: int = DAYS_KEPT) -> None:
        make_folder(path.parent)
        # Fails here if the file cannot be written, even in a writable folder.
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, PRIVATE_FILE))
        self.tightened: list[str] = []
        for each in (path, *path.parent.glob(f"{path.name}.*")):
            keep_private(each, self.tightened.append)
        super().__init__(
            path, when=when, backupCount=kept, utc=True, encoding="ascii", chmod=PRIVATE_FILE
        )

    def append(self, lines: list[str]) -> None:
        """Append whole lines. Raises OSError."""
        self.emit(logging.makeLogRecord({"msg": "\n".join(lines)}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name is logging's
        # The default prints a traceback and the raw record; LineQueue writes a JSON line instead.
        error = sys.exc_info()[1]
        if error is not None:
            raise error


class LineQueue(QueueHandler):
    """The root logger's only handler: formats in the caller, and writes in the caller or in the
    background thread."""

    queue: SimpleQueue[str]

    def __init__(self, file: SharedLogFile | None) -> None:
        super().__init__(SimpleQueue())
        self.setFormatter(JsonLineFormatter())
        self._file = file
        self._file_failed = False
        self.start_over()

    def start_over(self) -> None:
        """Drop the pending lines and write synchronously. Called in a forked child, as its parent
        writes those lines."""
        self.queue = SimpleQueue()
        # A signal handler may log while its own thread holds these: an RLock and a SimpleQueue are
        # reentrant, an Event is not.
        self.writing = threading.RLock()
        self._is_writing = False
        self._writer: threading.Thread | None = None
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._awake = False
        self._stop = threading.Event()

    def prepare(self, record: logging.LogRecord) -> str:
        return self.format(record)

    def enqueue(self, record: str) -> None:  # type: ignore[override]  # what prepare() returned
        self.queue.put(record)
        if self._writer is None or self.queue.qsize() >= MAX_WAITING:
            self.flush()
        elif not self._awake:
            self._awake = True
            self._wake.put(None)

    def flush(self) -> None:
        """Write the pending lines, in order, before returning."""
        with self.writing:
            if self._is_writing:
                return  # in a signal handler; the interrupted call of flush goes on
            self._is_writing = True
            try:
                while lines := self._waiting():
                    self._write(lines)
            finally:
                self._is_writing = False

    def start(self) -> None:
        """Start the writing thread."""
        if self._writer is None:
            self._stop.clear()
            self._writer = threading.Thread(target=self._run, name="log-writer", daemon=True)
            self._writer.start()

    def stop(self) -> None:
        """End the writing thread and write the pending lines; callers write from now on."""
        if self._writer is not None:
            self._stop.set()
            self._wake.put(None)
            self._writer.join()
            self._writer = None
        self.flush()

    def close(self) -> None:
        self.stop()
        if self._file is not None:
            self._file.close()
        super().close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.get()
            self._stop.wait(LINGER)  # lines that gather share one lock, one write, one wake-up
            self._awake = False
            self.flush()

    def _waiting(self) -> list[str]:
        lines: list[str] = []
        with contextlib.suppress(Empty):
            while len(lines) < MAX_WAITING:
                lines.append(self.queue.get_nowait())
        return lines

    def _write(self, lines: list[str]) -> None:
        # If stderr cannot be written, the file still gets the lines.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            for text in _pieces(lines):
                sys.stderr.write(text)
                sys.stderr.flush()
        if self._file is None:
            return
        try:
            self._file.append(lines)
            self._file_failed = False
        except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: no lock; Value: closed
            if not self._file_failed:  # once per outage, not once per line
                self._file_failed = True
                self.queue.put(self.format(_warning(f"app.log cannot be written: {error}")))


def _pieces(lines: list[str]) -> Iterator[str]:
    """Pieces of whole lines, at most PIPE_BUF bytes each if a line fits: processes that share a
    pipe can write such pieces without mixing them."""
    piece = ""
    for line in lines:
        if piece and len(piece) + len(line) >= select.PIPE_BUF:
            yield piece
            piece = ""
        piece += line + "\n"
    yield piece


def _warning(text: str) -> logging.LogRecord:
    return logging.LogRecord(__name__, logging.WARNING, "", 0, text, None, None)


def configure(level: str, directory: Path | None) -> None:
    """Write this process's log to stderr and, with a directory, to `<directory>/app.log`.

    Writes synchronously and starts no thread, so it can be called before a fork. Raises ValueError
    for an unknown level. If the directory cannot be written, logs one warning.
    """
    if level not in LEVELS:
        raise ValueError(f"log level must be one of {', '.join(LEVELS)}, not {level!r}")
    trouble: OSError | None = None
    file: SharedLogFile | None = None
    if directory is not None:
        try:
            file = SharedLogFile(directory / "app.log")
        except OSError as error:
            trouble = error
    root = logging.getLogger()
    previous = _installed()
    root.handlers[:] = [LineQueue(file)]
    if previous is not None:
        previous.close()
    root.setLevel(LEVELS[level])
    driver = logging.NOTSET if level == "debug" else max(LEVELS[level], logging.WARNING)
    logging.getLogger("cassandra").setLevel(driver)
    if level != "debug":
        root.handlers[0].addFilter(OncePerMinute())
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    for text in file.tightened if file is not None else ():
        root.handle(_warning(text))
    if trouble is not None:
        root.handle(_warning(f"logging to stderr only: {directory} cannot be written: {trouble}"))


def start_background_writer() -> None:
    """Start the writing thread. Call it in each worker, after the fork."""
    if (installed := _installed()) is not None:
        installed.start()


def stop_background_writer() -> None:
    """Write the pending lines and end the thread; callers write later lines themselves."""
    if (installed := _installed()) is not None:
        installed.stop()


def flush() -> None:
    """Write every line that was logged before this call."""
    if (installed := _installed()) is not None:
        installed.flush()


def _installed() -> LineQueue | None:
    return next((h for h in logging.getLogger().handlers if isinstance(h, LineQueue)), None)


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger("uncaught").critical("uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _before_fork() -> None:
    # A fork in the middle of a write would leave half a line in the child's copy of the buffer.
    if (installed := _installed()) is not None:
        installed.writing.acquire()


def _after_fork_in_parent() -> None:
    if (installed := _installed()) is not None:
        installed.writing.release()


def _after_fork_in_child() -> None:
    if (installed := _installed()) is not None:
        installed.start_over()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
atexit.register(stop_background_writer)
