"""How far the feed on Cassandra is, and the one write that moves it. Used by the sequencer.

The state lives in the feed's last partition, beside the events: of each lane everything up to its
cursor has been taken in or is of no account, except for what is open. A commit writes events and
state in one conditional batch, on the condition that the state is the one that it was drawn up
from. So of two sequencers that draw up the same positions one gets them, and what a lane holds is
taken in once, whatever crashes in between.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from cassandra.query import BatchStatement

from app.application.deadline import Deadline
from app.infrastructure import cassandra_feed
from app.infrastructure.cassandra_feed import BUCKET_POSITIONS, CassandraFeed, bucket_of
from app.infrastructure.cassandra_lanes import RecordId
from app.infrastructure.cassandra_session import CassandraSession, SerialRequests

STATEMENTS = {
    **cassandra_feed.STATEMENTS,
    "read_state": "SELECT revision, head, cursors, open FROM feed WHERE bucket = ? LIMIT 1",
    "begin_bucket": (
        "UPDATE feed SET revision = ?, head = ?, cursors = ?, open = ? WHERE bucket = ?"
        " IF revision = null"
    ),
    "move_feed": "UPDATE feed SET revision = ?, head = ? WHERE bucket = ? IF revision = ?",
    "put_cursors": "UPDATE feed SET cursors = cursors + ? WHERE bucket = ?",
    "drop_cursors": "UPDATE feed SET cursors = cursors - ? WHERE bucket = ?",
    "put_open": "UPDATE feed SET open = open + ? WHERE bucket = ?",
    "drop_open": "UPDATE feed SET open = open - ? WHERE bucket = ?",
    "insert_feed": (
        "INSERT INTO feed (bucket, position, stream, version, event_id, event_type, payload,"
        " metadata, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ),
}

MOST_EVENTS = 100
MOST_CHANGES = 200  # of cursors and of what is open; 44 bytes each
MOST_BYTES = 36_000  # others wait for a commit; a larger one gains nothing
_ROW_BYTES = 150

Key = TypeVar("Key")


class Fed(NamedTuple):
    """An event as the feed holds it."""

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
    """`open` has the records below their lane's cursor that are not done with, and which version
    was the last that was taken in of each; 0 is none. `bucket` is the partition that says so."""

    bucket: int = 0
    revision: int = 0
    head: int = 0
    cursors: Mapping[UUID, int] = field(default_factory=dict)
    open: Mapping[RecordId, int] = field(default_factory=dict)

    @property
    def next_bucket(self) -> int:
        """Where the next event belongs."""
        return bucket_of(self.head + 1)


class Draft:
    """The next state, and the events that lead to it: what fits into one commit."""

    def __init__(self, base: FeedState) -> None:
        self.base = base
        self.cursors = dict(base.cursors)
        self.open = dict(base.open)
        self.events: list[Fed] = []
        self.in_feed: dict[str, int] = {}  # stream: its last version here
        self._bytes = 0
        self._changes = 0
        room = (base.next_bucket + 1) * BUCKET_POSITIONS - base.head
        self._most = min(MOST_EVENTS, room)

    def take(self, events: Sequence[Fed]) -> int:
        """Take in as many of the events as there is room for; says how many those are."""
        taken = 0
        for event in events:
            if len(self.events) == self._most or (
                self.events and self._bytes + event.size > MOST_BYTES
            ):
                break
            self.events.append(event)
            self.in_feed[event.stream] = event.version
            self._bytes += event.size
            taken += 1
        return taken

    def move_cursor(self, record: RecordId) -> None:
        """Go on behind this record of its lane."""
        self.cursors[record.lane] = record.seq
        self._changes += 1

    def forget_lane(self, lane: UUID) -> None:
        """Do without its cursor."""
        del self.cursors[lane]
        self._changes += 1

    def leave_open(self, record: RecordId, version: int) -> None:
        """Of this record everything up to that version has been taken in, or nothing (0)."""
        self.open[record] = version
        self._changes += 1

    def finish(self, record: RecordId) -> None:
        """It is no longer open."""
        del self.open[record]
        self._changes += 1

    @property
    def is_full(self) -> bool:
        """Whether nothing more can be taken in for now."""
        return (
            len(self.events) == self._most
            or self._bytes > MOST_BYTES * 3 // 4
            or self._changes >= MOST_CHANGES
        )

    @property
    def changes_nothing(self) -> bool:
        """Whether the state would stay as it is."""
        return not self.events and self.cursors == self.base.cursors and self.open == self.base.open

    def result(self) -> FeedState:
        """The state once it is committed."""
        base = self.base
        head = base.head + len(self.events)
        return FeedState(base.next_bucket, base.revision + 1, head, self.cursors, self.open)


class FeedStates:
    """Reads the state and moves it on. Raises what `CassandraSession.execute` raises."""

    def __init__(
        self,
        session: CassandraSession,
        feed: CassandraFeed,
        serial_consistency: int,
        attempt_seconds: float,
    ) -> None:
        self._session = session
        self._feed = feed
        self._serial = serial_consistency
        self._attempt_seconds = attempt_seconds
        self._requests = SerialRequests(session, serial_consistency, attempt_seconds)

    def load(self, deadline: Deadline) -> FeedState:
        """The state as it is. A SERIAL read: if need be it completes the last commit."""
        bucket = self._feed.last_bucket(deadline)
        state = FeedState()
        while rows := self._requests.select(deadline, "read_state", bucket):
            row = rows[0]
            cursors = dict((row["cursors"] or {}).items())
            opened = {RecordId(*each): taken for each, taken in (row["open"] or {}).items()}
            state = FeedState(bucket, row["revision"], row["head"], cursors, opened)
            bucket += 1  # perhaps it has just been begun
        return state

    def commit(self, draft: Draft, deadline: Deadline) -> bool:
        """Whether the draft has become the state; if not, or if this raises, load it again."""
        answer = self._session.execute(
            self._batch(draft, deadline), deadline, self._attempt_seconds
        )
        return bool(answer[0]["[applied]"])

    def _batch(self, draft: Draft, deadline: Deadline) -> BatchStatement:
        base, result = draft.base, draft.result()
        batch = BatchStatement(serial_consistency_level=self._serial)

        def add(name: str, *values: object) -> None:
            batch.add(self._session.prepared(name, deadline), values)

        if base.revision == 0 or result.bucket > base.bucket:
            # A full bucket's state never changes again: it still is what this was drawn up from.
            place = (result.cursors, result.open, result.bucket)
            add("begin_bucket", result.revision, result.head, *place)
        else:
            add("move_feed", result.revision, result.head, result.bucket, base.revision)
            for name, change in _differences(base, result):
                add(name, change, result.bucket)
        for position, event in enumerate(draft.events, base.head + 1):
            add("insert_feed", result.bucket, position, *event)
        return batch


def _differences(base: FeedState, result: FeedState) -> Iterator[tuple[str, object]]:
    """Statements and their values: the collections are changed, not written anew each time."""
    yield from _changes("cursors", base.cursors, result.cursors)
    yield from _changes("open", base.open, result.open)


def _changes(
    name: str, base: Mapping[Key, int], result: Mapping[Key, int]
) -> Iterator[tuple[str, object]]:
    if changed := {key: value for key, value in result.items() if base.get(key) != value}:
        yield f"put_{name}", changed
    if gone := set(base) - set(result):
        yield f"drop_{name}", gone
