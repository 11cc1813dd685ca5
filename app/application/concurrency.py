"""Limits how many requests occupy a thread for long."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TooManyListeners(Exception):
    """The limit of this process is reached: another request may not occupy a thread for long."""


class ConcurrencyLimit:
    """At most `maximum` requests at a time may wait, or work for long, in a thread."""

    def __init__(self, maximum: int) -> None:
        self._free = threading.BoundedSemaphore(maximum)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Count as one of these requests while the context lasts. Raises TooManyListeners."""
        if not self._free.acquire(blocking=False):
            raise TooManyListeners
        try:
            yield
        finally:
            self._free.release()
