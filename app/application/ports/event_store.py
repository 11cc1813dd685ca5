"""Streams of events, appended to under a version check, with claims on unique values."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports.errors import StoreError


class NoStream(enum.Enum):
    """The type of `NO_STREAM`, so that no bare None can be taken for an expected version."""

    NO_STREAM = "no stream"


NO_STREAM: Final = NoStream.NO_STREAM
"""Expect that the stream does not exist yet."""

ExpectedVersion = int | NoStream


@dataclass(frozen=True, slots=True)
class EventData:
    """An event to be appended. `payload` and `metadata` are JSON texts; `created_at` is UTC.

    `event_id` follows from the commit and the event's place in it, so that the same commit
    sent twice carries the same ids.
    """

    event_id: UUID
    event_type: str
    payload: str
    metadata: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as a store gives it back: its place in its stream, and what was appended."""

    stream: str
    version: int
    data: EventData


@dataclass(frozen=True, slots=True)
class Appended:
    """`version` of the stream after the commit; `already_applied`: it had been written before."""

    version: int
    already_applied: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A value that one stream at a time may own within its scope, such as an e-mail address."""

    scope: str
    value: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a commit takes and frees, together with its events or not at all."""

    taken: tuple[Claim, ...] = ()
    freed: tuple[Claim, ...] = ()


NO_CLAIMS: Final = Claims()


@dataclass(frozen=True, slots=True)
class NoOp:
    """That a commit left a stream at `version` without an event; `text` is the caller's own."""

    version: int
    text: str


class VersionConflict(StoreError):
    """`actual` is the version that the stream has, `NO_STREAM` if it does not exist."""

    def __init__(self, stream: str, expected: ExpectedVersion, actual: ExpectedVersion) -> None:
        super().__init__(f"stream {stream} is at {actual}, expected {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class AlreadyClaimed(StoreError):
    """`owner` is the stream that has the value. The message leaves the value out: it may name
    a person."""

    def __init__(self, claim: Claim, owner: str) -> None:
        super().__init__(f"the {claim.scope} is claimed by stream {owner}")
        self.claim = claim
        self.owner = owner


class EventStore(Protocol):
    """Appends to and reads from streams of events. Every call ends by its deadline."""

    def append(
        self,
        stream: str,
        expected: ExpectedVersion,
        events: Sequence[EventData],
        commit_id: UUID,
        deadline: Deadline,
        claims: Claims = NO_CLAIMS,
    ) -> Appended:
        """Append all events, or none, as versions expected + 1 … of the stream.

        The claims are taken and freed with the events; to take what the stream already owns, or
        to free what it does not, changes nothing.
        A commit that is already applied writes nothing and answers as the first time did.
        Raises VersionConflict, AlreadyClaimed, StoreUnavailable or OutcomeUnknown, and no other.
        """
        ...

    def locate(self, stream: str, event_id: UUID, deadline: Deadline) -> int | None:
        """The version of the stream's event with this id; None if it has none.

        Sees whatever an earlier `read` saw. Raises StoreUnavailable.
        """
        ...

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
    ) -> list[RecordedEvent]:
        """The events with after < version <= through_version in order; none for an unknown stream.

        Whatever was acknowledged before the call is in the answer. Raises StoreUnavailable.
        """
        ...

    def read_together(
        self, streams: Sequence[str], deadline: Deadline
    ) -> list[list[RecordedEvent]]:
        """All events of each of a few streams, in the order of the streams; none for an unknown
        one. It promises of each what `read` does, and takes hardly longer than one of them. Raises
        StoreUnavailable."""
        ...

    def versions(self, streams: Sequence[str], deadline: Deadline) -> dict[str, int]:
        """The version that each of these streams is at, of those that have begun; 1,000 at most.

        Whatever was acknowledged before the call is in the answer; an append that is still under
        way, though an earlier `read` saw it, may not be. Raises StoreUnavailable.
        """
        ...

    def record_noop(self, stream: str, commit_id: UUID, noop: NoOp, deadline: Deadline) -> None:
        """Record that the commit was a no-op, unless that is recorded already.

        Raises VersionConflict if the stream is not at the no-op's version, StoreUnavailable or
        OutcomeUnknown.
        """
        ...

    def recorded_noop(self, stream: str, commit_id: UUID, deadline: Deadline) -> NoOp | None:
        """The no-op record of this commit. Sees whatever an earlier `read` saw. Raises
        StoreUnavailable."""
        ...

    def owner(self, claim: Claim, deadline: Deadline) -> str | None:
        """The stream that has the value; None if nobody has. Raises StoreUnavailable."""
        ...

    def ping(self, deadline: Deadline) -> None:
        """Ask the store for what commands need of it. Raises StoreUnavailable; StoreOutOfReach or
        NoMajority if it is known whether others fare better."""
        ...

    def close(self) -> None:
        """Give back connections and files."""
        ...
