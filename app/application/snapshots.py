"""States of carriers with long streams, so that a command need not replay them from the start.

Kept in the process that folded them, by the code that runs: a snapshot cannot be older than the
rules, and nothing else can write it. It names the event that it ends with; every load reads that
event again with those after it, so a stream that is not the one it was made of is noticed.
"""

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from app.domain.carrier import CarrierState

log = logging.getLogger(__name__)

FROM_VERSION = 20
"""Shorter streams are replayed as fast as a snapshot is looked up and checked."""

MOST_KEPT = 5_000
"""Streams; the one that was not asked for longest goes first."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state after the event at `version`, whose id is `event_id`."""

    version: int
    event_id: UUID
    state: CarrierState


class Snapshots:
    """The latest snapshot of each of some streams. Shared by the threads of a process."""

    def __init__(self, from_version: int = FROM_VERSION, most: int = MOST_KEPT) -> None:
        self._from_version = from_version
        self._most = most
        self._kept: OrderedDict[str, Snapshot] = OrderedDict()
        self._mutex = threading.Lock()

    def get(self, stream: str) -> Snapshot | None:
        """The latest of the stream, if there is one."""
        with self._mutex:
            snapshot = self._kept.get(stream)
            if snapshot is not None:
                self._kept.move_to_end(stream)
            return snapshot

    def put(self, stream: str, snapshot: Snapshot) -> None:
        """Keep it, unless a later one is kept or the stream is short."""
        if snapshot.version < self._from_version:
            return
        with self._mutex:
            kept = self._kept.get(stream)
            if kept is None or kept.version < snapshot.version:
                self._kept[stream] = snapshot
            self._kept.move_to_end(stream)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def disagrees(self, stream: str, snapshot: Snapshot) -> None:
        """Its stream is not the one that it was made of: say so and forget it."""
        log.error("a snapshot of stream %s at %d disagrees", stream, snapshot.version)
        with self._mutex:
            self._kept.pop(stream, None)
