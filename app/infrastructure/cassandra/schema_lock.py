"""One run of the migrations at a time, by a lock in Cassandra.

No node's clock decides about the lock, as it would about a row that expires: nodes whose clocks
are apart do not agree whether the row is there. The holder changes the mark that it has left with
every renewal. A run that waits takes the lock over from a mark that has stayed the same for
LOCK_SECONDS of the waiting run's own monotonic clock.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

from cassandra.cluster import Session

from app.application.deadline import Deadline
from app.application.ports.errors import SchemaError

LOCK_SECONDS = 60
LOCK_WAIT_SECONDS = 180
_POLL_SECONDS = 0.2

TABLE = "schema_lock"
COLUMNS = "(name text PRIMARY KEY, owner uuid)"
_TAKE = "INSERT INTO schema_lock (name, owner) VALUES ('schema', %s) IF NOT EXISTS"
_CHANGE = "UPDATE schema_lock SET owner = %s WHERE name = 'schema' IF owner = %s"
_FREE = "DELETE FROM schema_lock WHERE name = 'schema' IF owner = %s"


@contextmanager
def schema_lock(session: Session, say: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Hold the lock of the session's keyspace. Gives a function that renews it.

    Both raise SchemaError: this one if another run keeps the lock for LOCK_WAIT_SECONDS, the
    function if another run has taken it over.
    """
    mark = _take(session, say)

    def renew() -> None:
        nonlocal mark
        following = uuid4()
        if not session.execute(_CHANGE, (following, mark)).was_applied:
            raise SchemaError("This run was paused for too long and lost its lock; run it again.")
        mark = following

    try:
        yield renew
    finally:
        session.execute(_FREE, (mark,))


def _take(session: Session, say: Callable[[str], None]) -> UUID:
    mark = uuid4()
    latest = Deadline.after(LOCK_WAIT_SECONDS)
    found, stale = None, Deadline.after(LOCK_SECONDS)
    while not (row := session.execute(_TAKE, (mark,)).one())["[applied]"]:
        if found is None:
            say("another run holds the schema's lock; waiting for it")
        if row["owner"] != found:
            found, stale = row["owner"], Deadline.after(LOCK_SECONDS)
        elif stale.expired and session.execute(_CHANGE, (mark, found)).was_applied:
            break
        if latest.expired:
            raise SchemaError("Another run keeps the schema's lock; try again when it has ended.")
        time.sleep(_POLL_SECONDS)
    return mark
