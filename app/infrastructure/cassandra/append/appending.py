"""The steps of an append. Between the event store, which sends a commit until its fate is known,
and the parts that each step is made of.

    owned     which rows name this stream for the values that it will free           once
      │
    ┌─▶ fence      the stream's fence, if values are taken                           once
    │     ├─ prepare    the intent, in this process's log                            once
    │     └─ claim      the rows of the values to take ─── another stream's ──▶ AlreadyClaimed
    │   send       the batch, IF head and fence are unchanged
    │     ├─ no head kept ──▶ backfill the head, send again
    └─────┤ fenced: acknowledge that nothing was written, forget the intent
          ├─ conflict ──▶ release the claims ──▶ VersionConflict
          └─ applied ───▶ give back the rows of freed values ──▶ Appended
      │
    acknowledge  how it ended, where that is certain

`Append.attempt` goes through them once. Where a request fails it is called again and begins at the
top; what is marked "once" is kept from the first try on, so that the batch that is sent again is
identical. A refusal may be the commit meeting itself, applied by an earlier try: then the stream
holds its event, and it is already applied.

The first claim is under way while the intent is written: neither needs the other, and both need the
fence from before. The batch needs both.

Where a process dies, nobody has to know; it leaves behind

    after prepare   an intent whose events never come: the sequencer fences it off
    after claim     rows that name a stream which does not hold the value, with an intent or
                    without: whoever wants it next waits the grace, moves the fence and takes it
    after send      an intent that nobody acknowledges: the sequencer asks the stream; and rows of
                    freed values, which stand in nobody's way for longer than the grace
"""

from dataclasses import dataclass, field
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import (
    NO_STREAM,
    AlreadyClaimed,
    Appended,
    VersionConflict,
)
from app.infrastructure.cassandra.append.claims import Attempts, CassandraClaims
from app.infrastructure.cassandra.append.commit import (
    Commit,
    Conflict,
    Fenced,
    Headless,
    batch_of,
    judge,
)
from app.infrastructure.cassandra.append.heads import backfill_head
from app.infrastructure.cassandra.append.intent_log import IntentId, IntentLog
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import Row
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    read_id="SELECT event_id FROM events WHERE aggregate_id = ? AND version = ?",
)

_MAX_FENCES = 1_000  # few streams ever have one


class KnownFences:
    """The fences that appends have met. One that is out of date costs an append one more try."""

    def __init__(self) -> None:
        self._fences: dict[str, UUID | None] = {}

    def get(self, stream: str) -> UUID | None:
        """The stream's fence as it was met last; None, which is right for almost every stream, if
        none was."""
        return self._fences.get(stream)

    def remember(self, stream: str, fence: UUID | None) -> None:
        """Keep it for the next append."""
        if len(self._fences) >= _MAX_FENCES:
            self._fences.clear()
        self._fences[stream] = fence


@dataclass(frozen=True, slots=True)
class Means:
    """What all appends of a process share."""

    requests: Requests
    claims: CassandraClaims
    log: IntentLog
    fences: KnownFences = field(default_factory=KnownFences)


class Append:
    """One commit on its way. `is_uncertain`: an earlier try may have been, or may yet be, applied.

    What it keeps between tries: `_fence` is what the stream's was before the intent was written and
    before any claim of this commit was taken; if it is out of date the append is refused and tells.
    `_owned` was read before the first try: rows that the stream takes again later are not this
    commit's to delete.
    """

    def __init__(self, means: Means, commit: Commit, deadline: Deadline) -> None:
        self._requests = means.requests
        self._claims = means.claims
        self._log = means.log
        self._fences = means.fences
        self._commit = commit
        self._deadline = deadline
        self._owned: Attempts | None = None
        self._fence = self._fences.get(commit.stream)
        self._is_fence_read = False
        self._intent: IntentId | None = None
        self.is_uncertain = False

    def attempt(self) -> Appended:
        """Go through the steps once. Raises VersionConflict or AlreadyClaimed once it is certain;
        RequestFailed or StoreUnavailable, after which it may be called again."""
        commit, owned = self._commit, self._read_owned()
        while True:
            fence = self._read_fence()
            taking = self._claims.taking(commit.stream, commit.claims.taken, self._deadline)
            intent = self._prepare()
            try:
                taken = taking()
            except AlreadyClaimed:
                # An earlier try may have had it, and others may have come since.
                if self._is_ours():
                    return Appended(commit.head, already_applied=True)
                raise
            verdict = self._send(fence, intent)
            if isinstance(verdict, Fenced):
                self._begin_behind(verdict.fence, intent)
            elif isinstance(verdict, Conflict):
                self._claims.release(commit.stream, taken, self._deadline)
                raise VersionConflict(commit.stream, commit.expected, verdict.head or NO_STREAM)
            else:
                # One that was applied some time ago may have taken its freed values back since.
                if not verdict.already_applied:
                    self._claims.give_back(commit.stream, owned, self._deadline)
                return verdict

    def acknowledge(self, appended: Appended | None) -> None:
        """Say how the append ended (None: it failed), where that is certain: a commit that was
        applied already may belong to another intent, and one that failed may yet be applied."""
        is_certain = not (appended.already_applied if appended else self.is_uncertain)
        if self._intent is not None and is_certain:
            self._log.acknowledge(self._intent, written=appended is not None)

    def _read_owned(self) -> Attempts:
        if self._owned is None:
            commit = self._commit
            self._owned = self._claims.owned(commit.stream, commit.claims.freed, self._deadline)
        return self._owned

    def _read_fence(self) -> UUID | None:
        if self._commit.claims.taken and self._commit.after and not self._is_fence_read:
            self._fence = self._claims.fence(self._commit.stream, self._deadline)
            self._is_fence_read = True
        return self._fence

    def _prepare(self) -> IntentId:
        if self._intent is None:
            commit = self._commit
            self._intent = self._log.prepare(
                commit.stream, commit.after + 1, commit.events, self._deadline
            )
        return self._intent

    def _begin_behind(self, fence: UUID | None, intent: IntentId) -> None:
        """What was prepared and claimed before the fence moved counts no longer."""
        self._fence, self._is_fence_read = fence, True
        self._fences.remember(self._commit.stream, fence)
        self.is_uncertain = False
        self._log.acknowledge(intent, written=False)
        self._intent = None

    def _send(self, fence: UUID | None, intent: IntentId) -> Appended | Fenced | Conflict:
        commit = self._commit
        verdict = judge(commit, fence, self._answer(fence, intent))
        if isinstance(verdict, Headless):
            if backfill_head(self._requests, commit.stream, self._deadline) is None:
                return Conflict(0)
            return self._send(fence, intent)
        if isinstance(verdict, Conflict) and verdict.head > commit.after and self._is_ours():
            return Appended(commit.head, already_applied=True)
        return verdict

    def _answer(self, fence: UUID | None, intent: IntentId) -> Row:
        batch = self._requests.batch(self._deadline, batch_of(self._commit, fence, intent))
        maybe_applied = True  # unless it is known better: a signal may end this too
        try:
            rows = self._requests.execute(batch, self._deadline)
            maybe_applied = False
        except RequestFailed as error:
            maybe_applied = error.maybe_applied
            raise
        except StoreUnavailable:
            maybe_applied = False
            raise
        finally:
            self.is_uncertain = self.is_uncertain or maybe_applied
        # With two conditions a rejection may come as two rows; the static columns are in each.
        return rows[0]

    def _is_ours(self) -> bool:
        commit = self._commit
        place = (commit.stream, commit.after + 1)
        rows = self._requests.select(self._deadline, "read_id", *place)
        return bool(rows) and rows[0]["event_id"] == commit.events[0].event_id
