"""Brings streams into the feed whose events were appended before there was one. Beside the way of
the data: run once, after an upgrade or on the registry of the seed's original.

The last event of such a stream is announced in a lane and then marked with that record, as an
append would be; the sequencer brings along what lies before it. A stream whose last event is marked
needs nothing: so it can be repeated, and broken off at any point.
"""

from collections.abc import Iterator, Sequence

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.infrastructure.cassandra_errors import RequestFailed
from app.infrastructure.cassandra_lanes import Lane
from app.infrastructure.cassandra_session import CassandraSession, SerialRequests
from app.infrastructure.cassandra_store import recorded

STATEMENTS = {
    "first_streams": "SELECT DISTINCT aggregate_id FROM events LIMIT ?",
    "more_streams": (
        "SELECT DISTINCT aggregate_id FROM events WHERE token(aggregate_id) > token(?) LIMIT ?"
    ),
    "read_last_event": (
        "SELECT version, event_type, payload, created_at, event_id, metadata, lane FROM events"
        " WHERE aggregate_id = ? ORDER BY version DESC LIMIT 1"
    ),
    "read_head": "SELECT head, fence FROM events WHERE aggregate_id = ? LIMIT 1",
    "mark": (
        "UPDATE events SET lane = ?, seq = ? WHERE aggregate_id = ? AND version = ?"
        " IF lane = null AND head = ? AND fence = ?"
    ),
}

_STREAMS_AT_ONCE = 500
_PAGE_SECONDS = 60.0
_ATTEMPT_SECONDS = 10.0


class CassandraAdoption:
    """Over a session that knows these STATEMENTS and those of lanes."""

    def __init__(self, session: CassandraSession, serial_consistency: int) -> None:
        self._session = session
        self._requests = SerialRequests(session, serial_consistency, _ATTEMPT_SECONDS)
        self._lane = Lane(session, serial_consistency, _ATTEMPT_SECONDS)

    def run(self) -> Iterator[tuple[int, int]]:
        """How many streams have been looked at and how many of them adopted, again and again.

        Raises StoreUnavailable; then it can be run again.
        """
        looked_at = adopted = 0
        last: str | None = None
        try:
            while True:
                deadline = Deadline.after(_PAGE_SECONDS)
                streams = self._streams(last, deadline)
                if not streams:
                    return
                adopted += sum(self._adopt(each, deadline) for each in self._old(streams, deadline))
                looked_at += len(streams)
                last = streams[-1]
                yield looked_at, adopted
        except RequestFailed as error:
            raise StoreUnavailable(f"cannot adopt streams: {error.cause}") from error

    def close(self) -> None:
        """Say that the lane is at its end."""
        self._lane.close()

    def _streams(self, last: str | None, deadline: Deadline) -> list[str]:
        """The next ones, in the order of their tokens."""
        if last is None:
            statement = self._session.prepared("first_streams", deadline).bind((_STREAMS_AT_ONCE,))
        else:
            statement = self._session.prepared("more_streams", deadline).bind(
                (last, _STREAMS_AT_ONCE)
            )
        rows = self._session.execute(statement, deadline, _ATTEMPT_SECONDS)
        return [row["aggregate_id"] for row in rows]

    def _old(self, streams: Sequence[str], deadline: Deadline) -> list[str]:
        """Those whose last event belongs to no record."""
        statement = self._session.prepared("read_last_event", deadline)
        answers = self._session.execute_all(
            (statement.bind((stream,)) for stream in streams), deadline, _ATTEMPT_SECONDS
        )
        return [
            stream
            for stream, rows in zip(streams, answers, strict=True)
            # A partition of static columns alone comes back as one row without a version.
            if rows and rows[0]["version"] is not None and rows[0]["lane"] is None
        ]

    def _adopt(self, stream: str, deadline: Deadline) -> bool:
        # As an append: first what has to be unchanged in the end. If the head has moved, an append
        # has come, which brings along what lies before it.
        unchanged = self._requests.select(deadline, "read_head", stream)[0]
        condition = (unchanged["head"], unchanged["fence"])
        row = self._requests.select(deadline, "read_last_event", stream)[0]
        last = recorded(stream, row)
        record = self._lane.announce(stream, last.version, [last.data], deadline)
        marked = self._requests.write(deadline, "mark", *record, stream, last.version, *condition)
        written = bool(marked["[applied]"])
        self._lane.conclude(record, written=written)
        return written
