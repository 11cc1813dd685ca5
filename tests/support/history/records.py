"""The records that a history is made of. Times are seconds of one monotonic clock, the client's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

DONE, REFUSED, NOT_STARTED, UNKNOWN = "done", "refused", "not-started", "unknown"
"""How an attempt ended for the client: carried out; refused for a reason; nothing was done; and no
answer, or one that says that nobody knows."""

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Event:
    """An event as a client was shown it. `command` is the X-Request-ID of the request that it came
    from; `position` is its place in the feed, 0 where that was not told."""

    carrier: str
    version: int
    event_id: str
    type: str
    command: str
    commit: str
    data: Mapping[str, Any]
    position: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt of a command. Attempts of one `command` are sent with the same Idempotency-Key.

    `carrier` is empty for a registration without an answer. `reason` names a refusal; `version` and
    `state` are what the answer says of the carrier, 0 and empty if it says nothing.
    """

    process: str
    begin: float
    end: float
    command: str
    name: str
    body: Mapping[str, Any]
    outcome: str
    carrier: str = ""
    if_match: int | None = None
    is_dry_run: bool = False
    reason: str = ""
    version: int = 0
    state: str = ""
    is_replayed: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A carrier as `GET /carriers/{id}` shows it; `fields` is None if there is no such carrier."""

    process: str
    begin: float
    end: float
    carrier: str
    fields: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Told:
    """The whole history of a carrier; `is_final`: asked for when everything was quiet."""

    process: str
    begin: float
    end: float
    carrier: str
    events: Sequence[Event]
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows of the directory. With a Consistency-Token `carrier` and `version` are what it names;
    `is_final`: all rows, asked for when everything was quiet."""

    process: str
    begin: float
    end: float
    rows: Sequence[Mapping[str, Any]]
    carrier: str = ""
    version: int = 0
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """The statistics when everything was quiet: how many carriers there are, and in which state."""

    process: str
    begin: float
    end: float
    total: int
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the feed behind a position."""

    process: str
    begin: float
    end: float
    after: int
    events: Sequence[Event]
    next: int
    head: int
    feed: str


@dataclass(frozen=True, slots=True)
class Note:
    """What happened meanwhile, for people: a fault that began or ended."""

    begin: float
    text: str


Record = Sent | Shown | Told | Listed | Counted | Page | Note
_KINDS: Mapping[str, type[Record]] = {
    kind.__name__.lower(): kind for kind in (Sent, Shown, Told, Listed, Counted, Page, Note)
}


def to_json(record: Record) -> dict[str, Any]:
    """The record as a JSON object."""
    return {"kind": type(record).__name__.lower(), **asdict(record)}


def from_json(values: Mapping[str, Any]) -> Record:
    """The record that `to_json` was given."""
    arguments = {name: value for name, value in values.items() if name != "kind"}
    if "events" in arguments:
        arguments["events"] = [Event(**each) for each in arguments["events"]]
    return _KINDS[values["kind"]](**arguments)


@dataclass(frozen=True, slots=True)
class Command:
    """All attempts of one command, in order."""

    attempts: Sequence[Sent]

    @property
    def first(self) -> Sent:
        """The attempt that says what was wanted."""
        return self.attempts[0]

    @property
    def last(self) -> Sent:
        """The attempt after which nobody sent it again."""
        return self.attempts[-1]

    @property
    def id(self) -> str:
        """The X-Request-ID of every attempt."""
        return self.first.command

    @property
    def done(self) -> Sent | None:
        """The first attempt that was answered as carried out."""
        return next((each for each in self.attempts if each.outcome == DONE), None)

    @property
    def outcome(self) -> str:
        """What is certain in the end. A refusal counts if it was the last word: whatever an attempt
        before it had begun is over by then."""
        if self.done is not None:
            return DONE
        if self.last.outcome == REFUSED or all(
            each.outcome in {REFUSED, NOT_STARTED} for each in self.attempts
        ):
            return REFUSED
        return UNKNOWN

    def __str__(self) -> str:
        condition = "" if self.first.if_match is None else f" on version {self.first.if_match}"
        carrier = (self.done or self.first).carrier or "a new carrier"
        return f"{self.first.name} {self.id} of {carrier}{condition}"


@dataclass(frozen=True)
class History:
    """A recorded run."""

    records: Sequence[Record] = field(default_factory=list)

    @cached_property
    def commands(self) -> Sequence[Command]:
        """Every command with its attempts, in the order in which they were first sent."""
        attempts: defaultdict[str, list[Sent]] = defaultdict(list)
        for each in sorted(self.sent, key=lambda sent: sent.begin):
            attempts[each.command].append(each)
        return [Command(each) for each in attempts.values()]

    @cached_property
    def sent(self) -> Sequence[Sent]:
        """Every attempt."""
        return [each for each in self.records if isinstance(each, Sent)]

    @cached_property
    def shown(self) -> Sequence[Shown]:
        """Every look at a carrier."""
        return [each for each in self.records if isinstance(each, Shown)]

    @cached_property
    def told(self) -> Sequence[Told]:
        """Every reading of a carrier's history."""
        return [each for each in self.records if isinstance(each, Told)]

    @cached_property
    def listed(self) -> Sequence[Listed]:
        """Every look at the directory."""
        return [each for each in self.records if isinstance(each, Listed)]

    @cached_property
    def pages(self) -> Sequence[Page]:
        """Every page of the feed, in the order in which they were asked for."""
        found = [each for each in self.records if isinstance(each, Page)]
        return sorted(found, key=lambda page: page.begin)

    @cached_property
    def counted(self) -> Sequence[Counted]:
        """The statistics."""
        return [each for each in self.records if isinstance(each, Counted)]

    @cached_property
    def streams(self) -> Mapping[str, Sequence[Event]]:
        """The events of each carrier, as its history tells them in the end; a carrier that is not
        there then has none."""
        return {each.carrier: each.events for each in self.told if each.is_final and each.events}

    @cached_property
    def events_of(self) -> Mapping[str, Sequence[Event]]:
        """The events in the streams by the command that they came from."""
        found: defaultdict[str, list[Event]] = defaultdict(list)
        for event in self.all_events:
            found[event.command].append(event)
        return found

    @property
    def all_events(self) -> Iterable[Event]:
        """The events of all streams."""
        return (event for events in self.streams.values() for event in events)
