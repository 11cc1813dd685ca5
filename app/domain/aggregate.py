"""The consistency boundary: decides on a command from its past, and records what follows.

An aggregate is its events folded into a state. `replay` folds what is stored; a method that
carries out a command calls `record` for each new event; the repository collects them.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, Self, TypeVar

State = TypeVar("State")
Event = TypeVar("Event")


class AggregateRoot(ABC, Generic[State, Event]):
    """An entity with a stream of its own. Subclasses say how an event changes the state.

    `version` counts the stored events (0: nothing is stored) and `stored_state` is what they
    make; `state` includes the recorded ones.
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
        """The state after `event`. Pure: no clock, no I/O, and it never refuses what happened."""

    @classmethod
    def replay(
        cls,
        identity: str,
        events: Iterable[Event],
        version: int = 0,
        state: State | None = None,
    ) -> Self:
        """The aggregate as its stored events, oldest first, have made it: all of them, or those
        after `version`, which had left it in `state`."""
        aggregate = cls(identity)
        for event in events:
            state = cls.evolve(state, event)
            version += 1
        aggregate.version = version
        aggregate.stored_state = aggregate.state = state
        return aggregate

    def record(self, event: Event) -> None:
        """Take in a new event; it counts as stored once the repository has appended it."""
        self.state = self.evolve(self.state, event)
        self._recorded.append(event)

    @property
    def recorded(self) -> tuple[Event, ...]:
        """The events recorded since the aggregate was loaded, oldest first."""
        return tuple(self._recorded)
