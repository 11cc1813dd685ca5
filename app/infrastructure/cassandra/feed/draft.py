"""The feed's state, and the draft of the next one: what a single commit adds. Plain values; nothing
here asks Cassandra.

Of each intent log the state has a cursor: every intent up to it has been dealt with, except for
those that are open. `ordering` fills a draft, `state` commits it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.infrastructure.cassandra.append.intent_log import IntentId
from app.infrastructure.cassandra.feed.reader import BUCKET_POSITIONS, bucket_of

MAX_EVENTS = 100
MAX_CHANGES = 200  # of cursors and of open intents; 44 bytes each
MAX_BYTES = 36_000  # other events wait for the next commit; a larger one gains nothing
_ROW_BYTES = 150


class FeedRow(NamedTuple):
    """An event as the feed's table keeps it, without the position."""

    stream: str
    version: int
    event_id: UUID
    event_type: str
    payload: str
    metadata: str
    created_at: datetime

    @property
    def size(self) -> int:
        """Bytes in a batch, about."""
        return _ROW_BYTES + len(self.payload.encode()) + len(self.metadata.encode())


@dataclass(frozen=True, slots=True)
class FeedState:
    """How far the feed is. `cursors` has how far each log was dealt with; `open` the intents up to
    there that were not, and the last version of each that has a position (0: none has). `bucket` is
    the partition of the feed that holds this state."""

    bucket: int = 0
    revision: int = 0
    head: int = 0
    cursors: Mapping[UUID, int] = field(default_factory=dict)
    open: Mapping[IntentId, int] = field(default_factory=dict)

    @property
    def next_bucket(self) -> int:
        """The partition of the next event."""
        return bucket_of(self.head + 1)


class Draft:
    """The next state and the events that lead to it, as far as they fit into one commit."""

    def __init__(self, base: FeedState) -> None:
        self.base = base
        self.cursors = dict(base.cursors)
        self.open = dict(base.open)
        self.events: list[FeedRow] = []
        self.versions: dict[str, int] = {}  # stream: the last version that gets a position here
        self._bytes = 0
        self._changes = 0
        room = (base.next_bucket + 1) * BUCKET_POSITIONS - base.head
        self._maximum = min(MAX_EVENTS, room)

    def add(self, events: Sequence[FeedRow]) -> int:
        """Give positions to as many of the events as there is room for; returns how many."""
        added = 0
        for event in events:
            if len(self.events) == self._maximum or (
                self.events and self._bytes + event.size > MAX_BYTES
            ):
                break
            self.events.append(event)
            self.versions[event.stream] = event.version
            self._bytes += event.size
            added += 1
        return added

    def move_cursor(self, intent: IntentId) -> None:
        """The log's cursor is at this intent."""
        self.cursors[intent.log] = intent.seq
        self._changes += 1

    def forget_log(self, log: UUID) -> None:
        """The log needs no cursor any longer."""
        del self.cursors[log]
        self._changes += 1

    def leave_open(self, intent: IntentId, version: int) -> None:
        """The intent's events up to `version` have their positions; 0: none has."""
        self.open[intent] = version
        self._changes += 1

    def finish(self, intent: IntentId) -> None:
        """The intent is open no longer."""
        del self.open[intent]
        self._changes += 1

    @property
    def is_full(self) -> bool:
        """Whether everything else has to wait for the next commit."""
        return (
            len(self.events) == self._maximum
            or self._bytes > MAX_BYTES * 3 // 4
            or self._changes >= MAX_CHANGES
        )

    @property
    def changes_nothing(self) -> bool:
        """Whether the state would stay as it is."""
        return not self.events and self.cursors == self.base.cursors and self.open == self.base.open

    def result(self) -> FeedState:
        """The state once the draft is committed."""
        base = self.base
        head = base.head + len(self.events)
        return FeedState(base.next_bucket, base.revision + 1, head, self.cursors, self.open)
