"""What a repository tells of an aggregate: how it is or was, what happened to it, that it is not
there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic
from uuid import UUID

from app.application.ports.event_store import RecordedEvent
from app.domain.aggregate import Recorded, State


class AggregateNotFound(Exception):
    """There is no such carrier, or not as it was asked for; `sentence` says which. `noun` is of
    what was asked for."""

    def __init__(self, noun: str, stream: str, sentence: str = "") -> None:
        self.noun = noun
        self.sentence = sentence or f"There is no {noun} with this id"
        super().__init__(f"{self.sentence}: {stream}")


@dataclass(frozen=True, slots=True)
class Shown(Generic[State]):
    """An aggregate as its stream tells it at `version`. `began_at` is the moment of its first
    event, `changed_at` that of its last one up to there; UTC, and None without an event."""

    id: str
    version: int
    state: State
    began_at: datetime | None
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DatedEvent(Generic[Recorded]):
    """An event of a stream with where and when it was recorded. A store may make an event's id and
    moment only when they are asked for, so they are passed on as they are."""

    recorded: RecordedEvent
    event: Recorded

    @property
    def version(self) -> int:
        """Its place in its stream, from 1."""
        return self.recorded.version

    @property
    def event_id(self) -> UUID:
        """See `EventData`."""
        return self.recorded.data.event_id

    @property
    def event_type(self) -> str:
        """The type under which it is stored."""
        return self.recorded.data.event_type

    @property
    def at(self) -> datetime:
        """When it was recorded, UTC."""
        return self.recorded.data.created_at


@dataclass(frozen=True, slots=True)
class Committed(Generic[State]):
    """A commit that was carried out: the version and state that it left the stream in."""

    version: int
    state: State
    fingerprint: str | None
