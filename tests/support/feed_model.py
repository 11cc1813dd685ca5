"""Beside the way of the data: streams, intent logs and the feed as plain values, and sequencers
that read them at one moment and commit at a later one. The decisions are the real ones (`ordering`,
`outcome`, `draft`); what Cassandra does for them is modelled here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from app.infrastructure.cassandra.append.intent_log import IntentId
from app.infrastructure.cassandra.feed.draft import MAX_EVENTS, FeedRow, FeedState
from app.infrastructure.cassandra.feed.ordering import (
    PATIENCE_SECONDS,
    EventKey,
    Evidence,
    next_draft,
    wanted_owners,
)
from app.infrastructure.cassandra.feed.outcome import Intent, Outcome, outcome_by_stream
from app.infrastructure.cassandra.feed.reader import BUCKET_POSITIONS
from tests.support.stores import MOMENT

AT_FIRST = BUCKET_POSITIONS - 150
"""Positions that were given before: the first bucket is nearly full."""


def row(stream: str, version: int, payload: str = "") -> FeedRow:
    """An event."""
    event_id = UUID(int=version)
    return FeedRow(stream, version, event_id, "CarrierRegistered", payload, "", MOMENT)


@dataclass
class Stream:
    """`events` has the rows of the stream and which intent each belongs to; None: it was appended
    before there was a feed."""

    events: list[tuple[FeedRow, IntentId | None]] = field(default_factory=list)
    fence: int = 0

    def owner(self, version: int) -> IntentId | None:
        """The intent of the event of that version."""
        return self.events[version - 1][1] if 0 < version <= len(self.events) else None


@dataclass
class Prepared:
    """An intent as its log has it, and what its writer knows."""

    intent: Intent
    fence: int
    is_sent: bool = False

    @property
    def id(self) -> IntentId:
        return self.intent.id


@dataclass
class Log:
    """The intents of one writer; `closed` once it is at its end."""

    id: UUID
    prepared: list[Prepared] = field(default_factory=list)
    is_closed: bool = False


class Registry:
    """Everything that is stored."""

    def __init__(self) -> None:
        self.streams: defaultdict[str, Stream] = defaultdict(Stream)
        self.logs: dict[UUID, Log] = {}
        self.listed: set[UUID] = set()
        self.state = FeedState(0, 1, AT_FIRST)
        self.feed: list[EventKey] = []

    # --- Writers

    def open_log(self) -> Log:
        """A writer begins."""
        log = Log(UUID(int=len(self.logs) + 1))
        self.logs[log.id] = log
        self.listed.add(log.id)
        return log

    def prepare(self, log: Log, stream: str, first: int, count: int, size: int) -> Prepared:
        """A writer is about to append `count` events, the first of them with that version."""
        events = [row(stream, version, "x" * size) for version in range(first, first + count)]
        key = IntentId(log.id, len(log.prepared) + 1)
        intent = Intent(key, events, Outcome.IN_DOUBT, seen_at=0)
        log.prepared.append(Prepared(intent, self.streams[stream].fence))
        return log.prepared[-1]

    def append(self, prepared: Prepared) -> None:
        """The writer's conditional write, however late."""
        intent, stream = prepared.intent, self.streams[prepared.intent.stream]
        if len(stream.events) == intent.first - 1 and stream.fence == prepared.fence:
            stream.events += [(event, intent.id) for event in intent.events]
        prepared.is_sent = True

    def acknowledge(self, prepared: Prepared) -> None:
        """The writer says in its log how the append ended."""
        owner = self.streams[prepared.intent.stream].owner(prepared.intent.first)
        outcome = Outcome.APPENDED if owner == prepared.id else Outcome.NOT_APPENDED
        prepared.intent = replace(prepared.intent, outcome=outcome)

    def append_without_intent(self, stream: str) -> None:
        """A release from before the feed appends."""
        events = self.streams[stream].events
        events.append((row(stream, len(events) + 1), None))

    # --- What holds

    def all_prepared(self) -> list[Prepared]:
        """The intents of all logs."""
        return [each for log in self.logs.values() for each in log.prepared]

    def expected(self) -> Iterator[EventKey]:
        """Every event that has to be in the feed: up to the last one of its stream that has an
        intent."""
        for name, stream in self.streams.items():
            last = max((v for v in range(len(stream.events) + 1) if stream.owner(v)), default=0)
            yield from ((name, version) for version in range(1, last + 1))

    def check(self) -> None:
        """Positions have no hole, and every stream's versions come in order, each once."""
        assert self.state.head == AT_FIRST + len(self.feed)
        versions: defaultdict[str, int] = defaultdict(int)
        for stream, version in self.feed:
            assert version == versions[stream] + 1, f"{version} of {stream} comes out of order"
            versions[stream] = version
        for stream, version in versions.items():
            assert version <= len(self.streams[stream].events), f"{stream} has no such event"


class Sequencer:
    """One of several. What it reads at one moment (`look`) it uses at a later one (`commit`)."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._state: FeedState | None = None
        self._evidence: Evidence | None = None
        self._versions: dict[str, int] = {}

    def look(self, limit: int, asks: Callable[[], bool], fences: Callable[[], bool]) -> None:
        """Read at most `limit` intents of each log. Of an intent in doubt the stream is asked if
        `asks` says so, and fenced off if `fences` does."""
        registry = self._registry
        state = self._state = self._state or registry.state
        listed = set(registry.listed)
        fresh: dict[UUID, list[IntentId]] = {}
        intents: dict[IntentId, Intent] = {}
        for log in listed:
            cursor = state.cursors.get(log, 0)
            ahead = registry.logs[log].prepared[cursor : cursor + limit]
            fresh[log] = [each.id for each in ahead]
            intents |= {each.id: each.intent for each in ahead}
        for each in state.open:
            intents[each] = registry.logs[each.log].prepared[each.seq - 1].intent
        for key, intent in intents.items():
            if intent.outcome is Outcome.IN_DOUBT and asks():
                intents[key] = replace(intent, outcome=self._ask(intent, is_fencing=fences()))
        owners = self._owners(intents)
        self._evidence = Evidence(intents, fresh, owners, listed, set(registry.listed))

    def _ask(self, intent: Intent, *, is_fencing: bool) -> Outcome:
        stream = self._registry.streams[intent.stream]
        owner = stream.owner(intent.first)
        outcome = outcome_by_stream(intent.id, owner, is_fenced=False)
        if outcome is Outcome.IN_DOUBT and is_fencing:
            stream.fence += 1
            outcome = outcome_by_stream(intent.id, owner, is_fenced=True)
        return outcome

    def _owners(self, intents: dict[IntentId, Intent]) -> Mapping[EventKey, IntentId]:
        owners: dict[EventKey, IntentId] = {}
        wanted = wanted_owners(intents, self._versions)
        for key, intent in intents.items():
            if intent.outcome is Outcome.APPENDED and (intent.stream, intent.first - 1) in wanted:
                events = self._registry.streams[intent.stream].events
                begin = intent.first - 1
                while begin and events[begin - 1][1] is None:
                    begin -= 1
                past = [event for event, _ in events[begin : intent.first - 1]]
                intents[key] = replace(intent, events=[*past, *intent.events])
                if begin and (owner := events[begin - 1][1]):
                    owners[intent.stream, begin] = owner
        return owners

    def commit(self, *, is_patient: bool) -> bool:
        """Draft and commit once; whether that has changed anything. One that was overtaken, or has
        not looked, changes nothing."""
        if self._state is None or self._evidence is None:
            return False
        now = PATIENCE_SECONDS / 2 if is_patient else PATIENCE_SECONDS
        draft = next_draft(self._state, self._evidence, self._versions, now)
        if draft.changes_nothing:
            return False
        registry = self._registry
        if registry.state.revision != draft.base.revision:
            self._state = self._evidence = None
            return False
        result = draft.result()
        assert len(draft.events) <= MAX_EVENTS
        assert result.head <= (result.bucket + 1) * BUCKET_POSITIONS, "a commit is in one bucket"
        registry.feed += [(event.stream, event.version) for event in draft.events]
        registry.state = self._state = result
        self._versions |= draft.versions
        return True

    def clean_up(self) -> None:
        """Strike off the closed logs of which everything is done."""
        if self._state is None or self._evidence is None:
            return
        with_open = {each.log for each in self._state.open}
        for key in self._evidence.listed:
            log = self._registry.logs[key]
            is_done = self._state.cursors.get(key, 0) >= len(log.prepared)
            if log.is_closed and is_done and key not in with_open:
                self._registry.listed.discard(key)
