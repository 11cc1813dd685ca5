"""Tells behind the appends how they ended. Used by `intent_log`.

An acknowledgement is a courtesy to the sequencer, which asks the stream where one is missing. So no
append waits for it: a thread writes several at a time, and what cannot be written is left out.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.01
"""How long an acknowledgement waits for others to be written with it."""

_MAX_TOGETHER = 200

Ended = TypeVar("Ended")


class Acknowledgements(Generic[Ended]):
    """A queue of what has ended, and the thread that hands it to `write`. The thread is started by
    the first to be added, so that one who never appends has none."""

    def __init__(self, write: Callable[[Sequence[Ended]], None], close_seconds: float) -> None:
        self._write = write
        self._close_seconds = close_seconds
        self._waiting: deque[Ended] = deque()
        self._some = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def add(self, ended: Ended) -> None:
        """Have it written soon. Does not wait."""
        self._waiting.append(ended)
        self._some.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._run, name="acknowledgements", daemon=True
                    )
                    self._thread.start()

    def close(self) -> None:
        """Write what is waiting, for `close_seconds` at most."""
        self._closing.set()
        self._some.set()
        if self._thread is not None:
            self._thread.join(timeout=self._close_seconds)

    def _run(self) -> None:
        while not (self._closing.is_set() and not self._waiting):
            self._some.wait()
            self._closing.wait(GATHER_SECONDS)
            self._some.clear()
            while self._waiting:
                count = min(len(self._waiting), _MAX_TOGETHER)
                some = [self._waiting.popleft() for _ in range(count)]
                try:
                    self._write(some)
                except Exception:  # whatever it was, those to come have to be written
                    log.exception("the outcomes of appends could not be acknowledged")
