"""The event store for production: conditional batches in each stream's own partition.

Implements `ports.event_store.EventStore`, each part of which stands in a module of its own:
`appending` has the steps of an append, `reading` reads, `noops` the no-op records. A commit whose
fate is unknown is sent again, identical, until it is known or the time is over.
"""

from collections.abc import Sequence
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import (
    NO_CLAIMS,
    Appended,
    Claim,
    Claims,
    EventData,
    ExpectedVersion,
    NoOp,
    RecordedEvent,
)
from app.application.ports.telemetry import Telemetry
from app.infrastructure.cassandra.append.appending import Append, Means
from app.infrastructure.cassandra.append.claims import CassandraClaims
from app.infrastructure.cassandra.append.commit import Commit
from app.infrastructure.cassandra.append.intent_log import IntentLog
from app.infrastructure.cassandra.append.noops import NoOpRecords
from app.infrastructure.cassandra.append.reading import StreamReader
from app.infrastructure.cassandra.append.retrying import CountedRetries
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.requests import Requests


class CassandraEventStore:
    """One for each process, which has one intent log. Each try of a request is bounded by
    `requests`, all of them by the caller's deadline."""

    def __init__(self, requests: Requests, telemetry: Telemetry) -> None:
        self._requests = requests
        self._retries = CountedRetries(telemetry)
        self._log = IntentLog(requests)
        claims = CassandraClaims(requests)
        self._means = Means(requests, claims, self._log)
        self._reader = StreamReader(requests, claims, self._retries)
        self._noops = NoOpRecords(requests, self._retries)

    def append(
        self,
        stream: str,
        expected: ExpectedVersion,
        events: Sequence[EventData],
        commit_id: UUID,
        deadline: Deadline,
        claims: Claims = NO_CLAIMS,
    ) -> Appended:
        """See `EventStore`."""
        append = Append(self._means, Commit(stream, expected, events, commit_id, claims), deadline)
        appended: Appended | None = None
        try:
            appended = self._retries.until(deadline, append.attempt)
        except RequestFailed as error:
            if append.is_uncertain:
                raise OutcomeUnknown(f"no answer in time: {error.cause}") from error
            raise StoreUnavailable(f"cannot append: {error.cause}") from error
        except StoreUnavailable as error:
            if append.is_uncertain:
                raise OutcomeUnknown("the connection was lost") from error
            raise
        finally:
            append.acknowledge(appended)
        return appended

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
    ) -> list[RecordedEvent]:
        """See `EventStore`."""
        return self._reader.read(stream, deadline, after, through_version)

    def read_together(
        self, streams: Sequence[str], deadline: Deadline
    ) -> list[list[RecordedEvent]]:
        """See `EventStore`."""
        return self._reader.read_together(streams, deadline)

    def locate(self, stream: str, event_id: UUID, deadline: Deadline) -> int | None:
        """See `EventStore`."""
        return self._reader.locate(stream, event_id, deadline)

    def versions(self, streams: Sequence[str], deadline: Deadline) -> dict[str, int]:
        """See `EventStore`."""
        return self._reader.versions(streams, deadline)

    def record_noop(self, stream: str, commit_id: UUID, noop: NoOp, deadline: Deadline) -> None:
        """See `EventStore`."""
        self._noops.record(stream, commit_id, noop, deadline)

    def recorded_noop(self, stream: str, commit_id: UUID, deadline: Deadline) -> NoOp | None:
        """See `EventStore`."""
        return self._noops.recorded(stream, commit_id, deadline)

    def owner(self, claim: Claim, deadline: Deadline) -> str | None:
        """See `EventStore`."""
        return self._reader.owner(claim, deadline)

    def ping(self, deadline: Deadline) -> None:
        """See `EventStore`."""
        self._reader.ping(deadline)

    def close(self) -> None:
        """See `EventStore`."""
        self._log.close()
        self._requests.close()
