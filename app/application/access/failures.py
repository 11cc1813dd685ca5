"""Limits how often invalid keys are looked up. Used by `app/api/http/authentication.py`.

A key of 256 random bits cannot be guessed, so the limit protects no key. It limits the load that a
client with invalid keys can put on the store, and makes that client slow down.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 20
WINDOW_SECONDS = 60.0
"""An origin may have this many failures in this many seconds, in each worker."""

ORIGINS = 10_000
"""How many origins a worker remembers; the origin that failed longest ago is dropped first."""


@dataclass(slots=True)
class _Window:
    since: float
    failures: int = 0


class FailureLimit:
    """At most `maximum` failures of one origin in a window of `seconds` that begins with the first
    failure. An origin is a text: an address or a prefix. Shared by threads; threads that fail at
    the same moment may exceed the limit by one each."""

    def __init__(
        self,
        maximum: int = FAILURES,
        seconds: float = WINDOW_SECONDS,
        origins: int = ORIGINS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._maximum = maximum
        self._seconds = seconds
        self._origins = origins
        self._monotonic = monotonic
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, *origins: str) -> float:
        """Seconds until all these origins are below the limit again; 0 if they are now."""
        now = self._monotonic()
        with self._lock:
            found = (self._windows.get(origin) for origin in origins)
            full = [each.since for each in found if each and each.failures >= self._maximum]
        return max(0.0, *(since + self._seconds - now for since in full), 0.0)

    def count(self, *origins: str) -> None:
        """Count one failure for each of these origins."""
        now = self._monotonic()
        with self._lock:
            for origin in origins:
                window = self._windows.get(origin)
                if window is None or now - window.since >= self._seconds:
                    window = self._windows[origin] = _Window(now)
                window.failures += 1
                self._windows.move_to_end(origin)
            while len(self._windows) > self._origins:
                self._windows.popitem(last=False)
