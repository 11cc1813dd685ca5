"""No-op records: which commits left a stream as it was. Implements that part of the event store's
port.

They are a static column of the stream, `notes` as the schema calls it, by commit id; written on the
condition that the stream is still at the version that the command saw.
"""

from collections.abc import Mapping
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports.event_store import NO_STREAM, NoOp, VersionConflict
from app.infrastructure.cassandra.append.heads import backfill_head
from app.infrastructure.cassandra.append.retrying import CountedRetries
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.retries import writing
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    record_noop="UPDATE events SET notes[?] = ? WHERE aggregate_id = ? IF head = ?",
    read_noops="SELECT notes FROM events WHERE aggregate_id = ? LIMIT 1",
)


class NoOpRecords:
    """The column `notes` of all streams."""

    def __init__(self, requests: Requests, retries: CountedRetries) -> None:
        self._requests = requests
        self._retries = retries

    def record(self, stream: str, commit_id: UUID, noop: NoOp, deadline: Deadline) -> None:
        """See `EventStore.record_noop`. Sent again after a maybe it writes the same once more; if
        the stream has moved on by then, the record is found to be there."""
        writing(
            deadline,
            lambda: self._record(stream, commit_id, noop, deadline),
            self._retries.until,
        )

    def recorded(self, stream: str, commit_id: UUID, deadline: Deadline) -> NoOp | None:
        """See `EventStore.recorded_noop`."""
        kept = self._retries.reading(deadline, lambda: self._read(stream, commit_id, deadline))
        if kept is None:
            return None
        version, _, text = kept.partition(" ")
        return NoOp(int(version), text)

    def _record(self, stream: str, commit_id: UUID, noop: NoOp, deadline: Deadline) -> None:
        if self._read(stream, commit_id, deadline) is not None:
            return
        values = (commit_id, f"{noop.version} {noop.text}", stream, noop.version)
        answer = self._requests.write(deadline, "record_noop", *values)
        if answer["[applied]"] or self._read(stream, commit_id, deadline) is not None:
            return
        head = answer.get("head")
        if head is None and (head := backfill_head(self._requests, stream, deadline)):
            self._record(stream, commit_id, noop, deadline)
            return
        raise VersionConflict(stream, noop.version, head or NO_STREAM)

    def _read(self, stream: str, commit_id: UUID, deadline: Deadline) -> str | None:
        rows = self._requests.select(deadline, "read_noops", stream)
        notes: Mapping[UUID, str] = (rows[0]["notes"] if rows else None) or {}
        return notes.get(commit_id)
