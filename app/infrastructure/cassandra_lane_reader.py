"""What the lanes on Cassandra hold that the feed does not have yet, read in each lane's order.

Between the tables that `cassandra_lanes` writes and `cassandra_sequencer`, which uses this.
"""

import time
from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

from app.application.deadline import Deadline
from app.infrastructure.cassandra_feed_state import Fed, FeedState
from app.infrastructure.cassandra_lanes import REGISTRY, RecordId, bucket_of
from app.infrastructure.cassandra_session import CassandraSession, Row

STATEMENTS = {
    "read_lanes": "SELECT lane, stirred, closed FROM lanes WHERE registry = ?",
    "read_records": (
        "SELECT seq, stream, first, events, written FROM records"
        " WHERE lane = ? AND bucket = ? AND seq > ? LIMIT ?"
    ),
    "read_record": (
        "SELECT seq, stream, first, events, written FROM records"
        " WHERE lane = ? AND bucket = ? AND seq = ?"
    ),
}

ASK_AFTER_SECONDS = 0.25
"""When the stream is asked about a record whose writer has not said how it ended."""

BUSY_SECONDS = 2.0
"""How long after its last record a lane is looked at in every round."""

RESTING_SECONDS = 60.0
"""How long after that it is looked at soon: longer than QUIET_SECONDS, after which its writer says
that it begins again."""

_RESTING_AT_ONCE = 8
_QUIET_AT_ONCE = 1

RECORDS_AT_ONCE = 250

Lanes = dict[UUID, Row]


@dataclass(slots=True)
class Record:
    """`written` is None while it is not known. Ages are counted from when it was first seen."""

    id: RecordId
    events: list[Fed]
    written: bool | None
    seen_at: float = field(default_factory=time.monotonic)
    asked_at: float = 0.0

    @property
    def stream(self) -> str:
        """Whose events they are. Not of a record of nothing."""
        return self.events[0].stream

    @property
    def first(self) -> int:
        """The version of the first one. Not of a record of nothing."""
        return self.events[0].version

    def is_due(self) -> bool:
        """Whether it is time to ask how it ended."""
        now = time.monotonic()
        return self.written is None and now - max(self.seen_at, self.asked_at) > ASK_AFTER_SECONDS


class LaneReader:
    """For one thread. `seen` has the records that may have to be taken in; what is found out about
    one of them is kept there. Raises what `CassandraSession.execute` raises."""

    def __init__(self, session: CassandraSession, attempt_seconds: float) -> None:
        self.seen: dict[RecordId, Record] = {}
        self._session = session
        self._attempt_seconds = attempt_seconds
        self._cursors: dict[UUID, int] = {}
        self._news: dict[UUID, float] = {}
        self._turn = 0

    def registry(self, deadline: Deadline) -> Lanes:
        """The lanes that are not struck off yet."""
        statement = self._session.prepared("read_lanes", deadline).bind((REGISTRY,))
        rows = self._session.execute(statement, deadline, self._attempt_seconds)
        return {row["lane"]: row for row in rows}

    def read(self, state: FeedState, lanes: Lanes, deadline: Deadline) -> dict[UUID, deque[Record]]:
        """Give the records behind the cursor of each lane, up to the first that is not there yet;
        and look what has become of the open ones."""
        self.seen = {
            each: record
            for each, record in self.seen.items()
            # Of a lane that was struck off nothing is wanted but what is open.
            if each in state.open
            or (each.lane in lanes and each.seq > state.cursors.get(each.lane, 0))
        }
        fresh = self._fresh(state, self._lively(state, lanes), deadline)
        self._read_open(state, deadline)
        return fresh

    def _fresh(
        self, state: FeedState, lanes: list[UUID], deadline: Deadline
    ) -> dict[UUID, deque[Record]]:
        cursors = [state.cursors.get(lane, 0) for lane in lanes]
        statement = self._session.prepared("read_records", deadline)
        answers = self._session.execute_all(
            (
                statement.bind((lane, bucket_of(cursor + 1), cursor, RECORDS_AT_ONCE))
                for lane, cursor in zip(lanes, cursors, strict=True)
            ),
            deadline,
            self._attempt_seconds,
        )
        fresh: dict[UUID, deque[Record]] = {}
        for lane, cursor, rows in zip(lanes, cursors, answers, strict=True):
            dense = (row for seq, row in enumerate(rows, cursor + 1) if row["seq"] == seq)
            fresh[lane] = deque(self._record(lane, row) for row in dense)
            if fresh[lane]:
                self._news[lane] = time.monotonic()
        return fresh

    def _lively(self, state: FeedState, lanes: Lanes) -> list[UUID]:
        """Lanes with records of late, those that say that they begin again, and some of the others
        in turn: the lane of a killed process is never closed, and looked at for ever."""
        now = time.monotonic()
        busy: list[UUID] = []
        resting: list[UUID] = []
        quiet: list[UUID] = []
        self._news = {lane: at for lane, at in self._news.items() if lane in lanes}
        for lane, row in lanes.items():
            cursor = state.cursors.get(lane, 0)
            # One that is seen for the first time, or that others have read on, counts as busy.
            if self._cursors.get(lane) != cursor:
                self._news[lane] = now
            age = now - self._news[lane]
            if row["stirred"] > cursor or row["closed"] is not None or age < BUSY_SECONDS:
                busy.append(lane)
            else:
                (resting if age < RESTING_SECONDS else quiet).append(lane)
        self._cursors = {lane: state.cursors.get(lane, 0) for lane in lanes}
        self._turn += 1
        return [
            *busy,
            *_in_turn(resting, self._turn, _RESTING_AT_ONCE),
            *_in_turn(quiet, self._turn, _QUIET_AT_ONCE),
        ]

    def _read_open(self, state: FeedState, deadline: Deadline) -> None:
        """Those that are not known yet, or may have been concluded."""
        wanted = [each for each in state.open if each not in self.seen or self.seen[each].is_due()]
        statement = self._session.prepared("read_record", deadline)
        answers = self._session.execute_all(
            (statement.bind((each.lane, each.bucket, each.seq)) for each in wanted),
            deadline,
            self._attempt_seconds,
        )
        for each, rows in zip(wanted, answers, strict=True):
            for row in rows:
                self._record(each.lane, row)

    def _record(self, lane: UUID, row: Row) -> Record:
        record = self.seen.get(RecordId(lane, row["seq"]))
        if record is None:
            events = [
                Fed(row["stream"], version, event_id, kind, payload, metadata, created_at)
                for version, (event_id, kind, payload, metadata, created_at) in enumerate(
                    row["events"] or (), row["first"] or 0
                )
            ]
            record = Record(RecordId(lane, row["seq"]), events, row["written"])
            self.seen[record.id] = record
        elif record.written is None:
            record.written = row["written"]
        return record


def _in_turn(lanes: list[UUID], turn: int, count: int) -> list[UUID]:
    """`count` of them, others in each turn."""
    begin = turn * count % max(1, len(lanes))
    return (lanes[begin:] + lanes[:begin])[:count]
