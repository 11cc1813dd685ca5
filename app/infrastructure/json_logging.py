"""Beside the way of the data: every record that any part logs leaves the process here.

    logger → root logger → LineQueue → a JSON line on stderr and in `<directory>/app.log`

A record becomes a line on the thread that logs it: so the line says what was true then (request
id, arguments, exception), and nothing of a request is kept alive. Formatting it later, in the
writing thread, was measured to cost the same CPU. Only the writing is put off, and only in a
worker: after `start_background_writer()` one daemon thread writes what gathered in LINGER seconds
as one locked append. Before that, and when MOST_WAITING lines wait, the caller writes. A process
that is killed loses LINGER seconds of its log. May import only `json_lines`.
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

from app.infrastructure.json_lines import JsonLineFormatter

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
LINGER = 0.05
MOST_WAITING = 10_000
DAYS_KEPT = 30


class SharedLogFile(ConcurrentTimedRotatingFileHandler):
    """`app.log`: several processes append, any of them rotates, under a lock file beside it."""

    def __init__(self, path: Path, when: str = "MIDNIGHT", kept: int = DAYS_KEPT) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()  # a directory may be writable and the file not: find out now
        super().__init__(path, when=when, backupCount=kept, utc=True, encoding="ascii")

    def append(self, lines: list[str]) -> None:
        """Append whole lines. Raises OSError."""
        self.emit(logging.makeLogRecord({"msg": "\n".join(lines)}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name is logging's
        # The default prints a traceback and the record as it is; LineQueue writes a line instead.
        error = sys.exc_info()[1]
        if error is not None:
            raise error


class LineQueue(QueueHandler):
    """The root logger's only handler: formats in the caller, and writes there or in a thread."""

    queue: SimpleQueue[str]

    def __init__(self, file: SharedLogFile | None) -> None:
        super().__init__(SimpleQueue())
        self.setFormatter(JsonLineFormatter())
        self._file = file
        self._file_failed = False
        self.start_over()

    def start_over(self) -> None:
        """Become synchronous and empty; a forked child does, as its parent writes what waits."""
        self.queue = SimpleQueue()
        # A signal handler may log while its thread is in here: an RLock and a SimpleQueue are
        # re-entrant, an Event is not.
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
        if self._writer is None or self.queue.qsize() >= MOST_WAITING:
            self.flush()
        elif not self._awake:
            self._awake = True
            self._wake.put(None)

    def flush(self) -> None:
        """Write all that waits, in order; returns when it is written."""
        with self.writing:
            if self._is_writing:
                return  # we are inside a signal handler: the call below us on the stack goes on
            self._is_writing = True
            try:
                while lines := self._waiting():
                    self._write(lines)
            finally:
                self._is_writing = False

    def start(self) -> None:
        """From now on a thread of this process writes."""
        if self._writer is None:
            self._stop.clear()
            self._writer = threading.Thread(target=self._run, name="log-writer", daemon=True)
            self._writer.start()

    def stop(self) -> None:
        """Write all that waits; from now on the caller writes again."""
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
            while len(lines) < MOST_WAITING:
                lines.append(self.queue.get_nowait())
        return lines

    def _write(self, lines: list[str]) -> None:
        # Without a stderr there is nobody left to tell; the file still gets its lines.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            for text in _pieces(lines):
                sys.stderr.write(text)
                sys.stderr.flush()
        if self._file is None:
            return
        try:
            self._file.append(lines)
            self._file_failed = False
        except (OSError, RuntimeError, ValueError) as error:  # also: not locked, closed
            if not self._file_failed:  # once per outage, not once per line
                self._file_failed = True
                self.queue.put(self.format(_warning(f"app.log cannot be written: {error}")))


def _pieces(lines: list[str]) -> Iterator[str]:
    """Whole lines, PIPE_BUF at most: what processes that share a pipe can write unmixed."""
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
    """Send all that is logged in this process to stderr and, if given, to `<directory>/app.log`.

    Writes synchronously and starts no thread: a process that will fork calls this. Raises
    ValueError for an unknown level. A directory that cannot be written costs one warning line,
    not the start.
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
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    if trouble is not None:
        root.handle(_warning(f"logging to stderr only: {directory} cannot be written: {trouble}"))


def start_background_writer() -> None:
    """Call in each worker, after fork."""
    if (installed := _installed()) is not None:
        installed.start()


def stop_background_writer() -> None:
    """Write all that waits and end the thread; lines logged later are written by their callers."""
    if (installed := _installed()) is not None:
        installed.stop()


def flush() -> None:
    """Return when every line logged before is written."""
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
