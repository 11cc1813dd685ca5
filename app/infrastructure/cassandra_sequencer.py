"""Gives positions in the feed to what was committed. Between Cassandra's lanes and its feed.

Any process may sequence, and several may at once: `cassandra_feed_state` says why that does no
harm. To save work, one that was overtaken stands by for as long as the others get on.

A record is taken in once it is certain that its events were appended and everything before them in
their stream has been taken in. How an append ended its writer says, if it comes to that; if not,
the stream is asked. One that neither has been nor has not been applied after GRACE_SECONDS is
fenced off: from then on it cannot be. That grace is a courtesy to slow writers, no promise rests
on it.
"""

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from uuid import UUID

from app.application.deadline import Deadline
from app.application.feed import Round
from app.application.ports import StoreUnavailable
from app.infrastructure import cassandra_claims, cassandra_feed_state, cassandra_lane_reader
from app.infrastructure.cassandra_claims import CassandraClaims
from app.infrastructure.cassandra_errors import RequestFailed
from app.infrastructure.cassandra_feed import CassandraFeed
from app.infrastructure.cassandra_feed_state import Draft, Fed, FeedState, FeedStates
from app.infrastructure.cassandra_lane_reader import LaneReader, Lanes, Record
from app.infrastructure.cassandra_lanes import REGISTRY, RecordId, bucket_of
from app.infrastructure.cassandra_session import CassandraSession, Row, SerialRequests
from app.infrastructure.cassandra_store import recorded

log = logging.getLogger(__name__)

STATEMENTS = {
    **cassandra_claims.STATEMENTS,
    **cassandra_feed_state.STATEMENTS,
    **cassandra_lane_reader.STATEMENTS,
    "drop_lane": "DELETE FROM lanes WHERE registry = ? AND lane = ? IF EXISTS",
    "drop_records": "DELETE FROM records WHERE lane = ? AND bucket = ?",
    "read_mark": "SELECT version, lane, seq FROM events WHERE aggregate_id = ? AND version = ?",
    "read_before": (
        "SELECT version, event_type, payload, created_at, event_id, metadata, lane, seq"
        " FROM events WHERE aggregate_id = ? AND version < ?"
    ),
}

GRACE_SECONDS = 5.0
PATIENCE_SECONDS = 0.1
"""How long the rest of a lane waits for a record whose append is under way."""
STAND_BY_SECONDS = 1.0

_MOST_REMEMBERED = 100_000

_Marks = dict[tuple[str, int], Row]


class CassandraSequencer:
    """For one thread. Any number of processes may have one."""

    def __init__(
        self,
        session: CassandraSession,
        serial_consistency: int,
        attempt_seconds: float = 2.0,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._session = session
        self._attempt_seconds = attempt_seconds
        self._grace_seconds = grace_seconds
        self._requests = SerialRequests(session, serial_consistency, attempt_seconds)
        self._claims = CassandraClaims(session, serial_consistency, attempt_seconds)
        feed = CassandraFeed(session, attempt_seconds)
        self._states = FeedStates(session, feed, serial_consistency, attempt_seconds)
        self._state: FeedState | None = None
        self._stand_by_until = 0.0
        self._overtaken_at: int | None = None
        self._reader = LaneReader(session, attempt_seconds)
        self._registered: Lanes = {}
        self._in_feed: OrderedDict[str, int] = OrderedDict()
        self._spent: set[tuple[UUID, int]] = set()

    def step(self, deadline: Deadline) -> Round:
        """Take in what there is, a few hundred records at most. Raises StoreUnavailable."""
        if time.monotonic() < self._stand_by_until:
            return Round.STANDING_BY
        try:
            return self._step(deadline)
        except RequestFailed as error:
            self._state = None  # a commit may or may not have been applied
            raise StoreUnavailable(f"cannot sequence: {error.cause}") from error
        except StoreUnavailable:
            self._state = None
            raise

    def _step(self, deadline: Deadline) -> Round:
        # The state before the lanes: what is in neither has been done with.
        if self._state is None:
            self._state = self._states.load(deadline)
            if self._overtaken_at not in (None, self._state.revision):
                return self._stand_by(self._state)
            self._overtaken_at = None
            # Whoever filled the bucket before may have died before it was deleted.
            self._spent |= {
                (lane, bucket_of(cursor + 1) - 1) for lane, cursor in self._state.cursors.items()
            }
        lanes = self._reader.registry(deadline)
        fresh = self._reader.read(self._state, lanes, deadline)
        marks = self._find_out(deadline)
        worked = False
        while True:
            draft = Draft(self._state)
            self._fill(draft, fresh, marks)
            self._forget_lanes(draft, lanes)
            if draft.changes_nothing:
                break
            if not self._states.commit(draft, deadline):
                return self._stand_by(self._state)
            self._committed(draft)
            worked = True
        self._tidy(self._state, lanes, deadline)
        return Round.WORKED if worked else Round.IDLE

    def _stand_by(self, state: FeedState) -> Round:
        """Somebody else has moved the feed on. Look again later whether they still do."""
        self._state = None
        self._overtaken_at = state.revision
        self._stand_by_until = time.monotonic() + STAND_BY_SECONDS
        return Round.STANDING_BY

    # --- How it ended

    def _find_out(self, deadline: Deadline) -> _Marks:
        """Ask about records that should have ended, then who announced the events right before
        those of the records that did."""
        for record in self._reader.seen.values():
            if record.is_due():
                self._ask(record, deadline)
        pending = {
            (event.stream, event.version)
            for record in self._reader.seen.values()
            if record.written is not False
            for event in record.events
        }
        wanted = {
            (record.stream, record.first - 1)
            for record in self._reader.seen.values()
            if record.written and self._in_feed.get(record.stream, 0) < record.first - 1
        }
        statement = self._session.prepared("read_mark", deadline)
        places = list(wanted - pending)
        answers = self._session.execute_all(
            (statement.bind(place) for place in places), deadline, self._attempt_seconds
        )
        marks = {place: rows[0] for place, rows in zip(places, answers, strict=True) if rows}
        for record in self._reader.seen.values():
            mark = marks.get((record.stream, record.first - 1)) if record.written else None
            if mark is not None and mark["lane"] is None:
                self._bring_along(record, marks, deadline)
        if marks:
            # After the marks: what is not in it by now has been struck off.
            self._registered = self._reader.registry(deadline)
        return marks

    def _bring_along(self, record: Record, marks: _Marks, deadline: Deadline) -> None:
        """Events that were appended before there was a feed have no record of their own: they come
        with the one that follows them."""
        statement = self._session.prepared("read_before", deadline)
        rows = self._session.execute(
            statement.bind((record.stream, record.first)), deadline, self._attempt_seconds
        )
        past: list[Fed] = []
        while rows and rows[-1]["lane"] is None:
            event = recorded(record.stream, rows.pop())
            past.append(
                Fed(
                    event.stream,
                    event.version,
                    event.data.event_id,
                    event.data.event_type,
                    event.data.payload,
                    event.data.metadata,
                    event.data.created_at,
                )
            )
        record.events = [*reversed(past), *record.events]
        if rows:
            marks[record.stream, record.first - 1] = rows[-1]

    def _ask(self, record: Record, deadline: Deadline) -> None:
        """Ask the stream whether the record's events are in it; in the end make sure that they are
        or never will be."""
        record.asked_at = time.monotonic()
        mark = self._mark(record, deadline)
        if mark is not None and mark["lane"] is not None:
            record.written = (mark["lane"], mark["seq"]) == record.id
        elif record.asked_at - record.seen_at >= self._grace_seconds:
            self._fence_off(record, deadline)

    def _fence_off(self, record: Record, deadline: Deadline) -> None:
        """Behind a fence that has moved, what has not been appended never will be."""
        if not self._claims.fence_off(record.stream, deadline):
            return
        mark = self._mark(record, deadline)
        record.written = mark is not None and (mark["lane"], mark["seq"]) == record.id
        if not record.written:
            log.info("an append that was announced never came; it is fenced off")

    def _mark(self, record: Record, deadline: Deadline) -> Row | None:
        """Which record the event belongs to that has the version of this one's first; None if
        there is no such event."""
        rows = self._requests.select(deadline, "read_mark", record.stream, record.first)
        return rows[0] if rows else None

    # --- Taking in

    def _fill(self, draft: Draft, fresh: Mapping[UUID, deque[Record]], marks: _Marks) -> None:
        """Until it is full or nothing fits: one record may be what another one waits for."""
        fitted = True
        while fitted and not draft.is_full:
            fitted = False
            for each in list(draft.open):
                fitted |= self._go_on(draft, self._reader.seen.get(each), each, marks)
            for records in fresh.values():
                while records and self._pass(draft, records[0], marks):
                    records.popleft()
                    fitted = True

    def _pass(self, draft: Draft, record: Record, marks: _Marks) -> bool:
        """Whether the lane's cursor could be moved behind its next record."""
        taken = 0
        if draft.is_full:
            return False
        if record.written and self._comes_next(draft, record, marks):
            taken = draft.take(record.events)
            if not taken:
                return False
        elif record.written is not False and time.monotonic() - record.seen_at < PATIENCE_SECONDS:
            return False
        draft.move_cursor(record.id)
        if record.written is not False and taken < len(record.events):
            draft.leave_open(record.id, record.events[taken - 1].version if taken else 0)
        return True

    def _go_on(self, draft: Draft, record: Record | None, each: RecordId, marks: _Marks) -> bool:
        """Whether an open record got any further."""
        if draft.is_full:
            return False
        if record is None or record.written is False:
            draft.finish(each)
            return True
        rest = [event for event in record.events if event.version > draft.open[each]]
        if not record.written or not self._comes_next(draft, record, marks):
            return False
        taken = draft.take(rest)
        if taken == len(rest):
            draft.finish(each)
        elif taken:
            draft.leave_open(each, rest[taken - 1].version)
        return taken > 0

    def _comes_next(self, draft: Draft, record: Record, marks: _Marks) -> bool:
        """Whether everything before the record's events has been taken in, or before the rest of
        them."""
        known = max(
            draft.open.get(record.id, 0),
            draft.in_feed.get(record.stream, 0),
            self._in_feed.get(record.stream, 0),
        )
        if known >= record.first - 1:
            return True
        mark = marks.get((record.stream, record.first - 1))
        return mark is not None and self._is_taken(draft, RecordId(mark["lane"], mark["seq"]))

    def _is_taken(self, draft: Draft, record: RecordId) -> bool:
        cursor = draft.cursors.get(record.lane)
        if cursor is None:
            # A lane is in the registry before its first record, and until all of it is taken in.
            return record.lane not in self._registered
        return record.seq <= cursor and record not in draft.open

    def _forget_lanes(self, draft: Draft, lanes: Lanes) -> None:
        needed = {record.lane for record in draft.open}
        for lane in set(draft.cursors) - set(lanes) - needed:
            if draft.is_full:
                break
            draft.forget_lane(lane)

    def _committed(self, draft: Draft) -> None:
        """What the feed holds now; and the buckets of records that nobody needs any longer."""
        self._state = draft.result()
        for lane, cursor in draft.cursors.items():
            for bucket in range(
                bucket_of(draft.base.cursors.get(lane, 0) + 1), bucket_of(cursor + 1)
            ):
                self._spent.add((lane, bucket))
        for stream, version in draft.in_feed.items():
            self._in_feed[stream] = version
            self._in_feed.move_to_end(stream)
        while len(self._in_feed) > _MOST_REMEMBERED:
            self._in_feed.popitem(last=False)

    def _tidy(self, state: FeedState, lanes: Lanes, deadline: Deadline) -> None:
        """Strike off closed lanes that are done with, and delete spent buckets. Not urgent."""
        needed = {(record.lane, record.bucket) for record in state.open}
        for spent in self._spent - needed:
            self._drop_records(*spent, deadline)
            self._spent.discard(spent)
        busy = {record.lane for record in state.open}
        for lane, row in lanes.items():
            closed = row["closed"]
            if closed is None or lane in busy or state.cursors.get(lane, 0) < closed:
                continue
            # Struck off last: as long as it is in the registry somebody cleans up behind it.
            self._drop_records(lane, bucket_of(closed), deadline)
            self._requests.write(deadline, "drop_lane", REGISTRY, lane)

    def _drop_records(self, lane: UUID, bucket: int, deadline: Deadline) -> None:
        statement = self._session.prepared("drop_records", deadline)
        self._session.execute(statement.bind((lane, bucket)), deadline, self._attempt_seconds)
