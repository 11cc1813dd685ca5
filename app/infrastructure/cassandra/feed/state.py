"""Reads how far the feed on Cassandra is, and makes the one write that moves it. Used by the
sequencer.

The state lives in the feed's last partition, beside the events. A commit writes events and state in
one conditional batch, on the condition that the state is the one that the commit was drafted from.
So of two sequencers that draft the same positions one gets them, and an intent's events get theirs
once, whatever crashes in between.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar
from uuid import UUID, uuid4

from app.application.deadline import Deadline
from app.infrastructure.cassandra.append.intent_log import IntentId
from app.infrastructure.cassandra.feed.draft import Draft, FeedState
from app.infrastructure.cassandra.feed.reader import CassandraFeed
from app.infrastructure.cassandra.requests import Requests, Write
from app.infrastructure.cassandra.session import Row
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    read_state="SELECT revision, head, cursors, open FROM feed WHERE bucket = ? LIMIT 1",
    # The writer is in the condition so that a refusal shows it.
    begin_bucket=(
        "UPDATE feed SET revision = ?, head = ?, writer = ?, cursors = ?, open = ?"
        " WHERE bucket = ? IF revision = null AND writer != ?"
    ),
    move_feed=(
        "UPDATE feed SET revision = ?, head = ?, writer = ?"
        " WHERE bucket = ? IF revision = ? AND writer != ?"
    ),
    put_cursors="UPDATE feed SET cursors = cursors + ? WHERE bucket = ?",
    drop_cursors="UPDATE feed SET cursors = cursors - ? WHERE bucket = ?",
    put_open="UPDATE feed SET open = open + ? WHERE bucket = ?",
    drop_open="UPDATE feed SET open = open - ? WHERE bucket = ?",
    insert_feed=(
        "INSERT INTO feed (bucket, position, stream, version, event_id, event_type, payload,"
        " metadata, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ),
)

Key = TypeVar("Key")


class FeedStates:
    """Reads the state and moves it on. Raises what `Requests` raises."""

    def __init__(self, requests: Requests, feed: CassandraFeed) -> None:
        self._requests = requests
        self._feed = feed

    def load(self, deadline: Deadline) -> FeedState:
        """The state as it is. The read is SERIAL: if need be it completes the last commit."""
        return self._read(deadline, self._requests.select)

    def glance(self, deadline: Deadline) -> FeedState:
        """The state without a round of Paxos: perhaps not the very last one."""
        return self._read(deadline, self._requests.select_plain)

    def commit(self, draft: Draft, deadline: Deadline) -> bool:
        """Whether the draft is the state now; if not, or if this raises, load the state again."""
        writer = uuid4()
        answer = self._requests.write_batch(deadline, _writes(draft, writer))
        return bool(answer["[applied]"]) or answer.get("writer") == writer

    def _read(self, deadline: Deadline, select: Callable[..., list[Row]]) -> FeedState:
        bucket = self._feed.last_bucket(deadline)
        state = FeedState()
        while rows := select(deadline, "read_state", bucket):
            row = rows[0]
            cursors = dict((row["cursors"] or {}).items())
            opened = {IntentId(*each): last for each, last in (row["open"] or {}).items()}
            state = FeedState(bucket, row["revision"], row["head"], cursors, opened)
            bucket += 1  # perhaps it has just been begun
        return state


def _writes(draft: Draft, writer: UUID) -> Iterator[Write]:
    """What makes the draft the state, in one batch."""
    base, result = draft.base, draft.result()
    if base.revision == 0 or result.bucket > base.bucket:
        # A full bucket's state never changes again: it still is what the draft began with.
        place = (result.cursors, result.open, result.bucket)
        yield "begin_bucket", (result.revision, result.head, writer, *place, writer)
    else:
        moved = (result.revision, result.head, writer, result.bucket)
        yield "move_feed", (*moved, base.revision, writer)
        for name, change in _differences(base, result):
            yield name, (change, result.bucket)
    for position, event in enumerate(draft.events, base.head + 1):
        yield "insert_feed", (result.bucket, position, *event)


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
