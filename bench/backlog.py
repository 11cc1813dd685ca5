"""Beside the way of the data: what is committed on Cassandra and waits for its place in the feed.

The writers' part is done here as `CassandraEventStore` does it, but not each append by itself, with
its conditional write: that would take ten times as long as what is measured.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from types import TracebackType

from cassandra.query import BoundStatement

from app.application.deadline import Deadline
from app.application.feed import Round
from app.application.ports import EventData
from app.bootstrap import cassandra_contact
from app.infrastructure import (
    cassandra_feed,
    cassandra_sequencer,
    cassandra_store,
    cassandra_views,
)
from app.infrastructure.cassandra_lanes import Lane, RecordId
from app.infrastructure.cassandra_sequencer import CassandraSequencer
from app.infrastructure.cassandra_session import CassandraSession
from app.infrastructure.clock import to_milliseconds
from bench.carriers import recorded
from config.settings import Settings

LANES = 2
"""One a process that writes: as many as `make run` has workers."""

_STATEMENTS = (
    cassandra_store.STATEMENTS | cassandra_sequencer.STATEMENTS | cassandra_views.STATEMENTS
)
_AT_ONCE = 500
_THREADS = 64
_SECONDS = 10.0


class Site:
    """A keyspace, and one session to it."""

    def __init__(self, settings: Settings) -> None:
        contact = cassandra_contact(settings)
        self.serial = contact.serial_consistency
        self.session = CassandraSession(contact, settings.cassandra_keyspace, _STATEMENTS)
        self.feed = cassandra_feed.CassandraFeed(self.session)
        self._numbers = count()
        self._threads = ThreadPoolExecutor(_THREADS)

    def __enter__(self) -> "Site":
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._threads.shutdown()
        self.session.close()

    def add_backlog(self, events: int) -> None:
        """Commits of one event each, all announced and concluded, by writers that have ended."""
        lanes = [Lane(self.session, self.serial, _SECONDS) for _ in range(LANES)]
        for start in range(0, events, _AT_ONCE):
            lane = lanes[start // _AT_ONCE % LANES]
            new = [_registered(next(self._numbers)) for _ in range(min(_AT_ONCE, events - start))]
            records = list(self._threads.map(lambda each, lane=lane: _announced(lane, *each), new))
            rows = [self._row(*each, record) for each, record in zip(new, records, strict=True)]
            self.session.execute_all(rows, _soon(), _SECONDS)
            for record in records:
                lane.conclude(record, written=True)
        for lane in lanes:
            lane.close()

    def sequence(self) -> float:
        """Bring all of the backlog into the feed; events per second."""
        sequencer = CassandraSequencer(self.session, self.serial)
        before = self.feed.head(_soon())
        started = time.monotonic()
        while sequencer.step(_soon()) is Round.WORKED:
            pass
        seconds = time.monotonic() - started
        return (self.feed.head(_soon()) - before) / seconds

    def _row(self, stream: str, event: EventData, record: RecordId) -> BoundStatement:
        return self.session.prepared("insert", _soon()).bind(
            (
                stream,
                1,
                event.event_type,
                event.payload,
                to_milliseconds(event.created_at),
                event.event_id,
                event.metadata,
                *record,
            )
        )


def _registered(number: int) -> tuple[str, EventData]:
    stream, events = recorded(number)
    return stream, events[0]


def _announced(lane: Lane, stream: str, event: EventData) -> RecordId:
    return lane.announce(stream, 1, [event], _soon())


def _soon() -> Deadline:
    return Deadline.after(_SECONDS)
