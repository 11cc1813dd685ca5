"""Gives positions in the feed to what was committed. Between Cassandra's lanes and its feed.

Any process may sequence, and several may at once: `cassandra_feed_state` says why that does no
harm. To save work, one that was overtaken stands by for as long as the others get on.

A record is taken in once it is certain that its events were appended and everything before them in
their stream has been taken in. How an append ended its writer says, if it comes to that; if not,
the stream is asked. One that neither has been nor has not been applied after GRACE_SECONDS is
fenced off: from then on it cannot be. That grace is a courtesy to slow writers, no promise rests
on it.
"""

import enum
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.infrastructure.cassandra_errors import RequestFailed
from app.infrastructure.cassandra_feed import CassandraFeed
from app.infrastructure.cassandra_feed_state import Draft, Fed, FeedState, FeedStates
from app.infrastructure.cassandra_lanes import REGISTRY, RecordId, bucket_of
from app.infrastructure.cassandra_session import CassandraSession, Row, SerialRequests
from app.infrastructure.cassandra_store import recorded

log = logging.getLogger(__name__)

STATEMENTS = {
    "read_lanes": "SELECT lane, stirred, closed FROM lanes WHERE registry = ?",
    "drop_lane": "DELETE FROM lanes WHERE registry = ? AND lane = ? IF EXISTS",
    "read_records": (
        "SELECT seq, stream, first, events, written FROM records"
        " WHERE lane = ? AND bucket = ? AND seq > ? LIMIT ?"
    ),
    "read_record": (
        "SELECT seq, stream, first, events, written FROM records"
        " WHERE lane = ? AND bucket = ? AND seq = ?"
    ),
    "drop_records": "DELETE FROM records WHERE lane = ? AND bucket = ?",
    "read_mark": ("SELECT version, lane, seq FROM events WHERE aggregate_id = ? AND version = ?"),
    "read_before": (
        "SELECT version, event_type, payload, created_at, event_id, metadata, lane, seq"
        " FROM events WHERE aggregate_id = ? AND version < ?"
    ),
    "read_fence": "SELECT head, fence FROM events WHERE aggregate_id = ? LIMIT 1",
    "move_fence": "UPDATE events SET fence = ? WHERE aggregate_id = ? IF head = ? AND fence = ?",
}

GRACE_SECONDS = 5.0
PATIENCE_SECONDS = 0.1
"""How long the rest of a lane waits for a record whose append is under way."""
ASK_AFTER_SECONDS = 0.25
"""When the stream is asked about a record whose writer has not said how it ended."""
STAND_BY_SECONDS = 1.0
LIVELY_SECONDS = 60.0
"""How long after its last record a lane is looked at in every round. Longer than QUIET_SECONDS."""

_RECORDS_AT_ONCE = 250
_MOST_REMEMBERED = 100_000


class Round(enum.Enum):
    """What came of a round."""

    WORKED = "worked"
    """Something was taken in, or soon will be."""
    IDLE = "idle"
    """There is nothing to do."""
    STANDING_BY = "standing by"
    """Another process is at it."""


@dataclass(slots=True)
class _Record:
    """`written` is None while it is not known. Ages are counted from when it was first seen."""

    id: RecordId
    events: list[Fed]
    written: bool | None
    seen_at: float = field(default_factory=time.monotonic)
    asked_at: float = 0.0

    @property
    def stream(self) -> str:
        return self.events[0].stream

    @property
    def first(self) -> int:
        return self.events[0].version

    def is_due(self) -> bool:
        """Whether it is time to ask how it ended."""
        now = time.monotonic()
        return self.written is None and now - max(self.seen_at, self.asked_at) > ASK_AFTER_SECONDS


_Lanes = dict[UUID, Row]
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
        feed = CassandraFeed(session, attempt_seconds)
        self._states = FeedStates(session, feed, serial_consistency, attempt_seconds)
        self._state: FeedState | None = None
        self._stand_by_until = 0.0
        self._overtaken_at: int | None = None
        self._seen: dict[RecordId, _Record] = {}
        self._in_feed: OrderedDict[str, int] = OrderedDict()
        self._news: dict[UUID, float] = {}
        self._turn = 0
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
        lanes = self._read_lanes(deadline)
        fresh = self._read_fresh(self._state, lanes, deadline)
        self._read_open(self._state, deadline)
        marks = self._find_out(deadline)
        worked = False
        while True:
            draft = Draft(self._state)
            self._fill(draft, fresh, marks, deadline)
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

    # --- What there is

    def _read_lanes(self, deadline: Deadline) -> _Lanes:
        statement = self._session.prepared("read_lanes", deadline).bind((REGISTRY,))
        rows = self._session.execute(statement, deadline, self._attempt_seconds)
        return {row["lane"]: row for row in rows}

    def _read_fresh(
        self, state: FeedState, lanes: _Lanes, deadline: Deadline
    ) -> dict[UUID, deque[_Record]]:
        """The records behind the cursor of each lane; up to the first that is not there yet."""
        looked_at = self._lively(state, lanes)
        cursors = [state.cursors.get(lane, 0) for lane in looked_at]
        statement = self._session.prepared("read_records", deadline)
        answers = self._session.execute_all(
            (
                statement.bind((lane, bucket_of(cursor + 1), cursor, _RECORDS_AT_ONCE))
                for lane, cursor in zip(looked_at, cursors, strict=True)
            ),
            deadline,
            self._attempt_seconds,
        )
        fresh: dict[UUID, deque[_Record]] = {}
        for lane, cursor, rows in zip(looked_at, cursors, answers, strict=True):
            dense = (row for seq, row in enumerate(rows, cursor + 1) if row["seq"] == seq)
            fresh[lane] = deque(self._record(lane, row) for row in dense)
            if fresh[lane]:
                self._news[lane] = time.monotonic()
        return fresh

    def _lively(self, state: FeedState, lanes: _Lanes) -> list[UUID]:
        """Lanes with records of late, those that say that they begin again, and one of the others
        in turn: a lane that was never closed is looked at for ever."""
        now = time.monotonic()
        quiet: list[UUID] = []
        lively: list[UUID] = []
        for lane, row in lanes.items():
            stirred = row["stirred"] > state.cursors.get(lane, 0)
            # One that is seen for the first time counts as lively.
            recent = now - self._news.setdefault(lane, now) < LIVELY_SECONDS
            (lively if stirred or recent or row["closed"] is not None else quiet).append(lane)
        if quiet:
            self._turn += 1
            lively.append(quiet[self._turn % len(quiet)])
        return lively

    def _read_open(self, state: FeedState, deadline: Deadline) -> None:
        """The open records, as far as they are not known yet or may have been concluded."""
        self._seen = {
            each: record
            for each, record in self._seen.items()
            if each.seq > state.cursors.get(each.lane, 0) or each in state.open
        }
        wanted = [
            each for each in state.open if each not in self._seen or self._seen[each].is_due()
        ]
        statement = self._session.prepared("read_record", deadline)
        bound = (statement.bind((each.lane, each.bucket, each.seq)) for each in wanted)
        for each, rows in zip(
            wanted,
            self._session.execute_all(bound, deadline, self._attempt_seconds),
            strict=True,
        ):
            for row in rows:
                self._record(each.lane, row)

    def _record(self, lane: UUID, row: Row) -> _Record:
        record = self._seen.get(RecordId(lane, row["seq"]))
        if record is None:
            events = [
                Fed(row["stream"], version, event_id, kind, payload, metadata, created_at)
                for version, (event_id, kind, payload, metadata, created_at) in enumerate(
                    row["events"] or (), row["first"] or 0
                )
            ]
            record = _Record(RecordId(lane, row["seq"]), events, row["written"])
            self._seen[record.id] = record
        elif record.written is None:
            record.written = row["written"]
        return record

    # --- How it ended

    def _find_out(self, deadline: Deadline) -> _Marks:
        """Ask about records that should have ended, then who announced the events right before
        those of the records that did."""
        for record in self._seen.values():
            if record.is_due():
                self._ask(record, deadline)
        pending = {
            (event.stream, event.version)
            for record in self._seen.values()
            if record.written is not False
            for event in record.events
        }
        wanted = {
            (record.stream, record.first - 1)
            for record in self._seen.values()
            if record.written and self._in_feed.get(record.stream, 0) < record.first - 1
        }
        statement = self._session.prepared("read_mark", deadline)
        places = list(wanted - pending)
        answers = self._session.execute_all(
            (statement.bind(place) for place in places), deadline, self._attempt_seconds
        )
        marks = {place: rows[0] for place, rows in zip(places, answers, strict=True) if rows}
        for record in self._seen.values():
            mark = marks.get((record.stream, record.first - 1)) if record.written else None
            if mark is not None and mark["lane"] is None:
                self._bring_along(record, marks, deadline)
        return marks

    def _bring_along(self, record: _Record, marks: _Marks, deadline: Deadline) -> None:
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

    def _ask(self, record: _Record, deadline: Deadline) -> None:
        """Ask the stream whether the record's events are in it; in the end make sure that they are
        or never will be."""
        record.asked_at = time.monotonic()
        mark = self._mark(record, deadline)
        if mark is None:
            if record.asked_at - record.seen_at < self._grace_seconds:
                return
            row = self._requests.select(deadline, "read_fence", record.stream)
            stream = row[0] if row else {}
            place = (record.stream, stream.get("head"), stream.get("fence"))
            if not self._requests.write(deadline, "move_fence", uuid4(), *place)["[applied]"]:
                return
            log.info("an append that was announced has not come; it is fenced off")
            # It may have come at the last moment; from here on it cannot.
            mark = self._mark(record, deadline)
        record.written = mark == record.id

    def _mark(self, record: _Record, deadline: Deadline) -> tuple[UUID, int] | None:
        """Which record the event at the place of this one's first belongs to, if there is any."""
        rows = self._requests.select(deadline, "read_mark", record.stream, record.first)
        return (rows[0]["lane"], rows[0]["seq"]) if rows and rows[0]["lane"] else None

    # --- Taking in

    def _fill(
        self,
        draft: Draft,
        fresh: Mapping[UUID, deque[_Record]],
        marks: _Marks,
        deadline: Deadline,
    ) -> None:
        """Until it is full or nothing fits: one record may be what another one waits for."""
        fitted = True
        while fitted and not draft.is_full:
            fitted = False
            for each in list(draft.open):
                fitted |= self._go_on(draft, self._seen.get(each), each, marks, deadline)
            for records in fresh.values():
                while (
                    records and not draft.is_full and self._pass(draft, records[0], marks, deadline)
                ):
                    records.popleft()
                    fitted = True

    def _pass(self, draft: Draft, record: _Record, marks: _Marks, deadline: Deadline) -> bool:
        """Whether the lane's cursor could be moved behind its next record."""
        taken = 0
        if draft.is_full:
            return False
        if record.written and self._comes_next(draft, record, marks, deadline):
            taken = draft.take(record.events)
            if not taken:
                return False
        elif record.written is not False and time.monotonic() - record.seen_at < PATIENCE_SECONDS:
            return False
        draft.cursors[record.id.lane] = record.id.seq
        if record.written is not False and taken < len(record.events):
            draft.open[record.id] = taken
        return True

    def _go_on(
        self,
        draft: Draft,
        record: _Record | None,
        each: RecordId,
        marks: _Marks,
        deadline: Deadline,
    ) -> bool:
        """Whether an open record got any further."""
        if record is None or record.written is False:
            del draft.open[each]
            return True
        if not record.written or not self._comes_next(draft, record, marks, deadline):
            return False
        taken = draft.take(record.events[draft.open[each] :])
        draft.open[each] += taken
        if draft.open[each] == len(record.events):
            del draft.open[each]
        return taken > 0

    def _comes_next(self, draft: Draft, record: _Record, marks: _Marks, deadline: Deadline) -> bool:
        """Whether everything before the record's events has been taken in."""
        if draft.open.get(record.id) or record.first == 1:
            return True
        known = draft.in_feed.get(record.stream) or self._in_feed.get(record.stream, 0)
        if known >= record.first - 1:
            return True
        mark = marks.get((record.stream, record.first - 1))
        if mark is None:
            return False
        return self._is_taken(draft, RecordId(mark["lane"], mark["seq"]), deadline)

    def _is_taken(self, draft: Draft, record: RecordId, deadline: Deadline) -> bool:
        cursor = draft.cursors.get(record.lane)
        if cursor is None:
            # A lane is in the registry before its first record, and until all of it is taken in.
            return record.lane not in self._read_lanes(deadline)
        return record.seq <= cursor and record not in draft.open

    def _forget_lanes(self, draft: Draft, lanes: _Lanes) -> None:
        for lane in [lane for lane in draft.cursors if lane not in lanes]:
            if all(record.lane != lane for record in draft.open):
                del draft.cursors[lane]

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

    def _tidy(self, state: FeedState, lanes: _Lanes, deadline: Deadline) -> None:
        """Strike off closed lanes that are done with, and delete spent buckets. Not urgent."""
        needed = {(record.lane, record.bucket) for record in state.open}
        for lane, row in lanes.items():
            closed = row["closed"]
            if closed is None or state.cursors.get(lane, 0) < closed:
                continue
            if all(record.lane != lane for record in state.open):
                self._requests.write(deadline, "drop_lane", REGISTRY, lane)
                self._spent.add((lane, bucket_of(closed)))
                self._news.pop(lane, None)
        statement = self._session.prepared("drop_records", deadline)
        for spent in self._spent - needed:
            self._session.execute(statement.bind(spent), deadline, self._attempt_seconds)
            self._spent.discard(spent)
