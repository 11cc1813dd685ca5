"""Between the Cassandra store and its session: holds up, loses or ends chosen requests, by name.

A finer knife than the fault proxy: it knows which statement is about to be sent.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future

from cassandra.query import BatchStatement, BatchType, PreparedStatement, Statement

from app.application.deadline import Deadline
from app.infrastructure.cassandra.append.event_store import CassandraEventStore
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Row
from app.infrastructure.cassandra.statements import STATEMENTS
from tests.support.stores import CountingTelemetry

APPEND = "append"

Send = Callable[[], list[Row]]
Around = Callable[[str, Send], list[Row]]
"""Is given a request's name and what sends it; returns what the store is to see as the answer."""


def name_of(statement: Statement) -> str:
    """The statement's name in STATEMENTS; APPEND for a batch with conditions, the feed's too."""
    if isinstance(statement, BatchStatement):
        return APPEND if statement.batch_type == BatchType.LOGGED else "prepare"
    cql = statement.prepared_statement.query_string
    return next(name for name, each in STATEMENTS.items() if each == cql)


class InterruptedSession(CassandraSession):
    """Wraps a session that others use too."""

    def __init__(self, session: CassandraSession, around: Around) -> None:
        self._inner = session
        self._around = around

    def prepared(self, name: str, deadline: Deadline) -> PreparedStatement:
        """See `CassandraSession`."""
        return self._inner.prepared(name, deadline)

    def execute(self, statement: Statement, deadline: Deadline, seconds: float) -> list[Row]:
        """See `CassandraSession`."""
        return self._around(
            name_of(statement), lambda: self._inner.execute(statement, deadline, seconds)
        )

    def send(
        self, statement: Statement, deadline: Deadline, seconds: float
    ) -> Callable[[], list[Row]]:
        """See `CassandraSession`. What holds the request up does not hold up its sender."""
        sent: Future[list[Row]] = Future()

        def run() -> None:
            try:
                sent.set_result(self.execute(statement, deadline, seconds))
            except Exception as error:  # noqa: BLE001 - the sender's to know
                sent.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return sent.result

    def execute_all(
        self,
        statements: Iterable[Statement],
        deadline: Deadline,
        seconds: float,
        concurrency: int = 32,
    ) -> list[list[Row]]:
        """See `CassandraSession`. Reads alone are sent so: nothing holds them up."""
        return self._inner.execute_all(statements, deadline, seconds, concurrency)

    def close(self) -> None:
        """The session that it wraps stays open."""


class Stop:
    """Holds up the first request of this name, until `go_on`; with `is_after` its answer."""

    def __init__(self, name: str, *, is_after: bool = False) -> None:
        self._name = name
        self._is_after = is_after
        self._reached = threading.Event()
        self._going_on = threading.Event()

    def __call__(self, name: str, send: Send) -> list[Row]:
        if name != self._name or self._reached.is_set():
            return send()
        rows = send() if self._is_after else []
        self._reached.set()
        assert self._going_on.wait(30), f"nobody let {name} go on"
        return rows if self._is_after else send()

    def wait_reached(self) -> None:
        """Return once the request, or its answer, is being held up."""
        assert self._reached.wait(30), f"{self._name} was never sent"

    def go_on(self) -> None:
        """Let it be sent."""
        self._going_on.set()


def interrupted_store(
    session: CassandraSession, serial_consistency: int, around: Around
) -> CassandraEventStore:
    """A store whose every request passes `around`."""
    requests = Requests(InterruptedSession(session, around), serial_consistency)
    return CassandraEventStore(requests, CountingTelemetry())
