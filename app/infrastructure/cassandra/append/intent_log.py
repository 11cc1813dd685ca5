"""What this process is about to append to Cassandra, written down before it does. Used by
`event_store` and `backfill`; read by the sequencer, which gives positions in the feed.

    writer      prepare: intent in its log · conditional append, its rows marked with the intent
                · acknowledge: how the append ended

A process has one log and is its only writer. Its intents are numbered without a hole: where it is
not certain that one was written, an empty intent is written in its place. So whoever reads a log in
order has missed no append that could have happened, however slow or dead its writer is.

The schema is older than this name: there a log is a `lane`, of which the table `lanes` is the list,
an intent is one of the `records`, and `stirred` is the number with which a log wakes.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID, uuid4

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import EventData
from app.infrastructure.cassandra.append.acknowledgements import Acknowledgements
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.requests import Requests, Write
from app.infrastructure.cassandra.statements import STATEMENTS
from app.infrastructure.clock import to_milliseconds
from app.infrastructure.group_commit import GroupCommit, Ticket

STATEMENTS.register(
    open_intent_log="INSERT INTO lanes (registry, lane, stirred) VALUES (?, ?, ?) IF NOT EXISTS",
    wake_intent_log="UPDATE lanes SET stirred = ? WHERE registry = ? AND lane = ? IF EXISTS",
    close_intent_log="UPDATE lanes SET closed = ? WHERE registry = ? AND lane = ? IF EXISTS",
    prepare=(
        "INSERT INTO records (lane, bucket, seq, stream, first, events, written)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
    ),
    acknowledge="UPDATE records SET written = ? WHERE lane = ? AND bucket = ? AND seq = ?",
)

REGISTRY = "lanes"
"""The partition of the list of all logs."""

BUCKET_INTENTS = 1_000

QUIET_SECONDS = 30.0
"""After that long without an intent a log wakes first: quiet logs are rarely looked at."""

_BATCH_BYTES = 40_000  # more in one write gains nothing, and many wait for it
_MAX_HOLES = 200
_CLOSE_SECONDS = 2.0


class IntentId(NamedTuple):
    """Which intent of which log."""

    log: UUID
    seq: int

    @property
    def bucket(self) -> int:
        """The partition of the log that it is in."""
        return bucket_of(self.seq)

    @property
    def place(self) -> tuple[UUID, int, int]:
        """The key of its row."""
        return self.log, self.bucket, self.seq


def bucket_of(seq: int) -> int:
    """Which partition of a log holds the intent of this number."""
    return (seq - 1) // BUCKET_INTENTS


@dataclass(frozen=True, slots=True)
class _Intent:
    """That these events may be appended to the stream, the first of them as version `first`."""

    stream: str
    first: int
    events: Sequence[EventData]

    @property
    def size(self) -> int:
        """Bytes in a batch, about."""
        return 100 + sum(
            100 + len(each.payload.encode()) + len(each.metadata.encode()) for each in self.events
        )


class _Outcome(NamedTuple):
    intent: IntentId
    written: bool


_Tickets = Sequence[Ticket[_Intent, IntentId]]


class IntentLog:
    """This process's log. Threads that prepare an append at the same time share one write."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._id = uuid4()
        self._last = 0
        self._unsure: list[IntentId] = []
        self._is_open = False
        self._is_closed = False
        self._writing = threading.Lock()
        self._wrote_at = 0.0
        self._group = GroupCommit(self._prepare)
        self._outcomes = Acknowledgements(self._acknowledge, 2 * _CLOSE_SECONDS)

    def prepare(
        self, stream: str, first: int, events: Sequence[EventData], deadline: Deadline
    ) -> IntentId:
        """Write down that these events may be appended, `first` being the version of the first one.
        Raises StoreUnavailable or RequestFailed; then nothing may be appended."""
        try:
            return self._group.submit(_Intent(stream, first, events), deadline)
        except OutcomeUnknown as error:  # of the intent, not of an append
            raise StoreUnavailable(f"cannot prepare an append: {error}") from error

    def acknowledge(self, intent: IntentId, *, written: bool) -> None:
        """Say how the append ended; False: it never was applied, and never will be."""
        self._outcomes.add(_Outcome(intent, written))

    def close(self) -> None:
        """Write the last acknowledgements, and that no more intents are to come: from here on
        nothing can be prepared. Never fails: a log that was not closed is looked at now and then
        for ever."""
        self._is_closed = True
        self._outcomes.close()
        # Another thread may be writing an intent that is not counted yet.
        if not self._writing.acquire(timeout=_CLOSE_SECONDS):
            return
        try:
            if self._is_open:
                with suppress(RequestFailed, StoreUnavailable):
                    soon = Deadline.after(_CLOSE_SECONDS)
                    self._fill_holes(soon)
                    self._requests.write(soon, "close_intent_log", self._last, REGISTRY, self._id)
        finally:
            self._writing.release()

    def _prepare(self, tickets: _Tickets) -> None:
        """By one thread at a time, for as long as that one has. What is left then is for the next:
        an intent that nobody appends under is harmless."""
        deadline = tickets[0].deadline
        for chunk in _chunks(tickets):
            try:
                intents = self._write_down(chunk, deadline)
            except Exception as error:  # noqa: BLE001 - whatever it was, it is each caller's to know
                for ticket in chunk:
                    if ticket.deadline.expired or not deadline.expired:
                        ticket.settle(error)
                continue
            for ticket, intent in zip(chunk, intents, strict=True):
                ticket.settle(intent)

    def _write_down(self, tickets: _Tickets, deadline: Deadline) -> list[IntentId]:
        with self._writing:
            if self._is_closed:
                raise StoreUnavailable("this process is about to end")
            self._open_or_wake(deadline)
            self._fill_holes(deadline)
            return self._write(tickets, deadline)

    def _open_or_wake(self, deadline: Deadline) -> None:
        """Be in the list of logs, and known to be busy, before the intent is there."""
        if not self._is_open:
            self._requests.write(deadline, "open_intent_log", REGISTRY, self._id, self._last + 1)
            self._is_open = True
        elif time.monotonic() - self._wrote_at > QUIET_SECONDS:
            self._requests.write(deadline, "wake_intent_log", self._last + 1, REGISTRY, self._id)

    def _write(self, tickets: _Tickets, deadline: Deadline) -> list[IntentId]:
        new = [IntentId(self._id, self._last + place) for place in range(1, len(tickets) + 1)]
        self._last += len(new)
        self._unsure = new  # until it is known better
        # A bucket after the other: the log has no hole between them.
        for bucket in sorted({intent.bucket for intent in new}):
            rows = [
                intent_row(intent, ticket.work.stream, ticket.work.first, ticket.work.events)
                for intent, ticket in zip(new, tickets, strict=True)
                if intent.bucket == bucket
            ]
            self._send(rows, deadline)
        self._unsure = []
        self._wrote_at = time.monotonic()
        return new

    def _fill_holes(self, deadline: Deadline) -> None:
        """With empty intents, where it is not known whether an intent was written."""
        while self._unsure:
            bucket = self._unsure[0].bucket
            some = [intent for intent in self._unsure if intent.bucket == bucket][:_MAX_HOLES]
            self._send([_empty_row(intent) for intent in some], deadline)
            del self._unsure[: len(some)]

    def _acknowledge(self, outcomes: Sequence[_Outcome]) -> None:
        """Best effort: what gets lost here is found out from the stream."""
        soon = Deadline.after(_CLOSE_SECONDS)
        buckets: dict[int, list[Write]] = {}
        for intent, written in outcomes:
            row: Write = ("acknowledge", (written, *intent.place))
            buckets.setdefault(intent.bucket, []).append(row)
        with suppress(RequestFailed, StoreUnavailable):
            for rows in buckets.values():
                self._send(rows, soon)

    def _send(self, rows: Sequence[Write], deadline: Deadline) -> None:
        """Rows of one partition, so it is one write."""
        if len(rows) == 1:
            ((name, values),) = rows
            self._requests.execute(self._requests.bind(deadline, name, *values), deadline)
        else:
            self._requests.execute(self._requests.plain_batch(deadline, rows), deadline)


def intent_row(intent: IntentId, stream: str, first: int, events: Sequence[EventData]) -> Write:
    """The row of an intent to append these events, the first of them as version `first`."""
    columns = [
        (
            event.event_id,
            event.event_type,
            event.payload,
            event.metadata,
            to_milliseconds(event.created_at),
        )
        for event in events
    ]
    # Written null would be a tombstone; left unset it is nothing.
    return "prepare", (*intent.place, stream, first, columns)


def _empty_row(intent: IntentId) -> Write:
    """The row of an empty intent, which stands where a hole would be."""
    return "prepare", (*intent.place, None, None, None, False)


def _chunks(tickets: _Tickets) -> Iterator[_Tickets]:
    """As many together as Cassandra takes in one batch."""
    chunk: list[Ticket[_Intent, IntentId]] = []
    size = 0
    for ticket in tickets:
        size += ticket.work.size
        if chunk and size > _BATCH_BYTES:
            yield chunk
            chunk, size = [], ticket.work.size
        chunk.append(ticket)
    if chunk:
        yield chunk
