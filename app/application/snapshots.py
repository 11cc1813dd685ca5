"""Snapshots: states with long streams, which spare a command the replay from the start.

A snapshot is kept in the memory of the process that made it, so it is never older than the running
code. It names its last event. Every load reads that event again, together with the later ones, and
so notices when the stream is not the one that the snapshot was made of.
"""

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from app.domain.aggregate import AggregateState

log = logging.getLogger(__name__)

FROM_VERSION = 20
"""A shorter stream is replayed as fast as a snapshot is looked up and checked."""

MAX_KEPT = 5_000
"""How many snapshots are kept; the least recently used is dropped first."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state after the event at `version`, whose id is `event_id`."""

    version: int
    event_id: UUID
    state: AggregateState


class Snapshots:
    """Keeps one snapshot a stream. Shared by the threads of a process."""

    def __init__(self, from_version: int = FROM_VERSION, maximum: int = MAX_KEPT) -> None:
        self._from_version = from_version
        self._maximum = maximum
        self._kept: OrderedDict[str, Snapshot] = OrderedDict()
        self._mutex = threading.Lock()

    def get(self, stream: str) -> Snapshot | None:
        """The stream's snapshot; None if there is none."""
        with self._mutex:
            snapshot = self._kept.get(stream)
            if snapshot is not None:
                self._kept.move_to_end(stream)
            return snapshot

    def put(self, stream: str, snapshot: Snapshot) -> None:
        """Keep the snapshot, unless a later one is kept or the stream is short."""
        if snapshot.version < self._from_version:
            return
        with self._mutex:
            kept = self._kept.get(stream)
            if kept is None or kept.version < snapshot.version:
                self._kept[stream] = snapshot
            self._kept.move_to_end(stream)
            if len(self._kept) > self._maximum:
                self._kept.popitem(last=False)

    def disagrees(self, stream: str, snapshot: Snapshot) -> None:
        """Log that the snapshot does not belong to the stream, and drop it."""
        log.error("a snapshot of stream %s at %d disagrees", stream, snapshot.version)
        with self._mutex:
            self._kept.pop(stream, None)
