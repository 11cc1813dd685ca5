"""Unique values on Cassandra: who may append an event that takes one. Used by `appending`.

Two partitions are involved, so it takes two conditional writes: the claim's row first, then the
append. What a stream holds is the static set `claims` beside its events, written in the append's
own batch; the row in `claims` only says which stream asked last.

A writer that dies in between leaves a row whose owner does not hold the value. Whoever wants it
next waits GRACE_SECONDS for that writer, which is a courtesy, and then makes sure:

    writer   read the stream's fence · put a new attempt into the row · append IF fence is as read
    taker    read the row's attempt · change the owner's fence · swap the row IF attempt is as read

The taker's swap fails if the writer has been at the row since, and the writer's append fails if
the taker has been at the fence since it read it. So however slow either is, one of the two loses.
Two writers of one stream may rest on one row. So a row is deleted only behind a moved fence, or
behind a moved head; after that, the next to want the value would not look at the stream at all.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import NamedTuple
from uuid import UUID, uuid4

import backoff

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import AlreadyClaimed, Claim
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import Row
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    claim="INSERT INTO claims (scope, value, owner, attempt) VALUES (?, ?, ?, ?) IF NOT EXISTS",
    swap_claim=(
        "UPDATE claims SET owner = ?, attempt = ? WHERE scope = ? AND value = ?"
        " IF owner = ? AND attempt = ?"
    ),
    delete_claim="DELETE FROM claims WHERE scope = ? AND value = ? IF owner = ? AND attempt = ?",
    read_claim="SELECT owner, attempt FROM claims WHERE scope = ? AND value = ?",
    read_held="SELECT head, fence, claims FROM events WHERE aggregate_id = ? LIMIT 1",
    move_fence="UPDATE events SET fence = ? WHERE aggregate_id = ? IF head = ? AND fence = ?",
)

GRACE_SECONDS = 1.0

Attempts = dict[Claim, UUID]


class _Asked(NamedTuple):
    """A value whose row has been asked for; `answer` waits for what stood there."""

    claim: Claim
    attempt: UUID
    answer: Callable[[], Row]


def held(claim: Claim) -> str:
    """The claim as an element of its owner's set."""
    return f"{claim.scope}:{claim.value}"


def _holds(stream: Row, claim: Claim) -> bool:
    return held(claim) in (stream.get("claims") or ())


class CassandraClaims:
    """The rows of the table `claims`, and the fences of the streams that they name."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def fence(self, stream: str, deadline: Deadline) -> UUID | None:
        """What an append that takes a value has to find unchanged. Read it before `taking`."""
        fence: UUID | None = self._stream(stream, deadline).get("fence")
        return fence

    def fence_off(self, stream: str, deadline: Deadline) -> bool:
        """Whether no append of the stream that was prepared before can complete any more; False
        if one has completed meanwhile."""
        return self._moves_fence(stream, self._stream(stream, deadline), deadline)

    def taking(
        self, stream: str, claims: Iterable[Claim], deadline: Deadline
    ) -> Callable[[], Attempts]:
        """Begin to make the rows name `stream`, without waiting. What is returned waits until they
        do; it raises AlreadyClaimed, having given back the others."""
        # In one order for all: two that want the same two never hold one each.
        wanted = sorted(claims, key=held)
        if not wanted:
            return dict
        first = self._ask(stream, wanted[0], deadline)
        return lambda: self._taken(stream, first, wanted[1:], deadline)

    def owner(self, claim: Claim, deadline: Deadline) -> str | None:
        """The stream that holds the value; the row may name one that does not, or not yet."""
        owner: str | None = self._row(claim, deadline).get("owner")
        return owner if owner and _holds(self._stream(owner, deadline), claim) else None

    def owned(self, stream: str, claims: Iterable[Claim], deadline: Deadline) -> Attempts:
        """The attempts of those rows that name `stream` now, for `give_back` later."""
        rows = {claim: self._row(claim, deadline) for claim in claims}
        return {claim: row["attempt"] for claim, row in rows.items() if row.get("owner") == stream}

    def give_back(self, stream: str, attempts: Attempts, deadline: Deadline) -> None:
        """Delete the rows of values that the stream has just freed, with attempts from before it
        did: another append of the stream that rests on the row had to fail with its head, or has
        been at the row since.

        A row that stays behind is in nobody's way for longer than the grace; so this never fails.
        """
        for claim, attempt in attempts.items():
            with suppress(RequestFailed, StoreUnavailable):
                self._delete(stream, claim, attempt, deadline)

    def release(self, stream: str, attempts: Attempts, deadline: Deadline) -> None:
        """Delete the rows of values that were taken for nothing. Another append of the stream may
        rest on the same row: it is fenced off first, as a taker would, and asks again. Never
        fails, see `give_back`."""
        for claim, attempt in attempts.items():
            with suppress(RequestFailed, StoreUnavailable):
                own = self._stream(stream, deadline)
                if not _holds(own, claim) and self._moves_fence(stream, own, deadline):
                    self._delete(stream, claim, attempt, deadline)

    def _taken(
        self, stream: str, first: _Asked, others: Iterable[Claim], deadline: Deadline
    ) -> Attempts:
        attempts: Attempts = {}
        try:
            attempts[first.claim] = self._take(stream, first, deadline)
            for claim in others:
                asked = self._ask(stream, claim, deadline)
                attempts[claim] = self._take(stream, asked, deadline)
        except AlreadyClaimed:
            self.release(stream, attempts, deadline)
            raise
        return attempts

    def _ask(self, stream: str, claim: Claim, deadline: Deadline) -> _Asked:
        attempt = uuid4()
        row = (claim.scope, claim.value, stream, attempt)
        return _Asked(claim, attempt, self._requests.send_write(deadline, "claim", *row))

    def _take(self, stream: str, asked: _Asked, deadline: Deadline) -> UUID:
        claim, attempt, answer = asked
        place = (claim.scope, claim.value)
        while True:
            row = answer()
            if row["[applied]"] or row["attempt"] == attempt:
                return attempt
            answer = partial(self._requests.write, deadline, "claim", *place, stream, attempt)
            if row["owner"] != stream and not self._is_abandoned(claim, row, deadline):
                continue
            was = (row["owner"], row["attempt"])
            row = self._requests.write(deadline, "swap_claim", stream, attempt, *place, *was)
            if row["[applied]"] or row.get("attempt") == attempt:
                return attempt

    def _is_abandoned(self, claim: Claim, row: Row, deadline: Deadline) -> bool:
        """Whether the owner that the row names can no longer complete what it took the value for;
        False if things have changed meanwhile. Raises AlreadyClaimed if it holds the value."""
        grace = Deadline.after(min(GRACE_SECONDS, deadline.remaining() / 2))
        waits = backoff.expo(factor=0.005, max_value=0.1)
        next(waits)  # what backoff's generators begin with
        while True:
            owner = self._stream(row["owner"], deadline)
            if _holds(owner, claim):
                raise AlreadyClaimed(claim, row["owner"])
            if self._row(claim, deadline).get("attempt") != row["attempt"]:
                return False
            if grace.expired:
                break
            time.sleep(backoff.full_jitter(next(waits)))
        return self._moves_fence(row["owner"], owner, deadline)

    def _moves_fence(self, stream: str, seen: Row, deadline: Deadline) -> bool:
        """Whether the stream was still as seen; then no append that began before can complete."""
        new = uuid4()
        moved = self._requests.write(
            deadline, "move_fence", new, stream, seen.get("head"), seen.get("fence")
        )
        return bool(moved["[applied]"]) or moved.get("fence") == new

    def _delete(self, stream: str, claim: Claim, attempt: UUID, deadline: Deadline) -> None:
        self._requests.write(deadline, "delete_claim", claim.scope, claim.value, stream, attempt)

    def _row(self, claim: Claim, deadline: Deadline) -> Row:
        return self._first(deadline, "read_claim", claim.scope, claim.value)

    def _stream(self, stream: str, deadline: Deadline) -> Row:
        return self._first(deadline, "read_held", stream)

    def _first(self, deadline: Deadline, name: str, *values: object) -> Row:
        rows = self._requests.select(deadline, name, *values)
        return rows[0] if rows else {}
