"""Appends commits to the file of events, a group of them in one transaction.

All commits of a group are one statement where none is refused; otherwise each is a statement of
its own, and the reason for a refusal is looked up in the same transaction.
"""

import json
import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from app.application.ports.errors import OutcomeUnknown, StoreError, StoreUnavailable
from app.application.ports.event_store import (
    NO_CLAIMS,
    NO_STREAM,
    AlreadyClaimed,
    Appended,
    Claim,
    Claims,
    EventData,
    ExpectedVersion,
    VersionConflict,
)
from app.infrastructure.clock import to_milliseconds
from app.infrastructure.group_commit import Ticket
from app.infrastructure.sqlite.event_file import EventFile

_APPEND = "INSERT INTO commits VALUES "
_NONE = "[]"
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
HEAD = "SELECT max(version) FROM events WHERE aggregate_id = ?"
_EVENT_ID = "SELECT event_id FROM events WHERE aggregate_id = ? AND version = ?"
OWNER = "SELECT owner FROM claims WHERE scope = ? AND value = ?"

# SQLite's own busy handler sleeps 1, 2, 5 … 100 ms; another process holds the file for about
# one sync, so asking again soon keeps the disk busy instead of the clock.
_LOCK_POLL_SECONDS = 0.0001


@dataclass(frozen=True, slots=True)
class Commit:
    """All the events of one command, and what they claim."""

    stream: str
    expected: ExpectedVersion
    events: Sequence[EventData]
    claims: Claims = NO_CLAIMS

    @property
    def after(self) -> int:
        return 0 if self.expected is NO_STREAM else self.expected

    @property
    def done(self) -> Appended:
        return Appended(self.after + len(self.events))

    def rows(self) -> list[tuple[str | int, ...]]:
        """As the view `commits` takes them."""
        claims = (_pairs(self.claims.taken), _pairs(self.claims.freed))
        return [
            (
                self.stream,
                self.after + place,
                event.event_type,
                event.payload,
                to_milliseconds(event.created_at),
                str(event.event_id),
                event.metadata,
                *(claims if place == 1 else (_NONE, _NONE)),
            )
            for place, event in enumerate(self.events, 1)
        ]


class _LeaderOutOfTime(StoreUnavailable):
    """Nothing was written; whoever has more time may try on."""


_Refusal = VersionConflict | AlreadyClaimed
_Tickets = Sequence[Ticket[Commit, Appended]]


class CommitWriter:
    """Writes groups of commits; `commit` is what a `GroupCommit` is made with."""

    def __init__(self, file: EventFile) -> None:
        self._file = file

    def commit(self, tickets: _Tickets) -> None:
        """Commit the tickets together; if that fails, each by itself, so that one that cannot
        be stored fails alone."""
        try:
            if not self._file.is_good:
                self._file.check()
            if not self._at_once(tickets):
                self._one_by_one(tickets)
        except StoreError as error:
            mine_alone = isinstance(error, _LeaderOutOfTime)
            for ticket in tickets:
                if ticket.deadline.expired or not mine_alone:
                    ticket.settle(error)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is each caller's to know
            if len(tickets) == 1:
                # The file is damaged, say. Nothing was written: only COMMIT leaves that open.
                broken = isinstance(error, sqlite3.DatabaseError)
                tickets[0].settle(StoreUnavailable(f"cannot write: {error}") if broken else error)
                return
            for ticket in tickets:
                self.commit([ticket])

    def _at_once(self, tickets: _Tickets) -> bool:
        """All of them in one statement, which is its own transaction; whether all could be."""
        try:
            rows = [row for ticket in tickets for row in ticket.work.rows()]
            self._locked(tickets, *_insert(rows), commits=True)
        except sqlite3.IntegrityError:
            return False
        self._file.confirm()
        for ticket in tickets:
            ticket.settle(ticket.work.done)
        return True

    def _one_by_one(self, tickets: _Tickets) -> None:
        """In one transaction, but each in a statement of its own: some are refused."""
        self._locked(tickets, "BEGIN IMMEDIATE")
        try:
            outcomes = [self._apply(ticket.work) for ticket in tickets]
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.OperationalError):
                raise StoreUnavailable(f"cannot write: {error}") from error
            raise
        self._locked(tickets, "COMMIT", commits=True)
        self._file.confirm()
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            ticket.settle(outcome)

    def _locked(
        self,
        tickets: _Tickets,
        statement: str,
        values: Sequence[str | int] = (),
        *,
        commits: bool = False,
    ) -> None:
        """Execute what needs the write lock, which another process may hold."""
        while True:
            try:
                self._file.writer.execute(statement, values)
            except sqlite3.OperationalError as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code != sqlite3.SQLITE_BUSY:
                    self._roll_back()
                    if commits and code == sqlite3.SQLITE_IOERR:
                        # It leaves open what a crash right now would bring back.
                        raise OutcomeUnknown(f"cannot commit: {error}") from error
                    raise StoreUnavailable(f"cannot write: {error}") from error
                if tickets[0].deadline.expired:
                    self._roll_back()
                    raise _LeaderOutOfTime("another process keeps the file locked") from error
                time.sleep(_LOCK_POLL_SECONDS * (0.5 + random.random()))
            else:
                return

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            self._file.writer.execute("ROLLBACK")

    def _apply(self, work: Commit) -> Appended | _Refusal:
        """Within a transaction: a refused commit writes nothing, and the reason is looked up."""
        try:
            self._file.writer.execute(*_insert(work.rows()))
        except sqlite3.IntegrityError:
            return self._already_applied(work) or self._refusal(work)
        return work.done

    def _already_applied(self, work: Commit) -> Appended | None:
        """A commit that is already there, at the very place it was meant for, is done."""
        row = self._file.writer.execute(_EVENT_ID, (work.stream, work.after + 1)).fetchone()
        if row is None or row[0] != str(work.events[0].event_id):
            return None
        return replace(work.done, already_applied=True)

    def _refusal(self, work: Commit) -> _Refusal:
        head: int = self._file.writer.execute(HEAD, (work.stream,)).fetchone()[0] or 0
        if head == work.after:
            for claim in work.claims.taken:
                owner = self._file.writer.execute(OWNER, (claim.scope, claim.value)).fetchone()
                if owner and owner[0] != work.stream:
                    return AlreadyClaimed(claim, owner[0])
        return VersionConflict(work.stream, work.expected, head or NO_STREAM)


def _pairs(claims: Sequence[Claim]) -> str:
    return json.dumps([(claim.scope, claim.value) for claim in claims]) if claims else _NONE


def _insert(rows: Sequence[tuple[str | int, ...]]) -> tuple[str, list[str | int]]:
    """The statement and its values."""
    return _APPEND + ",".join([_ROW] * len(rows)), [value for row in rows for value in row]
