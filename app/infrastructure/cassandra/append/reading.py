"""Reads of streams, and of who owns a value. Implements the reading part of the event store's port.

All reads but one are SERIAL: they see, and if need be complete, the last conditional write. SERIAL
is for one partition at a time, so the versions of many streams are read without it.
"""

from collections.abc import Sequence
from random import sample
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports.errors import NoMajority, StoreOutOfReach, StoreUnavailable
from app.application.ports.event_store import Claim, RecordedEvent
from app.infrastructure.cassandra.append.claims import CassandraClaims
from app.infrastructure.cassandra.append.heads import last_version
from app.infrastructure.cassandra.append.retrying import CountedRetries
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.rows import recorded
from app.infrastructure.cassandra.session import Row
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    read=(
        "SELECT version, event_type, payload, created_at, event_id, metadata FROM events"
        " WHERE aggregate_id = ? AND version > ? AND version <= ?"
    ),
    read_ids="SELECT version, event_id FROM events WHERE aggregate_id = ?",
    read_heads="SELECT DISTINCT aggregate_id, head FROM events WHERE aggregate_id IN ?",
    ping="SELECT head FROM events WHERE aggregate_id = ? LIMIT 1",
)

_LAST_VERSION = 2**31 - 1

_PINGED = [f"ping-{number}" for number in range(16)]
"""Streams that nobody has. They are few, as Cassandra remembers each partition that was read so for
some hours."""
_MAX_PINGS = 3
_PING_FAILED = {
    "no-host": StoreOutOfReach,
    "connection": StoreOutOfReach,
    "unavailable": NoMajority,
}


class StreamReader:
    """Every call but `ping` is tried again until its deadline; in the end StoreUnavailable."""

    def __init__(
        self, requests: Requests, claims: CassandraClaims, retries: CountedRetries
    ) -> None:
        self._requests = requests
        self._claims = claims
        self._retries = retries

    def read(
        self, stream: str, deadline: Deadline, after: int, through_version: int | None
    ) -> list[RecordedEvent]:
        """See `EventStore.read`."""
        last = _LAST_VERSION if through_version is None else min(through_version, _LAST_VERSION)
        rows = self._rows(deadline, "read", stream, min(after, _LAST_VERSION), last)
        return [recorded(stream, row) for row in rows]

    def read_together(
        self, streams: Sequence[str], deadline: Deadline
    ) -> list[list[RecordedEvent]]:
        """See `EventStore.read_together`. Each is asked for before the first has answered."""
        values = [(stream, 0, _LAST_VERSION) for stream in streams]
        answers = self._retries.reading(
            deadline, lambda: self._requests.select_each(deadline, "read", values)
        )
        return [
            [recorded(stream, row) for row in rows]
            for stream, rows in zip(streams, answers, strict=True)
        ]

    def locate(self, stream: str, event_id: UUID, deadline: Deadline) -> int | None:
        """See `EventStore.locate`."""
        rows = self._rows(deadline, "read_ids", stream)
        return next((row["version"] for row in rows if row["event_id"] == event_id), None)

    def versions(self, streams: Sequence[str], deadline: Deadline) -> dict[str, int]:
        """See `EventStore.versions`."""
        return self._retries.reading(deadline, lambda: self._versions(streams, deadline))

    def owner(self, claim: Claim, deadline: Deadline) -> str | None:
        """See `EventStore.owner`."""
        return self._retries.reading(deadline, lambda: self._claims.owner(claim, deadline))

    def ping(self, deadline: Deadline) -> None:
        """See `EventStore.ping`. A majority has to answer for one of a few partitions: others may
        have lost theirs."""
        for key in sample(_PINGED, _MAX_PINGS):
            try:
                self._requests.select(deadline, "ping", key)
            except RequestFailed as error:
                failed = error
                if deadline.expired:
                    break
            else:
                return
        kind = _PING_FAILED.get(failed.cause, StoreUnavailable)
        raise kind(f"no sign of life: {failed.cause}") from failed

    def _versions(self, streams: Sequence[str], deadline: Deadline) -> dict[str, int]:
        heads = self._requests.select_plain(deadline, "read_heads", list(streams))
        # Without a head it is one of the original registry, or no more than a fence.
        versions = {
            row["aggregate_id"]: row["head"]
            or last_version(self._requests, row["aggregate_id"], deadline)
            for row in heads
        }
        return {stream: version for stream, version in versions.items() if version}

    def _rows(self, deadline: Deadline, name: str, *values: object) -> list[Row]:
        return self._retries.reading(
            deadline, lambda: self._requests.select(deadline, name, *values)
        )
