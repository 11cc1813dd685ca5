"""What this process is about to append to Cassandra, on record before it does. Used by
`cassandra_store`; read by `cassandra_sequencer`, which gives positions in the feed.

    writer      record in its lane · conditional append, its rows marked with the record · outcome

A process has one lane and is its only writer. Its records are numbered without a hole: what could
not be written for certain is written again as a record of nothing. So whoever reads a lane in
order has missed no append that could have happened, however slow or dead its writer is.
The outcome is a courtesy: without it the sequencer asks the stream.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID, uuid4

from cassandra.query import BatchStatement, BatchType, BoundStatement, Statement

from app.application.deadline import Deadline
from app.application.ports import EventData, OutcomeUnknown, StoreUnavailable
from app.infrastructure.cassandra_errors import RequestFailed
from app.infrastructure.cassandra_session import CassandraSession, SerialRequests
from app.infrastructure.clock import to_milliseconds
from app.infrastructure.group_commit import GroupCommit, Ticket

log = logging.getLogger(__name__)

REGISTRY = "lanes"

STATEMENTS = {
    "open_lane": "INSERT INTO lanes (registry, lane, stirred) VALUES (?, ?, ?) IF NOT EXISTS",
    "stir_lane": "UPDATE lanes SET stirred = ? WHERE registry = ? AND lane = ? IF EXISTS",
    "close_lane": "UPDATE lanes SET closed = ? WHERE registry = ? AND lane = ? IF EXISTS",
    "announce": (
        "INSERT INTO records (lane, bucket, seq, stream, first, events, written)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
    ),
    "conclude": "UPDATE records SET written = ? WHERE lane = ? AND bucket = ? AND seq = ?",
}

BUCKET_RECORDS = 1_000

QUIET_SECONDS = 30.0
"""After that long without a record a lane says in the registry that it begins again: quiet ones
are rarely looked at."""

GATHER_SECONDS = 0.01
"""How long an outcome waits for others to be told with it."""

_BATCH_BYTES = 40_000  # more in one write gains nothing, and many wait for it
_MOST_HOLES = 200
_CLOSE_SECONDS = 2.0


class RecordId(NamedTuple):
    """Which record of which lane."""

    lane: UUID
    seq: int

    @property
    def bucket(self) -> int:
        """The partition of the lane that it is in."""
        return bucket_of(self.seq)


def bucket_of(seq: int) -> int:
    """Which partition of a lane holds this record."""
    return (seq - 1) // BUCKET_RECORDS


@dataclass(frozen=True, slots=True)
class _Announcement:
    stream: str
    first: int
    events: Sequence[EventData]

    @property
    def size(self) -> int:
        """Bytes in a batch, about."""
        return 100 + sum(
            100 + len(each.payload.encode()) + len(each.metadata.encode()) for each in self.events
        )


_Tickets = Sequence[Ticket[_Announcement, RecordId]]


class Lane:
    """This process's lane. Threads that announce at the same time share one write."""

    def __init__(
        self, session: CassandraSession, serial_consistency: int, attempt_seconds: float
    ) -> None:
        self._session = session
        self._requests = SerialRequests(session, serial_consistency, attempt_seconds)
        self._attempt_seconds = attempt_seconds
        self._id = uuid4()
        self._last = 0
        self._unsure: list[RecordId] = []
        self._is_open = False
        self._is_closed = False
        self._writing = threading.Lock()
        self._wrote_at = 0.0
        self._group = GroupCommit(self._announce)
        self._outcomes = _Outcomes(self._conclude)

    def announce(
        self, stream: str, first: int, events: Sequence[EventData], deadline: Deadline
    ) -> RecordId:
        """Put on record that these events may be appended, `first` being the version of the first
        one. Raises StoreUnavailable or RequestFailed; then nothing may be appended."""
        try:
            return self._group.submit(_Announcement(stream, first, events), deadline)
        except OutcomeUnknown as error:  # of the record, not of an append
            raise StoreUnavailable(f"cannot announce an append: {error}") from error

    def conclude(self, record: RecordId, *, written: bool) -> None:
        """Say how the append ended; False: it never was applied, and never will be."""
        self._outcomes.add(record, written)

    def close(self) -> None:
        """Tell the last outcomes, and that no more records are to come: from here on none can be
        announced. Never fails: a lane that was not closed is looked at now and then for ever."""
        self._is_closed = True
        self._outcomes.close()
        # Somebody may be writing a record that is not counted yet.
        if not self._writing.acquire(timeout=_CLOSE_SECONDS):
            return
        try:
            if self._is_open:
                with suppress(RequestFailed, StoreUnavailable):
                    soon = Deadline.after(_CLOSE_SECONDS)
                    self._fill_holes(soon)
                    self._requests.write(soon, "close_lane", self._last, REGISTRY, self._id)
        finally:
            self._writing.release()

    def _announce(self, tickets: _Tickets) -> None:
        """By one thread at a time."""
        for chunk in _chunks(tickets):
            deadline = Deadline(max(ticket.deadline.at for ticket in chunk))
            try:
                records = self._put_on_record(chunk, deadline)
            except Exception as error:  # noqa: BLE001 - whatever it was, it is each caller's to know
                for ticket in chunk:
                    ticket.settle(error)
                continue
            for ticket, record in zip(chunk, records, strict=True):
                ticket.settle(record)

    def _put_on_record(self, tickets: _Tickets, deadline: Deadline) -> list[RecordId]:
        with self._writing:
            if self._is_closed:
                raise StoreUnavailable("this process is about to end")
            self._stir(deadline)
            return self._write(tickets, deadline)

    def _stir(self, deadline: Deadline) -> None:
        """Be in the registry, and known to be busy, before the record is there."""
        if not self._is_open:
            self._requests.write(deadline, "open_lane", REGISTRY, self._id, self._last + 1)
            self._is_open = True
        elif time.monotonic() - self._wrote_at > QUIET_SECONDS:
            self._requests.write(deadline, "stir_lane", self._last + 1, REGISTRY, self._id)

    def _write(self, tickets: _Tickets, deadline: Deadline) -> list[RecordId]:
        self._fill_holes(deadline)
        new = [RecordId(self._id, self._last + place) for place in range(1, len(tickets) + 1)]
        self._last += len(new)
        self._unsure = new  # until it is known better
        # A bucket after the other: the lane has no hole between them.
        for bucket in sorted({record.bucket for record in new}):
            rows = [
                self._bound(deadline, record, ticket.work)
                for record, ticket in zip(new, tickets, strict=True)
                if record.bucket == bucket
            ]
            self._session.execute(_together(rows), deadline, self._attempt_seconds)
        self._unsure = []
        self._wrote_at = time.monotonic()
        return new

    def _fill_holes(self, deadline: Deadline) -> None:
        """With records of nothing, where it is not known whether a record was written."""
        while self._unsure:
            bucket = self._unsure[0].bucket
            some = [record for record in self._unsure if record.bucket == bucket][:_MOST_HOLES]
            rows = [self._bound(deadline, record, None) for record in some]
            self._session.execute(_together(rows), deadline, self._attempt_seconds)
            del self._unsure[: len(some)]

    def _bound(
        self, deadline: Deadline, record: RecordId, announced: _Announcement | None
    ) -> BoundStatement:
        place = (record.lane, record.bucket, record.seq)
        statement = self._session.prepared("announce", deadline)
        if announced is None:
            return statement.bind((*place, None, None, None, False))
        events = [
            (
                event.event_id,
                event.event_type,
                event.payload,
                event.metadata,
                to_milliseconds(event.created_at),
            )
            for event in announced.events
        ]
        # Written null would be a tombstone; left unset it is nothing.
        return statement.bind((*place, announced.stream, announced.first, events))

    def _conclude(self, outcomes: Sequence[tuple[RecordId, bool]]) -> None:
        """Best effort: what gets lost here is found out from the stream."""
        soon = Deadline.after(_CLOSE_SECONDS)
        rows: dict[int, list[BoundStatement]] = {}
        with suppress(RequestFailed, StoreUnavailable):
            for record, written in outcomes:
                bound = self._session.prepared("conclude", soon).bind(
                    (written, record.lane, record.bucket, record.seq)
                )
                rows.setdefault(record.bucket, []).append(bound)
            for bucket in rows.values():
                self._session.execute(_together(bucket), soon, self._attempt_seconds)


class _Outcomes:
    """Tells outcomes from a thread of its own, several at a time; no append waits for it."""

    def __init__(self, tell: Callable[[Sequence[tuple[RecordId, bool]]], None]) -> None:
        self._tell = tell
        self._waiting: deque[tuple[RecordId, bool]] = deque()
        self._some = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def add(self, record: RecordId, written: bool) -> None:
        self._waiting.append((record, written))
        self._some.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="lane", daemon=True)
                    self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._some.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * _CLOSE_SECONDS)

    def _run(self) -> None:
        while not (self._closing.is_set() and not self._waiting):
            self._some.wait()
            self._closing.wait(GATHER_SECONDS)
            self._some.clear()
            while self._waiting:
                count = min(len(self._waiting), 200)
                some = [self._waiting.popleft() for _ in range(count)]
                try:
                    self._tell(some)
                except Exception:  # whatever it was, the outcomes to come have to be told
                    log.exception("the outcomes of appends could not be told")


def _together(statements: Sequence[BoundStatement]) -> Statement:
    """Of one partition, so it is one write."""
    if len(statements) == 1:
        return statements[0]
    batch = BatchStatement(batch_type=BatchType.UNLOGGED)
    for statement in statements:
        batch.add(statement)
    return batch


def _chunks(tickets: _Tickets) -> Iterator[_Tickets]:
    """As many together as Cassandra takes in one batch."""
    chunk: list[Ticket[_Announcement, RecordId]] = []
    size = 0
    for ticket in tickets:
        size += ticket.work.size
        if chunk and size > _BATCH_BYTES:
            yield chunk
            chunk, size = [], ticket.work.size
        chunk.append(ticket)
    if chunk:
        yield chunk
