"""The aggregate: the consistency boundary that decides on commands and records events.

An aggregate's state is the fold of its events. `replay` folds the stored events; a command's method
calls `record` for each new event; the repository appends the recorded events.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar


class AggregateState(Protocol):
    """What is known of an aggregate after its events; `state` says in a word what it is."""

    @property
    def state(self) -> str:
        """In a word, such as `active`."""
        ...

    def as_json(self) -> dict[str, Any]:
        """The fields as the API shows them, by their names there."""
        ...

    @property
    def unique_values(self) -> frozenset[tuple[str, str]]:
        """Scope and value of what no other stream may have meanwhile."""
        ...


State = TypeVar("State", bound=AggregateState)


@dataclass(frozen=True, slots=True)
class Event(ABC, Generic[State]):
    """What has happened to an aggregate. Past tense, primitive fields, never changed once written.

    The class's name is the type under which an event is stored; `schema_version` is stored with
    it. Whoever changes the fields raises the version and adds an upcaster to
    `infrastructure/codec.py`.
    """

    schema_version = 1

    @abstractmethod
    def apply(self, state: State) -> State:
        """The state after the event. Pure, and it never refuses what happened."""


Recorded = TypeVar("Recorded", bound=Event[Any])


class AggregateRoot(ABC, Generic[State, Recorded]):
    """An entity with its own stream. A subclass defines how an event changes the state.

    `noun` is what people call the entity.

    `version` is the number of stored events, and `stored_state` their state; `state` also includes
    the recorded events.
    """

    noun: ClassVar[str]

    def __init__(self, identity: str) -> None:
        self.id = identity
        self.version = 0
        self.stored_state: State | None = self.initial()
        self.state: State | None = self.stored_state
        self._recorded: list[Recorded] = []

    @classmethod
    def initial(cls) -> State | None:
        """The state before any event; None if there is no such entity before its first event."""
        return None

    @staticmethod
    @abstractmethod
    def evolve(state: State | None, event: Recorded) -> State:
        """The state after `event`. Pure: no clock, no I/O. It never refuses an event."""

    @abstractmethod
    def carry_out(self, command: Any, now: datetime) -> None:  # noqa: ANN401 - one of its commands
        """Record the events that the command leads to at that moment, UTC. A command that would
        change nothing records nothing. Raises DomainError."""

    @classmethod
    def replay(
        cls,
        identity: str,
        events: Iterable[Recorded],
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
        if version:
            aggregate.stored_state = aggregate.state = state
        return aggregate

    def record(self, event: Recorded) -> None:
        """Apply a new event to the state, for the repository to append."""
        self.state = self.evolve(self.state, event)
        self._recorded.append(event)

    @property
    def recorded(self) -> tuple[Recorded, ...]:
        """The events recorded since the aggregate was loaded, oldest first."""
        return tuple(self._recorded)
