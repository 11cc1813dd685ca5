"""The aggregate: the consistency boundary that decides on commands and records events.

An aggregate's state is the fold of its events. `replay` folds the stored events; a command's method
calls `record` for each new event; the repository appends the recorded events.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, Self, TypeVar

State = TypeVar("State")
Event = TypeVar("Event")


class AggregateRoot(ABC, Generic[State, Event]):
    """An entity with its own stream. A subclass defines how an event changes the state.

    `version` is the number of stored events, and `stored_state` their state; `state` also includes
    the recorded events.
    """

    def __init__(self, identity: str) -> None:
        self.id = identity
        self.version = 0
        self.stored_state: State | None = None
        self.state: State | None = None
        self._recorded: list[Event] = []

    @staticmethod
    @abstractmethod
    def evolve(state: State | None, event: Event) -> State:
        """The state after `event`. Pure: no clock, no I/O. It never refuses an event."""

    @classmethod
    def replay(
        cls,
        identity: str,
        events: Iterable[Event],
        version: int = 0,
        state: State | None = None,
    ) -> Self:
        """The aggregate after its stored `events`, oldest first: either all events, or those after
        `version`, where `state` is the state at that version."""
        aggregate = cls(identity)
        for event in events:
            state = cls.evolve(state, event)
            version += 1
        aggregate.version = version
        aggregate.stored_state = aggregate.state = state
        return aggregate

    def record(self, event: Event) -> None:
        """Apply a new event to the state, for the repository to append."""
        self.state = self.evolve(self.state, event)
        self._recorded.append(event)

    @property
    def recorded(self) -> tuple[Event, ...]:
        """The events recorded since the aggregate was loaded, oldest first."""
        return tuple(self._recorded)
