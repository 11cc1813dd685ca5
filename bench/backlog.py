"""Beside the way of the data: what is committed on Cassandra and waits for its place in the feed.

The writers' part is done here as `CassandraEventStore` does it, but not each append by itself, with
its conditional write: that would take ten times as long as what is measured.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from types import TracebackType

from cassandra.query import BoundStatement

import app.infrastructure.cassandra.append.event_store  # noqa: F401 - registers its statements
from app.application.deadline import Deadline
from app.application.ports.event_store import EventData
from app.application.ports.feed import StepResult
from app.bootstrap import cassandra_contact
from app.infrastructure.cassandra.append.intent_log import IntentId, IntentLog
from app.infrastructure.cassandra.feed.reader import CassandraFeed
from app.infrastructure.cassandra.feed.sequencer import CassandraSequencer
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession
from app.infrastructure.clock import to_milliseconds
from bench.carriers import recorded
from config.settings import Settings

LOGS = 2
"""Intent logs, one for each process that writes: as many as `make run` has workers."""

_AT_ONCE = 500
_THREADS = 64
_SECONDS = 10.0


class Site:
    """A keyspace, and one session to it."""

    def __init__(self, settings: Settings) -> None:
        contact = cassandra_contact(settings)
        session = CassandraSession(contact, settings.cassandra_keyspace)
        self.requests = Requests(session, contact.serial_consistency)
        self.feed = CassandraFeed(self.requests)
        self._numbers = count()
        self._threads = ThreadPoolExecutor(_THREADS)

    def __enter__(self) -> "Site":
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._threads.shutdown()
        self.requests.close()

    def add_backlog(self, events: int) -> None:
        """Commits of one event each, all prepared and acknowledged, by writers that have ended."""
        logs = [IntentLog(self.requests.within(_SECONDS)) for _ in range(LOGS)]
        for start in range(0, events, _AT_ONCE):
            log = logs[start // _AT_ONCE % LOGS]
            new = [_registered(next(self._numbers)) for _ in range(min(_AT_ONCE, events - start))]
            intents = list(self._threads.map(lambda each, log=log: _prepared(log, *each), new))
            rows = [self._row(*each, intent) for each, intent in zip(new, intents, strict=True)]
            self.requests.within(_SECONDS).execute_all(rows, _soon())
            for intent in intents:
                log.acknowledge(intent, written=True)
        for log in logs:
            log.close()

    def sequence(self) -> float:
        """Bring all of the backlog into the feed; events per second."""
        sequencer = CassandraSequencer(self.requests)
        before = self.feed.head(_soon())
        started = time.monotonic()
        while sequencer.step(_soon()) is StepResult.WORKED:
            pass
        seconds = time.monotonic() - started
        return (self.feed.head(_soon()) - before) / seconds

    def _row(self, stream: str, event: EventData, intent: IntentId) -> BoundStatement:
        return self.requests.bind(
            _soon(),
            "insert",
            stream,
            1,
            event.event_type,
            event.payload,
            to_milliseconds(event.created_at),
            event.event_id,
            event.metadata,
            *intent,
        )


def _registered(number: int) -> tuple[str, EventData]:
    stream, events = recorded(number)
    return stream, events[0]


def _prepared(log: IntentLog, stream: str, event: EventData) -> IntentId:
    return log.prepare(stream, 1, [event], _soon())


def _soon() -> Deadline:
    return Deadline.after(_SECONDS)
