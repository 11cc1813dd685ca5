"""Where pages of histories begin: states of carriers at versions, kept in the process that read
them. A state is used only if the stream still has the event that it was left by (`history_pages`).
"""

import logging
import threading
from bisect import bisect_right, insort
from collections import OrderedDict

from app.application.snapshots import FROM_VERSION, MAX_KEPT, Snapshot

log = logging.getLogger(__name__)


class PageStarts:
    """Keeps any number of snapshots a stream, `maximum` of all streams together. Shared by the
    threads of a process."""

    def __init__(self, maximum: int = MAX_KEPT) -> None:
        self._maximum = maximum
        self._kept: OrderedDict[tuple[str, int], Snapshot] = OrderedDict()
        self._versions: dict[str, list[int]] = {}
        self._mutex = threading.Lock()

    def before(self, stream: str, version: int) -> Snapshot | None:
        """The latest snapshot of the stream at this version or an earlier one."""
        with self._mutex:
            versions = self._versions.get(stream, [])
            place = bisect_right(versions, version)
            if not place:
                return None
            key = (stream, versions[place - 1])
            self._kept.move_to_end(key)
            return self._kept[key]

    def put(self, stream: str, snapshot: Snapshot) -> None:
        """Keep the snapshot, unless so few events are read as fast as it is looked up."""
        if snapshot.version < FROM_VERSION:
            return
        key = (stream, snapshot.version)
        with self._mutex:
            if key not in self._kept:
                insort(self._versions.setdefault(stream, []), snapshot.version)
            self._kept[key] = snapshot
            self._kept.move_to_end(key)
            if len(self._kept) > self._maximum:
                self._forget(*next(iter(self._kept)))

    def disagree(self, stream: str, snapshot: Snapshot) -> None:
        """Log that the snapshot does not belong to the stream, and drop all that are kept of it."""
        log.error("a snapshot of stream %s at %d disagrees", stream, snapshot.version)
        with self._mutex:
            for version in tuple(self._versions.get(stream, ())):
                self._forget(stream, version)

    def _forget(self, stream: str, version: int) -> None:
        del self._kept[stream, version]
        versions = self._versions[stream]
        versions.remove(version)
        if not versions:
            del self._versions[stream]
