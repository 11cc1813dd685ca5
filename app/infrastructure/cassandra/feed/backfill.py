"""Brings streams into the feed whose events were appended before there was one. Beside the way of
the data: run once, after an upgrade or on the original registry.

The last event of such a stream is prepared in an intent log and then marked with that intent, as
an append would be; the sequencer brings along the events before it. A stream whose last event
belongs to an intent needs nothing: so a backfill can be repeated, and broken off at any point.
"""

from collections.abc import Iterator, Sequence

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.infrastructure.cassandra.append.intent_log import IntentLog
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.rows import recorded
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    first_streams="SELECT DISTINCT aggregate_id FROM events LIMIT ?",
    more_streams=(
        "SELECT DISTINCT aggregate_id FROM events WHERE token(aggregate_id) > token(?) LIMIT ?"
    ),
    read_last_event=(
        "SELECT version, event_type, payload, created_at, event_id, metadata, lane FROM events"
        " WHERE aggregate_id = ? ORDER BY version DESC LIMIT 1"
    ),
    read_head="SELECT head, fence FROM events WHERE aggregate_id = ? LIMIT 1",
    mark=(
        "UPDATE events SET lane = ?, seq = ? WHERE aggregate_id = ? AND version = ?"
        " IF lane = null AND head = ? AND fence = ?"
    ),
)

_STREAMS_AT_ONCE = 500
_PAGE_SECONDS = 60.0
_ATTEMPT_SECONDS = 10.0


class CassandraBackfill:
    """Not in a hurry: one try of one of its requests may take `_ATTEMPT_SECONDS`."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests.within(_ATTEMPT_SECONDS)
        self._log = IntentLog(self._requests)

    def run(self) -> Iterator[tuple[int, int]]:
        """How many streams have been looked at and how many of them backfilled, again and again.

        Raises StoreUnavailable; then it can be run again.
        """
        looked_at = backfilled = 0
        last: str | None = None
        try:
            while True:
                deadline = Deadline.after(_PAGE_SECONDS)
                streams = self._streams(last, deadline)
                if not streams:
                    return
                backfilled += sum(
                    self._backfill(each, deadline) for each in self._old(streams, deadline)
                )
                looked_at += len(streams)
                last = streams[-1]
                yield looked_at, backfilled
        except RequestFailed as error:
            raise StoreUnavailable(f"cannot backfill the feed: {error.cause}") from error

    def close(self) -> None:
        """Say that the intent log is at its end."""
        self._log.close()

    def _streams(self, last: str | None, deadline: Deadline) -> list[str]:
        """The streams behind `last`, in the order of their tokens."""
        name, after = ("first_streams", ()) if last is None else ("more_streams", (last,))
        rows = self._requests.select_plain(deadline, name, *after, _STREAMS_AT_ONCE)
        return [row["aggregate_id"] for row in rows]

    def _old(self, streams: Sequence[str], deadline: Deadline) -> list[str]:
        """The streams whose last event belongs to no intent."""
        answers = self._requests.execute_all(
            (self._requests.bind(deadline, "read_last_event", each) for each in streams), deadline
        )
        return [
            stream
            for stream, rows in zip(streams, answers, strict=True)
            # A partition of static columns alone comes back as one row without a version.
            if rows and rows[0]["version"] is not None and rows[0]["lane"] is None
        ]

    def _backfill(self, stream: str, deadline: Deadline) -> bool:
        # As an append: first what has to be unchanged in the end. If the head has moved, an append
        # has come, and the sequencer brings along the events before that one.
        unchanged = self._requests.select(deadline, "read_head", stream)[0]
        condition = (unchanged["head"], unchanged["fence"])
        row = self._requests.select(deadline, "read_last_event", stream)[0]
        last = recorded(stream, row)
        intent = self._log.prepare(stream, last.version, [last.data], deadline)
        marked = self._requests.write(deadline, "mark", *intent, stream, last.version, *condition)
        # Nobody else writes this log's id, and a run comes to a stream once: if the event has the
        # id, this write has been applied by another node.
        is_marked = bool(marked["[applied]"]) or marked.get("lane") == intent.log
        self._log.acknowledge(intent, written=is_marked)
        return is_marked
