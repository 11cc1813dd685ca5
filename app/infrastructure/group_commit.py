"""Lets threads that append at the same time share one transaction, and so one disk sync.

No thread of its own: whoever finds nobody leading becomes the leader, commits everything that
waits (its own ticket included), then hands the lead to the first that came meanwhile.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable

Work = TypeVar("Work")
Result = TypeVar("Result")

MAX_GROUP = 128
"""Tickets in one transaction: bounds how long the first one waits for the last."""


class Ticket(Generic[Work, Result]):
    """One caller's work, and a lock that is released when the caller has to wake up."""

    __slots__ = ("_outcome", "deadline", "is_given_up", "leads", "wake", "work")

    def __init__(self, work: Work, deadline: Deadline) -> None:
        self.work = work
        self.deadline = deadline
        self.leads = False
        self.is_given_up = False
        self.wake = threading.Lock()
        self.wake.acquire()
        self._outcome: Result | Exception | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it is known how it ended."""
        return self._outcome is not None

    def settle(self, outcome: Result | Exception) -> None:
        """Say how it ended; the first word counts."""
        if self._outcome is None:
            self._outcome = outcome

    def result(self) -> Result:
        """The outcome, raised if it is an exception."""
        if self._outcome is None:
            raise OutcomeUnknown("the transaction did not end in time")
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


class GroupCommit(Generic[Work, Result]):
    """`commit` carries out a group of tickets and settles each; it must not raise.

    The first of the group is the leader's own, and `commit` takes no longer than that one's
    deadline. A ticket with more time that it could not do by then, and of which nothing was
    written, it leaves unsettled: the next leader takes it.
    """

    def __init__(self, commit: Callable[[Sequence[Ticket[Work, Result]]], None]) -> None:
        self._commit = commit
        self._mutex = threading.Lock()
        self._waiting: deque[Ticket[Work, Result]] = deque()
        self._led = False

    def submit(self, work: Work, deadline: Deadline) -> Result:
        """Return or raise what `commit` settled on for this work.

        Raises StoreUnavailable if its turn did not come by the deadline, OutcomeUnknown if the
        group that took it did not end by then.
        """
        ticket: Ticket[Work, Result] = Ticket(work, deadline)
        with self._mutex:
            self._waiting.append(ticket)
            if not self._led:
                self._led = ticket.leads = True
        if not ticket.leads and not ticket.wake.acquire(timeout=deadline.remaining()):
            self._withdraw(ticket)
        if ticket.leads:
            self._lead()
        return ticket.result()

    def _lead(self) -> None:
        with self._mutex:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_GROUP))]
        rest: list[Ticket[Work, Result]] = []
        try:
            self._commit(group)
            rest = [ticket for ticket in group[1:] if not ticket.is_settled]
        finally:
            with self._mutex:
                rest = [ticket for ticket in rest if not ticket.is_given_up]
                self._waiting.extendleft(reversed(rest))
                if self._waiting:
                    self._waiting[0].leads = True
                    self._waiting[0].wake.release()
                else:
                    self._led = False
            for ticket in group:
                if not ticket.leads and ticket not in rest:
                    ticket.wake.release()

    def _withdraw(self, ticket: Ticket[Work, Result]) -> None:
        """The ticket's time is over. What no leader has taken yet was certainly not written; one
        that was made the leader meanwhile still leads, because others rely on it."""
        with self._mutex:
            if ticket in self._waiting and not ticket.leads:
                self._waiting.remove(ticket)
                ticket.settle(StoreUnavailable("the store is too busy"))
            ticket.is_given_up = not ticket.leads
