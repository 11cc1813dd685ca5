"""One commit as Cassandra is asked to apply it, and what its answer means. Pure functions; used by
`appending`.

Every commit is one conditional batch in its stream's own partition. It moves the stream's head from
the expected version to the new one and inserts the events, or does nothing: it is refused unless
the stream's head and fence are what they were when the commit was prepared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from app.application.ports.event_store import (
    NO_STREAM,
    Appended,
    Claims,
    EventData,
    ExpectedVersion,
)
from app.infrastructure.cassandra.append.claims import held
from app.infrastructure.cassandra.append.intent_log import IntentId
from app.infrastructure.cassandra.requests import Write
from app.infrastructure.cassandra.session import Row
from app.infrastructure.cassandra.statements import STATEMENTS
from app.infrastructure.clock import to_milliseconds

STATEMENTS.register(
    move_head=(
        "UPDATE events SET head = ?, commit_id = ? WHERE aggregate_id = ?"
        " IF head = ? AND commit_id != ? AND fence = ?"
    ),
    hold="UPDATE events SET claims = claims + ? WHERE aggregate_id = ?",
    let_go="UPDATE events SET claims = claims - ? WHERE aggregate_id = ?",
    # A stream that the original registry wrote has rows but no head; its first row says so.
    insert_first=(
        "INSERT INTO events (aggregate_id, version, event_type, payload, created_at, event_id,"
        " metadata, lane, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
    ),
    insert=(
        "INSERT INTO events (aggregate_id, version, event_type, payload, created_at, event_id,"
        " metadata, lane, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ),
)


@dataclass(frozen=True, slots=True)
class Commit:
    """The events of one command, and the values that they take and free."""

    stream: str
    expected: ExpectedVersion
    events: Sequence[EventData]
    commit_id: UUID
    claims: Claims

    @property
    def after(self) -> int:
        """The version that the commit is made on, 0 for a new stream."""
        return 0 if self.expected is NO_STREAM else self.expected

    @property
    def head(self) -> int:
        """The stream's version once the commit is applied."""
        return self.after + len(self.events)


class Fenced(NamedTuple):
    """Refused: since the fence was read another process has made sure that nothing that was
    prepared before is appended. `fence` is the one that is there now."""

    fence: UUID | None


class Headless(NamedTuple):
    """Refused: there is no such stream, or it was written before heads were kept."""


class Conflict(NamedTuple):
    """Refused: the stream is at another version; 0 if there is no such stream."""

    head: int


Verdict = Appended | Fenced | Headless | Conflict


def batch_of(commit: Commit, fence: UUID | None, intent: IntentId) -> list[Write]:
    """The writes of the batch. The same for every try with this fence and intent."""
    head = None if commit.expected is NO_STREAM else commit.expected
    move = (commit.head, commit.commit_id, commit.stream, head, commit.commit_id, fence)
    writes: list[Write] = [("move_head", move)]
    for name, claims in (("let_go", commit.claims.freed), ("hold", commit.claims.taken)):
        if claims:
            writes.append((name, (set(map(held, claims)), commit.stream)))
    writes += [
        insertion(commit.stream, version, event, intent)
        for version, event in enumerate(commit.events, commit.after + 1)
    ]
    return writes


def insertion(stream: str, version: int, event: EventData, intent: IntentId) -> Write:
    """The row of one event, marked with the intent that it belongs to."""
    values = (
        stream,
        version,
        event.event_type,
        event.payload,
        to_milliseconds(event.created_at),
        event.event_id,
        event.metadata,
        *intent,
    )
    return "insert_first" if version == 1 else "insert", values


def judge(commit: Commit, fence: UUID | None, answer: Row) -> Verdict:
    """What the answer to the batch says. A Conflict with a later version may be a commit of ours
    that was applied before others appended: the stream's event tells."""
    head: int | None = answer.get("head")
    if answer["[applied]"]:
        return Appended(commit.head)
    if answer.get("commit_id") == commit.commit_id:
        return Appended(commit.head, already_applied=True)
    if (head or 0) == commit.after and answer.get("fence") != fence:
        return Fenced(answer.get("fence"))
    return Headless() if head is None else Conflict(head)
