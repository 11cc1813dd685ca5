"""Records when keys were last used: requests note a use in memory, a thread writes it to the store.

A request never waits for that write. A write that fails is not repeated: the next one is due a few
minutes later.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from app.application.deadline import Deadline
from app.application.ports.clock import Clock
from app.application.ports.errors import StoreUnavailable
from app.application.ports.keys import KeyStore

log = logging.getLogger(__name__)

NOTED_EVERY_SECONDS = 300.0
"""The shortest time between two writes for one key in a process; the stored time of the last use
is at most that old."""

WRITE_SECONDS = 2.0
"""How long one write may take; a process that stops waits twice as long at most."""


class KeyUses:
    """The uses of keys that a process has seen. It starts a thread, so it is made after the
    fork."""

    def __init__(
        self, store: KeyStore, clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        # It has at most one entry a valid key, as only valid keys are noted.
        self._noted: dict[str, float] = {}
        self._waiting: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="key-uses", daemon=True)
        self._thread.start()

    def note(self, prefix: str) -> None:
        """Note that the key with this prefix was used now. Usually costs one dictionary lookup."""
        if not self._due(prefix):
            return
        with self._lock:
            if self._closed or not self._due(prefix):
                return
            self._noted[prefix] = self._monotonic()
            self._waiting[prefix] = self._clock()
        self._wake.set()

    def close(self) -> None:
        """Write the pending uses, in bounded time, and end the thread."""
        with self._lock:
            self._closed = True
        self._wake.set()
        self._thread.join(2 * WRITE_SECONDS)

    def _due(self, prefix: str) -> bool:
        noted = self._noted.get(prefix)
        return noted is None or self._monotonic() - noted >= NOTED_EVERY_SECONDS

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            with self._lock:
                closed, uses = self._closed, self._waiting
                self._waiting = {}
            if uses:
                self._write(uses)
            if closed:
                return

    def _write(self, uses: dict[str, datetime]) -> None:
        try:
            self._store.note_uses(uses, Deadline.after(WRITE_SECONDS))
        except StoreUnavailable as error:
            log.info("the last use of keys was not recorded: %s", error)
