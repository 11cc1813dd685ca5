"""The heads of streams: the static column that conditional writes to a stream rest on.

A stream that was written before heads were kept, by the original registry, is given its head by
the first write that meets it without one.
"""

from app.application.deadline import Deadline
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    read_last="SELECT version FROM events WHERE aggregate_id = ? ORDER BY version DESC LIMIT 1",
    backfill_head="UPDATE events SET head = ? WHERE aggregate_id = ? IF head = null",
)


def last_version(requests: Requests, stream: str, deadline: Deadline) -> int | None:
    """The version of the stream's last row; None if there is no such stream. Raises what `Requests`
    raises."""
    rows = requests.select(deadline, "read_last", stream)
    # A partition of static columns alone comes back as one row without a version.
    version: int | None = rows[0]["version"] if rows else None
    return version


def backfill_head(requests: Requests, stream: str, deadline: Deadline) -> int | None:
    """Give the stream the head that it should have; None if there is no such stream. Raises what
    `Requests` raises."""
    version = last_version(requests, stream, deadline)
    if version is not None:
        # Another writer that does the same meanwhile has read the same last version or has
        # appended since; either way the head is set, and the next try meets it.
        requests.write(deadline, "backfill_head", version, stream)
    return version
