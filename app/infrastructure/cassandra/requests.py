"""Requests to Cassandra at one consistency: what every store, reader and writer here is given.

Between the parts that know tables and `session`, which knows the driver's connections.
"""

from collections.abc import Callable, Iterable, Sequence

from cassandra.query import BatchStatement, BatchType, BoundStatement, Statement

from app.application.deadline import Deadline
from app.infrastructure.cassandra.session import CassandraSession, Row

ATTEMPT_SECONDS = 2.0
"""One try's share of the budget: an answer lost on the way must leave time to ask again."""

Write = tuple[str, Sequence[object]]
"""A statement's name and its values, for a batch."""


class Requests:
    """Prepared statements by name over one session, each a single try, which may ask more than one
    node: see `hedging`.

    `serial_consistency` is the one at which conditional writes are decided, and at which `select`
    reads; all others go at the session's own consistency. One try takes `attempt_seconds` at most,
    and no longer than its deadline. Whatever sends a request raises what `CassandraSession.execute`
    does: RequestFailed, or StoreUnavailable without a connection.
    """

    def __init__(
        self,
        session: CassandraSession,
        serial_consistency: int,
        attempt_seconds: float = ATTEMPT_SECONDS,
    ) -> None:
        self._session = session
        self._serial = serial_consistency
        self._attempt_seconds = attempt_seconds

    def within(self, attempt_seconds: float) -> "Requests":
        """The same requests with another limit for one try."""
        return Requests(self._session, self._serial, attempt_seconds)

    def select(self, deadline: Deadline, name: str, *values: object) -> list[Row]:
        """All rows, read SERIAL: the read sees, and if need be completes, the last conditional
        write."""
        return self.execute(self._serially(deadline, name, *values), deadline)

    def select_each(
        self, deadline: Deadline, name: str, values: Iterable[Sequence[object]]
    ) -> list[list[Row]]:
        """The same for each of these values, at the same time: all rows of each, in their order."""
        statements = [self._serially(deadline, name, *each) for each in values]
        return self.execute_all(statements, deadline)

    def select_plain(self, deadline: Deadline, name: str, *values: object) -> list[Row]:
        """All rows, without a round of Paxos: the read sees every write that was acknowledged, and
        perhaps not a conditional one that is still under way."""
        return self.execute(self.bind(deadline, name, *values), deadline)

    def write(self, deadline: Deadline, name: str, *values: object) -> Row:
        """The answer of a conditional write: `[applied]`, and if not, what stood in its way. That
        may be this very write, applied by another node: the values have to tell."""
        return self.send_write(deadline, name, *values)()

    def send_write(self, deadline: Deadline, name: str, *values: object) -> Callable[[], Row]:
        """The same in two steps: send, without waiting; what is returned waits for the answer.
        Either may raise."""
        statement = self.bind(deadline, name, *values)
        statement.serial_consistency_level = self._serial
        rows = self._session.send(statement, deadline, self._attempt_seconds)
        return lambda: rows()[0]

    def write_batch(self, deadline: Deadline, writes: Iterable[Write]) -> Row:
        """The same for a conditional batch on one partition, which is applied as a whole or not at
        all. Where it has several conditions a rejection may come as several rows: this is the
        first, and the static columns are in each."""
        return self.execute(self.batch(deadline, writes), deadline)[0]

    def batch(self, deadline: Deadline, writes: Iterable[Write]) -> BatchStatement:
        """A conditional batch on one partition, to be executed. Raises StoreUnavailable."""
        return self._filled(BatchStatement(serial_consistency_level=self._serial), deadline, writes)

    def plain_batch(self, deadline: Deadline, writes: Iterable[Write]) -> BatchStatement:
        """Unconditional writes to one partition, to be executed together: one write for the
        server. Raises StoreUnavailable."""
        return self._filled(BatchStatement(BatchType.UNLOGGED), deadline, writes)

    def bind(self, deadline: Deadline, name: str, *values: object) -> BoundStatement:
        """The statement with its values, to be executed. Raises StoreUnavailable."""
        statement = self._session.prepared(name, deadline).bind(values)
        statement.is_idempotent = True
        return statement

    def execute(self, statement: Statement, deadline: Deadline) -> list[Row]:
        """Send it and give all rows of the answer."""
        return self._session.execute(statement, deadline, self._attempt_seconds)

    def execute_all(self, statements: Iterable[Statement], deadline: Deadline) -> list[list[Row]]:
        """Send statements that do not depend on each other, several at a time, and give all rows of
        each in the order of the statements; see `CassandraSession.execute_all`."""
        return self._session.execute_all(statements, deadline, self._attempt_seconds)

    def close(self) -> None:
        """Close the session."""
        self._session.close()

    def _serially(self, deadline: Deadline, name: str, *values: object) -> BoundStatement:
        statement = self.bind(deadline, name, *values)
        statement.consistency_level = self._serial
        return statement

    def _filled(
        self, batch: BatchStatement, deadline: Deadline, writes: Iterable[Write]
    ) -> BatchStatement:
        batch.is_idempotent = True
        for name, values in writes:
            batch.add(self._session.prepared(name, deadline), values)
        return batch
