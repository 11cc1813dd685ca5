"""The context that the CommandBus dispatches a command with: who sends it, under which key, and on
what condition."""

from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from app.application.deadline import Deadline
from app.domain.aggregate import AggregateState

KEY = "[!-~]{1,255}"
"""What an idempotency key looks like: a regular expression that OpenAPI has as well."""

_COMMITS = UUID("a5f6c1de-94d5-5a3c-8a4e-0d3c6f0f3b52")


def commit_id_of(actor: str, key: str) -> UUID:
    """The commit that this caller means by this idempotency key, today and for ever."""
    return uuid5(_COMMITS, f"{len(actor)}:{actor}:{key}")


@dataclass(frozen=True, slots=True)
class Basis:
    """What a sender has read of a stream just before: the version and the state, and that what is
    sent has not been done. It says nothing of other streams, which the same request may come to."""

    stream: str
    version: int
    state: AggregateState


@dataclass(frozen=True, slots=True)
class Cause:
    """The request that a step is taken for, by the id of its commit and what it asked for: whoever
    takes the request's last step for it does so in its name, so that it finds itself done."""

    commit_id: UUID
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class CommandContext:
    """Who asked, in which conversation, on what condition, and how long they wait.

    `commit_id` names this one request to change something; all ids that come of it follow from
    it, so that the same request sent twice is one. `fingerprint` is of what was asked for; it is
    there only if the caller named the request by an idempotency key, so that it can come again.
    `traceparent` is the span that the events come from, if that is recorded. `cause` is recorded
    with events whose commit is not the request's own.
    `expected` are the versions that the stream may be at (`If-Match`); None: whatever it is at.
    `unless` are versions that it must not be at (`If-None-Match`).
    `basis` spares reading the stream again, as long as nothing else was appended meanwhile.
    `given_up_by` is a stream that would free what it has claimed, for a dry run, which frees
    nothing.
    """

    commit_id: UUID
    correlation_id: str
    actor: str
    deadline: Deadline
    fingerprint: str | None = None
    expected: frozenset[int] | None = None
    unless: frozenset[int] = frozenset()
    basis: Basis | None = None
    dry_run: bool = False
    given_up_by: str | None = None
    traceparent: str | None = None
    cause: Cause | None = None

    @property
    def new_carrier_id(self) -> str:
        """The id of the carrier that this commit registers."""
        return str(uuid5(self.commit_id, "carrier"))

    def refuses(self, version: int) -> bool:
        """Whether the stream must not be at this version."""
        if version in self.unless:
            return True
        return self.expected is not None and version not in self.expected

    def for_stream(self, stream: str) -> "CommandContext":
        """The same request, to change this stream: one key for two carriers is two commits,
        whose events have ids of their own."""
        return replace(self, commit_id=uuid5(self.commit_id, stream))

    def event_id(self, index: int) -> UUID:
        """The id of the commit's event at `index`, counted from 0."""
        return uuid5(self.commit_id, str(index))
