"""Counts requests by origin, exactly, for all worker processes of a server. Implements the port
`ports/quotas.py`.

The counts are in memory that the master makes before it forks: no file that could be full, and a
killed worker's successor goes on with them. An origin's count is one number, the moment at which
its quota will be whole again (the "theoretical arrival time" of the generic cell rate algorithm):
each request moves it by its part of the quota's time. It is in nanoseconds of the machine's
monotonic clock, which all processes share and nobody can set.

The table is an array of sets with a few entries each; an origin's digest says in which set its
entry is. Processes and threads share one lock, a semaphore; if its holder was killed or is paused,
the others take it over.
"""

import fcntl
import functools
import mmap
import multiprocessing
import os
import struct
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b

from app.application.ports.quotas import Quota, Standing

SETS = 8192
WAYS = 8
"""Entries of a set. With more origins in a set at once, the one that is nearest to its whole quota
is forgotten."""

PATIENCE_SECONDS = 0.2
"""Whoever holds the lock for longer, where a count takes microseconds, was killed or is paused."""

_ENTRY = struct.Struct("=16sq")
_SET_BYTES = WAYS * _ENTRY.size
_SECOND = 1_000_000_000


@functools.cache
def of_this_server() -> "SharedQuotas":
    """The counts of the server whose master is this process, or its parent: the same after a
    reload."""
    return SharedQuotas()


class SharedQuotas:
    """The counts, made by the process that forks the workers."""

    def __init__(
        self, sets: int = SETS, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._sets = sets
        self._monotonic_ns = monotonic_ns
        self._memory = mmap.mmap(-1, sets * _SET_BYTES)  # shared and anonymous
        self._lock = multiprocessing.get_context("fork").Lock()
        self._taking_over = threading.Lock()
        self._descriptor = _descriptor()
        weakref.finalize(self, os.close, self._descriptor)
        # So that nobody can choose origins that share a set.
        self._secret = os.urandom(16)

    def take(self, origin: str, quota: Quota) -> Standing:
        """See `ports.quotas.QuotaCounts`."""
        digest = blake2b(origin.encode(), digest_size=16, key=self._secret).digest()
        number = int.from_bytes(digest[:8]) % self._sets
        with self._locked():
            now = self._monotonic_ns()
            at, whole = self._entry(number * _SET_BYTES, digest)
            standing, moved = _taken(max(whole, now) - now, quota)
            if not standing.wait:
                _ENTRY.pack_into(self._memory, at, digest, now + moved)
        return standing

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else is at the table, neither a thread nor a process."""
        if not self._lock.acquire(timeout=PATIENCE_SECONDS):
            self._take_over()
        try:
            yield
        finally:
            with suppress(ValueError):  # a paused holder woke up and has released it, too
                self._lock.release()

    def _take_over(self) -> None:
        """Get the lock that nobody releases, as its holder was killed, or is paused. One at a time:
        the others find that it is released again. A record lock sees to that: it is slow, and
        the kernel takes it from a killed process."""
        with self._taking_over:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            try:
                self._lock.acquire(timeout=PATIENCE_SECONDS)
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def _entry(self, start: int, digest: bytes) -> tuple[int, int]:
        """The offset of the origin's entry and its number; of a new origin the offset of the entry
        that can best be spared, and 0."""
        spared, least = start, None
        for at in range(start, start + _SET_BYTES, _ENTRY.size):
            found, whole = _ENTRY.unpack_from(self._memory, at)
            if found == digest:
                return at, whole
            if least is None or whole < least:
                spared, least = at, whole
        return spared, 0


def _descriptor() -> int:
    """A file of no name, for its locks alone."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("quotas")
    with tempfile.TemporaryFile() as file:  # where the kernel is not Linux
        return os.dup(file.fileno())


def _taken(missing: int, quota: Quota) -> tuple[Standing, int]:
    """The standing after one more request of an origin whose quota is whole again in `missing`
    nanoseconds; and in how many it is then."""
    part = quota.seconds * _SECOND // quota.requests
    moved = missing + part
    over = moved - part * quota.requests
    if over > 0:
        return Standing(0, missing / _SECOND, over / _SECOND), missing
    return Standing(-over // part, moved / _SECOND, 0.0), moved
