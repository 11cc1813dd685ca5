"""The one order of all events of all streams, and which feed it is."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from app.application.deadline import Deadline
from app.application.ports.event_store import RecordedEvent


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event and its position in the feed. Positions are 1, 2, 3 … without a hole, and an event
    keeps the one it has. Within a stream they ascend with the version."""

    position: int
    event: RecordedEvent


@dataclass(frozen=True, slots=True)
class FeedStanding:
    """Which feed this is, and its last position; 0 if none was given.

    `feed` is a UUID as text. A position means something in the feed of one id only: a restore from
    a backup takes positions back and gives them to other events, and so has to give a new id.
    """

    feed: str
    head: int


class FeedLag(NamedTuple):
    """What was appended and has no position yet.

    `intent_logs` counts the writers that are known, dead ones included; `waiting` the appends that
    wait for a position, those in doubt included; `oldest_seconds` is how long the first of them has
    waited, by the clocks of its writer and of whoever measures, and 0 if none waits.
    """

    intent_logs: int
    waiting: int
    oldest_seconds: float


NOTHING_WAITS = FeedLag(0, 0, 0.0)
"""Where an event gets its position in the very transaction that appends it."""


class Period(NamedTuple):
    """The earliest and the latest moment of some events, UTC."""

    first: datetime
    last: datetime


class FeedRenewed(Exception):
    """The reader names another feed than this one, or the feed got a new id meanwhile."""

    def __init__(self, now: FeedStanding) -> None:
        super().__init__("the feed has another id")
        self.now = now


class BeyondHead(Exception):
    """The reader has a position that the feed has not given yet."""

    def __init__(self, now: FeedStanding) -> None:
        super().__init__(f"the feed ends at {now.head}")
        self.now = now


class Feed(Protocol):
    """All events of all streams in one order. Every call ends by its deadline."""

    def read(self, after: int, limit: int, deadline: Deadline) -> list[FeedEvent]:
        """The events at positions after + 1, after + 2 …, as far as there are and at most `limit`.

        What one reader has seen every later reader sees, at the same position.
        Raises StoreUnavailable.
        """
        ...

    def head(self, deadline: Deadline) -> int:
        """The last position that was given; 0 if none was. Raises StoreUnavailable."""
        ...

    def period(self, after: int, through: int, deadline: Deadline) -> Period | None:
        """When the events at positions after + 1 … through were recorded; None if there are none.

        The events themselves stay in the store. Their moments follow no order. Raises
        StoreUnavailable.
        """
        ...

    def identity(self, deadline: Deadline) -> str:
        """The feed's id, or the one that it had `IDENTITY_SECONDS` ago. Raises StoreUnavailable."""
        ...

    def standing(self, deadline: Deadline) -> FeedStanding:
        """The feed's id and its head. Raises StoreUnavailable."""
        ...

    def renew(self, deadline: Deadline) -> str:
        """Give the feed a new id, and return it: positions of before count no longer. Raises
        StoreUnavailable or OutcomeUnknown."""
        ...


IDENTITY_SECONDS = 1.0
"""For so long a process goes on with the id that it has read. A renewal is noticed that much later:
until then readers get the former id, which is refused afterwards like any other former one."""


class StepResult(enum.Enum):
    """What came of a sequencer's step."""

    WORKED = "worked"
    """Events got positions; there may be more."""
    IDLE = "idle"
    """There is nothing to do."""
    STANDING_BY = "standing by"
    """Another process is moving the feed."""


class Sequencer(Protocol):
    """Gives events their positions in the feed, where appending them does not."""

    def step(self, deadline: Deadline) -> StepResult:
        """Give positions to some of the appended events. Any number of processes may. Raises
        StoreUnavailable."""
        ...
