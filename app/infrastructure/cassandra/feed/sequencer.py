"""Gives appended events their positions in the feed. Between Cassandra's intent logs and its feed.

    load the state ─► read the intents ─► resolve those in doubt ─► ask for the events before them
    (state)           (intents)           (resolver)                (predecessors)
                                                                         │
    clean up ◄── a draft changes nothing ── draft and commit, again  ◄───┘
    (cleanup)                               and again (ordering, state)
                                                 │
                                                 └── refused: another process has moved the feed.
                                                     Stand by for as long as others move it

Any process may sequence, and several may at once: `state` says why that does no harm. Standing by
only saves work.
"""

import time
from collections import OrderedDict

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.feed import StepResult
from app.application.ports.tracing import NO_TRACING, Tracer
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.feed.activity import Logs
from app.infrastructure.cassandra.feed.cleanup import IntentCleanup
from app.infrastructure.cassandra.feed.draft import Draft, FeedState
from app.infrastructure.cassandra.feed.intents import IntentReader
from app.infrastructure.cassandra.feed.ordering import Evidence, next_draft
from app.infrastructure.cassandra.feed.predecessors import PredecessorReader
from app.infrastructure.cassandra.feed.reader import CassandraFeed
from app.infrastructure.cassandra.feed.resolver import OutcomeResolver
from app.infrastructure.cassandra.feed.state import FeedStates
from app.infrastructure.cassandra.requests import Requests

GRACE_SECONDS = 5.0
"""How long a writer may take from its intent to its append before the append is fenced off."""
STAND_BY_SECONDS = 1.0

_MAX_REMEMBERED = 100_000


class CassandraSequencer:
    """For one thread. Any number of processes may have one."""

    def __init__(
        self,
        requests: Requests,
        grace_seconds: float = GRACE_SECONDS,
        tracer: Tracer = NO_TRACING,
    ) -> None:
        self._tracer = tracer
        self._states = FeedStates(requests, CassandraFeed(requests))
        self._intents = IntentReader(requests)
        self._resolver = OutcomeResolver(requests, grace_seconds)
        self._predecessors = PredecessorReader(requests)
        self._cleanup = IntentCleanup(requests)
        self._state: FeedState | None = None
        self._stand_by_until = 0.0
        self._overtaken_at: int | None = None
        self._versions: OrderedDict[str, int] = OrderedDict()  # what this process has sequenced

    def step(self, deadline: Deadline) -> StepResult:
        """Sequence what there is, a few hundred intents at most. Raises StoreUnavailable."""
        if time.monotonic() < self._stand_by_until:
            return StepResult.STANDING_BY
        try:
            return self._step(deadline)
        except RequestFailed as error:
            self._state = None  # a commit may or may not have been applied
            raise StoreUnavailable(f"cannot sequence: {error.cause}") from error
        except StoreUnavailable:
            self._state = None
            raise

    def _step(self, deadline: Deadline) -> StepResult:
        # The state before the logs: an intent that is in neither is done.
        state = self._state or self._load(deadline)
        if state is None:
            return StepResult.STANDING_BY
        logs = self._intents.registry(deadline)
        evidence = self._find_out(state, logs, deadline)
        result = StepResult.IDLE
        while True:
            draft = next_draft(state, evidence, self._versions, time.monotonic())
            if draft.changes_nothing:
                break
            if not self._commit(draft, deadline):
                self._stand_by(state)
                return StepResult.STANDING_BY
            state = self._committed(draft)
            result = StepResult.WORKED
        self._cleanup.run(state, logs, deadline)
        return result

    def _load(self, deadline: Deadline) -> FeedState | None:
        """The state that the feed has now; None if others still move it."""
        self._state = state = self._states.load(deadline)
        if self._overtaken_at not in (None, state.revision):
            self._stand_by(state)
            return None
        self._overtaken_at = None
        self._cleanup.took_over(state)
        return state

    def _stand_by(self, state: FeedState) -> None:
        """Another process has moved the feed. Look again later whether it still does."""
        self._state = None
        self._overtaken_at = state.revision
        self._stand_by_until = time.monotonic() + STAND_BY_SECONDS

    def _find_out(self, state: FeedState, logs: Logs, deadline: Deadline) -> Evidence:
        fresh = self._intents.read(state, logs, deadline)
        intents = self._intents.seen
        self._resolver.resolve(intents, deadline)
        before = self._predecessors.read(intents, self._versions, deadline)
        # After the owners: the log of one that is not in the registry by now was struck off.
        logs_after = self._intents.registry(deadline) if before.are_any else {}
        return Evidence(intents, fresh, before.owners, logs, logs_after)

    def _commit(self, draft: Draft, deadline: Deadline) -> bool:
        """Whether the draft is the state now; told to the traces of its events."""
        first = draft.base.head + 1
        about = {"feed.first": first, "feed.last": draft.base.head + len(draft.events)}
        traced = (each.metadata for each in draft.events)
        with self._tracer.following("feed commit", traced, about) as span:
            is_committed = self._states.commit(draft, deadline)
            span.note({"outcome": "committed" if is_committed else "overtaken"})
        return is_committed

    def _committed(self, draft: Draft) -> FeedState:
        self._state = state = draft.result()
        self._cleanup.moved_on(draft.base, state)
        for stream, version in draft.versions.items():
            self._versions[stream] = version
            self._versions.move_to_end(stream)
        while len(self._versions) > _MAX_REMEMBERED:
            self._versions.popitem(last=False)
        return state
