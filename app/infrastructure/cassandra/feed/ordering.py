"""Which appended events get the next positions of the feed: a pure function from the feed's state
and what is known of the intents to the draft of the next commit.

    AHEAD of its log's cursor
       ├── not appended ──────────────────────────────────────────► DONE
       ├── appended, and the event before it has its position
       │      ├── room for all of its events: they get positions ─► DONE
       │      ├── room for some: these get positions ─────────────► OPEN at the last of these
       │      └── no room ────────────────────────────────────────► AHEAD
       └── in doubt, or the event before it has no position
              ├── first seen a moment ago: its log waits ─────────► AHEAD
              └── patience is over: its log goes on ──────────────► OPEN at 0

    OPEN at a version: the cursor has moved past the intent
       ├── not appended, or deleted ──────────────────────────────► DONE
       ├── appended, and the event before the rest has its position
       │      ├── room for all of the rest: it gets positions ────► DONE
       │      └── room for some: these get positions ─────────────► OPEN at the last of these
       └── otherwise ─────────────────────────────────────────────► OPEN as before

    DONE: at the cursor or below, and not open

An intent goes from left to right and never back, and each of its events gets a position in the very
commit that moves it. So whatever is drafted, lost, drafted again or refused, an event gets one
position, behind the event before it in its stream.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.infrastructure.cassandra.append.intent_log import IntentId
from app.infrastructure.cassandra.feed.draft import Draft, FeedState
from app.infrastructure.cassandra.feed.outcome import Intent, Outcome

PATIENCE_SECONDS = 0.1
"""How long the rest of a log waits for an intent that can have no position yet."""

EventKey = tuple[str, int]
"""Stream and version."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known beside the feed's state, which was read before any of it.

    `intents` has those that are open, and those that are `fresh`: of each log without a hole from
    the cursor on. `owners` tells of events right before an intent's first which intent they belong
    to. `listed` are the logs in the registry before the intents were read; `listed_after` after the
    owners were, if there are any.
    """

    intents: Mapping[IntentId, Intent]
    fresh: Mapping[UUID, Sequence[IntentId]]
    owners: Mapping[EventKey, IntentId]
    listed: Collection[UUID]
    listed_after: Collection[UUID]


def wanted_owners(intents: Mapping[IntentId, Intent], versions: Mapping[str, int]) -> set[EventKey]:
    """The events whose owners are to be asked for: those before the appends, unless they are among
    the intents or, by `versions`, in the feed."""
    in_hand = {
        (event.stream, event.version)
        for intent in intents.values()
        if intent.outcome is not Outcome.NOT_APPENDED
        for event in intent.events
    }
    before = {
        (intent.stream, intent.first - 1)
        for intent in intents.values()
        if intent.outcome is Outcome.APPENDED and versions.get(intent.stream, 0) < intent.first - 1
    }
    return before - in_hand


def next_draft(
    state: FeedState, evidence: Evidence, versions: Mapping[str, int], now: float
) -> Draft:
    """As much as fits into one commit. `versions` has last versions of streams that are known to be
    in the feed, not necessarily all; `now` is in monotonic seconds."""
    ordering = _Ordering(Draft(state), evidence, versions, now)
    ordering.fill()
    ordering.forget_logs()
    return ordering.draft


@dataclass(frozen=True, slots=True)
class _Ordering:
    draft: Draft
    evidence: Evidence
    versions: Mapping[str, int]
    now: float

    def fill(self) -> None:
        """Until the draft is full or nothing moves: an intent may be what another one waits for."""
        moved = True
        while moved and not self.draft.is_full:
            moved = False
            for opened in list(self.draft.open):
                moved |= self._move_open(opened)
            for log, fresh in self.evidence.fresh.items():
                moved |= self._move_ahead(log, fresh)

    def forget_logs(self) -> None:
        """A log that was struck off needs a cursor only for its open intents."""
        needed = {intent.log for intent in self.draft.open}
        for log in set(self.draft.cursors) - set(self.evidence.listed) - needed:
            if self.draft.is_full:
                break
            self.draft.forget_log(log)

    def _move_ahead(self, log: UUID, fresh: Sequence[IntentId]) -> bool:
        """Whether the log's cursor could be moved."""
        if not fresh:
            return False
        done = max(0, self.draft.cursors.get(log, 0) - fresh[0].seq + 1)
        moved = False
        for intent in fresh[done:]:
            if not self._move_cursor(self.evidence.intents[intent]):
                break
            moved = True
        return moved

    def _move_cursor(self, intent: Intent) -> bool:
        """From AHEAD to DONE or OPEN, if that can be."""
        if self.draft.is_full:
            return False
        added = 0
        if intent.outcome is Outcome.APPENDED and self._comes_next(intent):
            added = self.draft.add(intent.events)
            if not added:
                return False
        elif (
            intent.outcome is not Outcome.NOT_APPENDED
            and self.now - intent.seen_at < PATIENCE_SECONDS
        ):
            return False
        self.draft.move_cursor(intent.id)
        if intent.outcome is not Outcome.NOT_APPENDED and added < len(intent.events):
            self.draft.leave_open(intent.id, intent.events[added - 1].version if added else 0)
        return True

    def _move_open(self, opened: IntentId) -> bool:
        """From OPEN to DONE or to OPEN at a later version, if that can be."""
        if self.draft.is_full:
            return False
        intent = self.evidence.intents.get(opened)
        if intent is None or intent.outcome is Outcome.NOT_APPENDED:
            self.draft.finish(opened)
            return True
        if intent.outcome is Outcome.IN_DOUBT or not self._comes_next(intent):
            return False
        rest = [event for event in intent.events if event.version > self.draft.open[opened]]
        added = self.draft.add(rest)
        if added == len(rest):
            self.draft.finish(opened)
        elif added:
            self.draft.leave_open(opened, rest[added - 1].version)
        return added > 0

    def _comes_next(self, intent: Intent) -> bool:
        """Whether every event of the stream before the intent's, or before the rest of them, has
        its position."""
        known = max(
            self.draft.open.get(intent.id, 0),
            self.draft.versions.get(intent.stream, 0),
            self.versions.get(intent.stream, 0),
        )
        if known >= intent.first - 1:
            return True
        owner = self.evidence.owners.get((intent.stream, intent.first - 1))
        return owner is not None and self._is_done(owner)

    def _is_done(self, intent: IntentId) -> bool:
        cursor = self.draft.cursors.get(intent.log)
        if cursor is None:
            # A log is in the registry before its first intent, and until all of them are done.
            return intent.log not in self.evidence.listed_after
        return intent.seq <= cursor and intent not in self.draft.open
