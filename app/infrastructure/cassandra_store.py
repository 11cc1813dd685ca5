"""The event store for production: conditional batches in each stream's own partition.

Implements `ports.EventStore`. Every commit is one lightweight transaction: it moves the
stream's head from the expected version to the new one and inserts the events, or does nothing.
A commit whose fate is unknown is sent again, identical, until it is known or the time is over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, TypeVar
from uuid import UUID, uuid5

from cassandra.query import BatchStatement

from app.application.deadline import Deadline
from app.application.ports import (
    NO_CLAIMS,
    NO_STREAM,
    AlreadyClaimed,
    Appended,
    Claim,
    Claims,
    EventData,
    ExpectedVersion,
    Note,
    OutcomeUnknown,
    RecordedEvent,
    StoreUnavailable,
    Telemetry,
    VersionConflict,
)
from app.infrastructure import cassandra_claims, cassandra_lanes
from app.infrastructure.cassandra_claims import Attempts, CassandraClaims, held
from app.infrastructure.cassandra_errors import RequestFailed
from app.infrastructure.cassandra_lanes import Lane, RecordId
from app.infrastructure.cassandra_retries import backing_off
from app.infrastructure.cassandra_session import CassandraSession, Row, SerialRequests
from app.infrastructure.clock import to_milliseconds

STATEMENTS = {
    **cassandra_claims.STATEMENTS,
    **cassandra_lanes.STATEMENTS,
    "hold": "UPDATE events SET claims = claims + ? WHERE aggregate_id = ?",
    "let_go": "UPDATE events SET claims = claims - ? WHERE aggregate_id = ?",
    "move_head": (
        "UPDATE events SET head = ?, commit_id = ? WHERE aggregate_id = ?"
        " IF head = ? AND commit_id != ? AND fence = ?"
    ),
    # A stream that the seed's original wrote has rows but no head; its first row says so.
    "insert_first": (
        "INSERT INTO events (aggregate_id, version, event_type, payload, created_at, event_id,"
        " metadata, lane, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
    ),
    "insert": (
        "INSERT INTO events (aggregate_id, version, event_type, payload, created_at, event_id,"
        " metadata, lane, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ),
    "read": (
        "SELECT version, event_type, payload, created_at, event_id, metadata FROM events"
        " WHERE aggregate_id = ? AND version > ? AND version <= ?"
    ),
    "read_ids": "SELECT version, event_id FROM events WHERE aggregate_id = ?",
    "read_id": "SELECT event_id FROM events WHERE aggregate_id = ? AND version = ?",
    "read_last": (
        "SELECT version FROM events WHERE aggregate_id = ? ORDER BY version DESC LIMIT 1"
    ),
    "note": "UPDATE events SET notes[?] = ? WHERE aggregate_id = ? IF head = ?",
    "read_notes": "SELECT notes FROM events WHERE aggregate_id = ? LIMIT 1",
    "adopt": "UPDATE events SET head = ? WHERE aggregate_id = ? IF head = null",
}

ATTEMPT_SECONDS = 2.0
"""One try's share of the budget: an answer lost on the way must leave time to ask again."""

NOT_SENT_PATIENCE_SECONDS = 2.0
"""How long to try while nothing can even be sent. It outlasts a connection that is made anew;
with every node down, a quick answer is worth more to the caller than a thread that waits."""

_MOST_FENCES = 1_000  # few streams ever have one

_LAST_VERSION = 2**31 - 1
_NO_METADATA = "{}"

Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Append:
    """One commit on its way. `uncertain`: an earlier try may have been, or may yet be, applied.

    `fence` is what the stream's was before `record` was announced and before any claim of this
    commit was taken; None is right for almost every stream, and if it is not, the append is refused
    and tells. `freeing` was read before the first try: rows that the stream takes again later are
    not this commit's to delete.
    """

    stream: str
    expected: ExpectedVersion
    events: Sequence[EventData]
    commit_id: UUID
    deadline: Deadline
    claims: Claims
    uncertain: bool = False
    fence: UUID | None = None
    knows_fence: bool = False
    record: RecordId | None = None
    freeing: Attempts | None = None

    @property
    def after(self) -> int:
        return 0 if self.expected is NO_STREAM else self.expected

    @property
    def head(self) -> int:
        return self.after + len(self.events)


class CassandraEventStore:
    """`attempt_seconds` bounds one try of one request; the caller's deadline bounds them all."""

    def __init__(
        self,
        session: CassandraSession,
        telemetry: Telemetry,
        serial_consistency: int,
        attempt_seconds: float = ATTEMPT_SECONDS,
    ) -> None:
        self._session = session
        self._telemetry = telemetry
        self._serial = serial_consistency
        self._attempt_seconds = attempt_seconds
        self._requests = SerialRequests(session, serial_consistency, attempt_seconds)
        self._claims = CassandraClaims(session, serial_consistency, attempt_seconds)
        self._lane = Lane(session, serial_consistency, attempt_seconds)
        self._fences: dict[str, UUID | None] = {}

    def append(
        self,
        stream: str,
        expected: ExpectedVersion,
        events: Sequence[EventData],
        commit_id: UUID,
        deadline: Deadline,
        claims: Claims = NO_CLAIMS,
    ) -> Appended:
        """See `ports.EventStore`."""
        commit = _Append(stream, expected, events, commit_id, deadline, claims)
        commit.fence = self._fences.get(stream)
        appended: Appended | None = None
        try:
            appended = self._retrying(deadline, lambda: self._try(commit))
        except RequestFailed as error:
            if commit.uncertain:
                raise OutcomeUnknown(f"no answer in time: {error.cause}") from error
            raise StoreUnavailable(f"cannot append: {error.cause}") from error
        except StoreUnavailable as error:
            if commit.uncertain:
                raise OutcomeUnknown("the connection was lost") from error
            raise
        finally:
            self._conclude(commit, appended)
        return appended

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, upto: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.EventStore`. A SERIAL read: it sees, and if need be completes, the last
        conditional write."""
        last = _LAST_VERSION if upto is None else min(upto, _LAST_VERSION)
        rows = self._reading(deadline, "read", stream, min(after, _LAST_VERSION), last)
        return [recorded(stream, row) for row in rows]

    def locate(self, stream: str, event_id: UUID, deadline: Deadline) -> int | None:
        """See `ports.EventStore`."""
        rows = self._reading(deadline, "read_ids", stream)
        return next((row["version"] for row in rows if row["event_id"] == event_id), None)

    def note(self, stream: str, commit_id: UUID, note: Note, deadline: Deadline) -> None:
        """See `ports.EventStore`. Sent again after a maybe it writes the same once more; if the
        stream has moved on by then, the note is found to be there."""
        try:
            self._retrying(deadline, lambda: self._try_note(stream, commit_id, note, deadline))
        except RequestFailed as error:
            if error.maybe_applied:
                raise OutcomeUnknown(f"no answer in time: {error.cause}") from error
            raise StoreUnavailable(f"cannot write: {error.cause}") from error

    def noted(self, stream: str, commit_id: UUID, deadline: Deadline) -> Note | None:
        """See `ports.EventStore`."""
        kept = _kept(self._reading(deadline, "read_notes", stream), commit_id)
        if kept is None:
            return None
        version, _, text = kept.partition(" ")
        return Note(int(version), text)

    def owner(self, claim: Claim, deadline: Deadline) -> str | None:
        """See `ports.EventStore`."""
        try:
            return self._retrying(deadline, lambda: self._claims.owner(claim, deadline))
        except RequestFailed as error:
            raise StoreUnavailable(f"cannot read: {error.cause}") from error

    def ping(self, deadline: Deadline) -> None:
        """See `ports.EventStore`."""
        try:
            self._requests.select(deadline, "read_last", "ping")
        except RequestFailed as error:
            raise StoreUnavailable(f"no sign of life: {error.cause}") from error

    def close(self) -> None:
        """See `ports.EventStore`."""
        self._lane.close()
        self._session.close()

    def _conclude(self, commit: _Append, appended: Appended | None) -> None:
        """Say how it ended, where that is certain: a commit that is recognised may have been
        announced by another record, and one that failed may yet be applied."""
        if commit.record is None or (appended.recognised if appended else commit.uncertain):
            return
        self._lane.conclude(commit.record, written=appended is not None)

    def _try(self, commit: _Append) -> Appended:
        """Send the commit once, its claims before and after it. Raises VersionConflict or
        AlreadyClaimed once it is certain, or RequestFailed."""
        if commit.freeing is None:
            commit.freeing = self._claims.owned(commit.stream, commit.claims.freed, commit.deadline)
        appended = self._try_until_fenced(commit)
        # Recognised, it was written some time ago: the stream may have taken them back since.
        if not appended.recognised:
            self._claims.give_back(commit.stream, commit.freeing, commit.deadline)
        return appended

    def _try_until_fenced(self, commit: _Append) -> Appended:
        while True:
            try:
                return self._try_with_claims(commit)
            except _Fenced as fenced:
                # What was announced and claimed before the fence moved counts no longer.
                commit.fence, commit.knows_fence = fenced.fence, True
                self._remember_fence(commit)
                commit.uncertain = False
                if commit.record is not None:
                    self._lane.conclude(commit.record, written=False)
                    commit.record = None

    def _try_with_claims(self, commit: _Append) -> Appended:
        if commit.claims.taken and commit.after and not commit.knows_fence:
            commit.fence = self._claims.fence(commit.stream, commit.deadline)
            commit.knows_fence = True
        if commit.record is None:
            commit.record = self._lane.announce(
                commit.stream, commit.after + 1, commit.events, commit.deadline
            )
        try:
            taken = self._claims.take(commit.stream, commit.claims.taken, commit.deadline)
        except AlreadyClaimed:
            # An earlier try may have had it, and others may have come since.
            if self._is_ours(commit):
                return Appended(commit.head, recognised=True)
            raise
        try:
            return self._try_append(commit)
        except VersionConflict:
            self._claims.release(commit.stream, taken, commit.deadline)
            raise

    def _remember_fence(self, commit: _Append) -> None:
        if len(self._fences) >= _MOST_FENCES:
            self._fences.clear()
        self._fences[commit.stream] = commit.fence

    def _try_append(self, commit: _Append) -> Appended:
        row = self._send(commit)
        if row["[applied]"]:
            return Appended(commit.head)
        if row.get("commit_id") == commit.commit_id:
            return Appended(commit.head, recognised=True)
        head = row.get("head")
        if (head or 0) == commit.after and row.get("fence") != commit.fence:
            raise _Fenced(row.get("fence"))
        if head is None:
            return self._without_head(commit)
        if head > commit.after and self._is_ours(commit):
            return Appended(commit.head, recognised=True)
        raise VersionConflict(commit.stream, commit.expected, head)

    def _send(self, commit: _Append) -> Row:
        batch = self._batch(commit)
        maybe_applied = True  # unless it is known better: a signal may end this too
        try:
            rows = self._session.execute(batch, commit.deadline, self._attempt_seconds)
            maybe_applied = False
        except RequestFailed as error:
            maybe_applied = error.maybe_applied
            raise
        except StoreUnavailable:
            maybe_applied = False
            raise
        finally:
            commit.uncertain = commit.uncertain or maybe_applied
        # With two conditions a rejection may come as two rows; the static columns are in each.
        return rows[0]

    def _batch(self, commit: _Append) -> BatchStatement:
        prepared, deadline = self._session.prepared, commit.deadline
        assert commit.record is not None, "announced before it is sent"  # noqa: S101
        batch = BatchStatement(serial_consistency_level=self._serial)
        head = None if commit.expected is NO_STREAM else commit.expected
        move = (commit.head, commit.commit_id, commit.stream, head, commit.commit_id, commit.fence)
        batch.add(prepared("move_head", deadline), move)
        for name, claims in (("let_go", commit.claims.freed), ("hold", commit.claims.taken)):
            if claims:
                batch.add(prepared(name, deadline), (set(map(held, claims)), commit.stream))
        for version, event in enumerate(commit.events, commit.after + 1):
            batch.add(
                prepared("insert_first" if version == 1 else "insert", deadline),
                (
                    commit.stream,
                    version,
                    event.event_type,
                    event.payload,
                    to_milliseconds(event.created_at),
                    event.event_id,
                    event.metadata,
                    *commit.record,
                ),
            )
        return batch

    def _try_note(self, stream: str, commit_id: UUID, note: Note, deadline: Deadline) -> None:
        if self._is_noted(stream, commit_id, deadline):
            return
        kept = f"{note.version} {note.text}"
        written = self._requests.write(deadline, "note", commit_id, kept, stream, note.version)
        if written["[applied]"] or self._is_noted(stream, commit_id, deadline):
            return
        if (head := written.get("head")) is None and (head := self._adopt(stream, deadline)):
            self._try_note(stream, commit_id, note, deadline)
            return
        raise VersionConflict(stream, note.version, head or NO_STREAM)

    def _is_noted(self, stream: str, commit_id: UUID, deadline: Deadline) -> bool:
        return _kept(self._requests.select(deadline, "read_notes", stream), commit_id) is not None

    def _without_head(self, commit: _Append) -> Appended:
        """No head: the stream does not exist, or it was written before heads were kept. Such a
        stream is given the head it should have, and the commit is tried again on it."""
        if self._adopt(commit.stream, commit.deadline) is None:
            raise VersionConflict(commit.stream, commit.expected, NO_STREAM)
        return self._try_append(commit)

    def _adopt(self, stream: str, deadline: Deadline) -> int | None:
        """Give a stream that was written before heads were kept the head that it should have;
        None if there is no such stream."""
        rows = self._requests.select(deadline, "read_last", stream)
        # A partition of static columns alone comes back as one row without a version.
        version: int | None = rows[0]["version"] if rows else None
        if version is not None:
            # Whoever else adopts it meanwhile has read the same last version or has appended
            # since; either way the head is set, and the next try meets it.
            self._requests.write(deadline, "adopt", version, stream)
        return version

    def _is_ours(self, commit: _Append) -> bool:
        rows = self._requests.select(commit.deadline, "read_id", commit.stream, commit.after + 1)
        return bool(rows) and rows[0]["event_id"] == commit.events[0].event_id

    def _reading(self, deadline: Deadline, name: str, *values: object) -> list[Row]:
        try:
            return self._retrying(deadline, lambda: self._requests.select(deadline, name, *values))
        except RequestFailed as error:
            raise StoreUnavailable(f"cannot read: {error.cause}") from error

    def _retrying(self, deadline: Deadline, call: Callable[[], Answer]) -> Answer:
        return backing_off(
            deadline,
            call,
            _GiveUp(deadline),
            lambda error: self._telemetry.retried(error.cause),
        )


class _Fenced(Exception):
    """Somebody has made sure since its fence was read that nothing announced before is appended."""

    def __init__(self, fence: UUID | None) -> None:
        super().__init__("the fence has moved")
        self.fence = fence


class _GiveUp:
    """When to stop trying: at the deadline; earlier while nothing has been sent at all."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._patience = Deadline.after(NOT_SENT_PATIENCE_SECONDS)
        self._sent = False

    def __call__(self, error: Any) -> bool:  # noqa: ANN401 - backoff hands over any exception
        self._sent = self._sent or error.maybe_applied
        if error.permanent or self._deadline.expired:
            return True
        return self._patience.expired and not self._sent


def _kept(rows: Sequence[Row], commit_id: UUID) -> str | None:
    notes: Mapping[UUID, str] = (rows[0]["notes"] if rows else None) or {}
    return notes.get(commit_id)


def recorded(stream: str, row: Row) -> RecordedEvent:
    """Rows of the seed's original have neither id nor metadata; their id follows from their
    place, so that it is the same at every reading."""
    return RecordedEvent(
        stream,
        row["version"],
        EventData(
            event_id=row["event_id"] or _legacy_id(stream, row["version"]),
            event_type=row["event_type"],
            payload=row["payload"],
            metadata=row["metadata"] or _NO_METADATA,
            created_at=row["created_at"].replace(tzinfo=UTC),
        ),
    )


def _legacy_id(stream: str, version: int) -> UUID:
    return uuid5(UUID(int=0), f"{stream}/{version}")
