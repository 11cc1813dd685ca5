"""Whether the append that an intent prepared came to be: the states of that question, and what
leads from one to the next. Plain values; `resolver` asks Cassandra what these say is to be asked.

    IN_DOUBT ── its writer acknowledges it in the intent log ─────► APPENDED, NOT_APPENDED
       │  ▲
       │  └── is not due: seen, or asked about, a moment ago
       ▼
    is due: ask the stream which intent the event at the intent's first version belongs to
       ├── this intent ───────────────────────────────────────────► APPENDED
       ├── another intent ────────────────────────────────────────► NOT_APPENDED
       └── none: no such event, or one without an intent
              ├── within the grace ───────────────────────────────► IN_DOUBT
              └── the grace is over: move the stream's fence
                     ├── an append has completed meanwhile ───────► IN_DOUBT
                     └── moved: ask the stream once more
                            ├── this intent ──────────────────────► APPENDED
                            └── another, or none ─────────────────► NOT_APPENDED

Behind a fence that has moved, an append that was prepared before can no longer complete. The grace
is a courtesy to slow writers; no promise rests on its length. APPENDED and NOT_APPENDED are final.
"""

import enum
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.infrastructure.cassandra.append.intent_log import IntentId
from app.infrastructure.cassandra.feed.draft import FeedRow

ASK_AFTER_SECONDS = 0.25
"""When the stream is asked about an intent that its writer has not acknowledged."""


class Outcome(enum.Enum):
    """What is known of a prepared append; each value is what the intent log's `written` says."""

    IN_DOUBT = None
    APPENDED = True
    NOT_APPENDED = False
    """Neither is it nor can it be any longer."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A prepared append. `seen_at` is when this process first read it, `asked_at` when it last
    asked the stream about it: monotonic seconds. An intent without events fills a hole in the log's
    numbers, and is NOT_APPENDED."""

    id: IntentId
    events: Sequence[FeedRow]
    outcome: Outcome
    seen_at: float = field(default_factory=time.monotonic)
    asked_at: float = 0.0

    @property
    def stream(self) -> str:
        """The stream of the events, of which there must be one."""
        return self.events[0].stream

    @property
    def first(self) -> int:
        """The version of the first event, which must be there."""
        return self.events[0].version

    def is_due(self, now: float) -> bool:
        """Whether it is time to ask about an intent in doubt."""
        asked = max(self.seen_at, self.asked_at)
        return self.outcome is Outcome.IN_DOUBT and now - asked > ASK_AFTER_SECONDS

    def is_overdue(self, grace_seconds: float) -> bool:
        """Whether the grace was over when the stream was asked."""
        return self.asked_at - self.seen_at >= grace_seconds


def outcome_by_stream(intent: IntentId, found: IntentId | None, *, is_fenced: bool) -> Outcome:
    """What follows from `found`, the intent that the event at the first version belongs to (None:
    there is none); `is_fenced`: the stream's fence was moved before the stream was asked."""
    if found == intent:
        return Outcome.APPENDED
    return Outcome.IN_DOUBT if found is None and not is_fenced else Outcome.NOT_APPENDED
