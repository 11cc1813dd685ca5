"""Threads that append at the same time share one commit, and none waits for ever."""

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.infrastructure.group_commit import MAX_GROUP, GroupCommit, Ticket
from tests.support.processes import wait_until
from tests.support.threads import at_once

Tickets = Sequence[Ticket[int, int]]


class Disk:
    """Settles each ticket on its work times ten; `open` holds commits up until it is set."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.open = threading.Event()
        self.open.set()
        self.busy = threading.Lock()

    def commit(self, tickets: Tickets) -> None:
        """What GroupCommit is given."""
        assert self.busy.acquire(blocking=False), "two leaders at the same time"
        try:
            self.groups.append([ticket.work for ticket in tickets])
            assert self.open.wait(10)
            for ticket in tickets:
                ticket.settle(ticket.work * 10)
        finally:
            self.busy.release()


class Held:
    """A GroupCommit whose first commit is under way, in a thread of its own, until released."""

    def __init__(self, after: Callable[[Tickets], None] | None = None) -> None:
        """`after` commits what comes after the first, if it is not the disk."""
        self.disk = Disk()
        self.disk.open.clear()
        self.after = after or self.disk.commit
        self.group = GroupCommit(self._commit)
        self.outcomes: dict[int, object] = {}
        self.threads: list[threading.Thread] = []
        self.start(0)
        wait_until(lambda: self.disk.groups, 5, "the first commit")

    def start(self, work: int, seconds: float = 10) -> None:
        """Submit in a thread of its own."""
        thread = threading.Thread(target=self._submit, args=(work, Deadline.after(seconds)))
        self.threads.append(thread)
        thread.start()

    def waiting(self) -> int:
        """How many wait for a leader."""
        return len(self.group._waiting)

    def wait_for(self, waiting: int) -> None:
        """Return when so many wait for a leader."""
        wait_until(lambda: self.waiting() == waiting, 5, f"{waiting} to wait")

    def release(self) -> None:
        """Let the commits end, and wait for all threads."""
        self.disk.open.set()
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive(), "a thread was left waiting"

    def _commit(self, tickets: Tickets) -> None:
        commit = self.after if self.disk.groups else self.disk.commit
        commit(tickets)

    def _submit(self, work: int, deadline: Deadline) -> None:
        try:
            self.outcomes[work] = self.group.submit(work, deadline)
        except Exception as error:  # noqa: BLE001 - the outcome is what the test looks at
            self.outcomes[work] = error


def test_one_alone_commits_at_once() -> None:
    """Nobody to wait for: the caller leads a group of its own."""
    disk = Disk()
    group = GroupCommit(disk.commit)
    assert [group.submit(n, Deadline.after(1)) for n in (1, 2, 3)] == [10, 20, 30]
    assert disk.groups == [[1], [2], [3]]


def test_those_who_come_meanwhile_share_the_next_commit() -> None:
    """In the order in which they came, and each gets its own outcome."""
    held = Held()
    for work in (1, 2, 3):
        held.start(work)
        held.wait_for(work)
    held.release()
    assert held.disk.groups == [[0], [1, 2, 3]]
    assert held.outcomes == {0: 0, 1: 10, 2: 20, 3: 30}


def test_a_group_has_a_limit() -> None:
    """The first never waits for more than MAX_GROUP; the rest is the next leader's."""
    held = Held()
    for work in range(1, MAX_GROUP + 3):
        held.start(work)
        held.wait_for(work)
    held.release()
    assert [len(group) for group in held.disk.groups] == [1, MAX_GROUP, 2]
    assert held.outcomes == {work: work * 10 for work in range(MAX_GROUP + 3)}


def test_no_submission_is_lost_or_done_twice() -> None:
    """Sixteen threads, two hundred submissions each: every one is committed exactly once."""
    disk = Disk()
    group = GroupCommit(disk.commit)

    def submit(thread: int) -> list[int]:
        return [group.submit(thread * 200 + n, Deadline.after(10)) for n in range(200)]

    outcomes = at_once(16, submit)
    assert [n for per_thread in outcomes for n in per_thread] == [n * 10 for n in range(3200)]
    assert sorted(work for batch in disk.groups for work in batch) == list(range(3200))


def test_an_outcome_can_be_an_error() -> None:
    """It is raised in the thread whose work it belongs to, and nowhere else."""

    def commit(tickets: Tickets) -> None:
        for ticket in tickets:
            ticket.settle(ValueError(str(ticket.work)) if ticket.work % 2 else ticket.work)

    group = GroupCommit(commit)
    assert group.submit(2, Deadline.after(1)) == 2
    with pytest.raises(ValueError, match="3"):
        group.submit(3, Deadline.after(1))
    assert group.submit(4, Deadline.after(1)) == 4


def test_the_first_word_counts() -> None:
    """An outcome once settled is not changed."""
    ticket: Ticket[int, int] = Ticket(1, Deadline.after(1))
    ticket.settle(10)
    ticket.settle(ValueError("too late"))
    assert ticket.result() == 10


def test_who_was_not_taken_in_time_was_not_written() -> None:
    """A turn that does not come by the deadline is given back: nothing was done, and nothing
    will be."""
    held = Held()
    held.start(1, seconds=0.05)
    wait_until(lambda: 1 in held.outcomes, 5, "its deadline")
    assert isinstance(held.outcomes[1], StoreUnavailable)
    held.release()
    assert held.disk.groups == [[0]]


def test_who_was_taken_but_not_told_in_time_cannot_know() -> None:
    """Its group is under way when its time is over: the outcome is unknown."""
    held = Held()
    gate = threading.Event()

    def commit(tickets: Tickets) -> None:
        held.disk.groups.append([ticket.work for ticket in tickets])
        assert gate.wait(10)

    held.start(1)
    held.wait_for(1)
    held.start(2, seconds=0.2)
    held.wait_for(2)
    held.group._commit = commit
    held.disk.open.set()
    wait_until(lambda: 2 in held.outcomes, 5, "its deadline")
    assert isinstance(held.outcomes[2], OutcomeUnknown)
    gate.set()
    held.release()
    assert held.disk.groups == [[0], [1, 2]]


def test_a_commit_that_breaks_leaves_nobody_waiting() -> None:
    """Whatever breaks out of the leader's commit, the lead is handed on and later work is done."""
    held = Held()
    held.start(1)
    held.wait_for(1)

    def breaks(tickets: Tickets) -> None:
        raise MemoryError

    working = held.group._commit
    held.group._commit = breaks
    held.release()
    assert held.outcomes[0] == 0
    assert isinstance(held.outcomes[1], MemoryError)
    held.group._commit = working
    assert held.group.submit(5, Deadline.after(1)) == 50


def test_a_leader_takes_no_longer_than_its_own_time() -> None:
    """What it could not do by then is done by the next leader, who has more time."""
    led: list[int] = []

    def commit(tickets: Tickets) -> None:
        led.append(tickets[0].work)
        if tickets[0].work == 1:
            wait_until(lambda: tickets[0].deadline.expired, 5, "the leader's deadline")
        for ticket in tickets:
            if ticket.deadline.expired:
                ticket.settle(StoreUnavailable("locked"))
            elif tickets[0].work != 1:
                ticket.settle(ticket.work * 10)

    held = Held(commit)
    held.start(1, seconds=0.3)
    held.wait_for(1)
    for work in (2, 3):
        held.start(work)
        held.wait_for(work)
    began = time.monotonic()
    held.release()
    assert time.monotonic() - began < 2
    assert led == [1, 2]
    assert isinstance(held.outcomes.pop(1), StoreUnavailable)
    assert held.outcomes == {0: 0, 2: 20, 3: 30}


def test_who_has_given_up_is_not_taken_again() -> None:
    """Nor made a leader: a ticket that a leader left over may belong to a thread that is gone."""

    def commit(tickets: Tickets) -> None:
        if tickets[0].work == 1:
            wait_until(lambda: tickets[0].deadline.expired, 5, "the leader's deadline")
        for ticket in tickets:
            if tickets[0].work != 1 or ticket.work == 1:
                ticket.settle(ticket.work * 10)

    held = Held(commit)
    held.start(1, seconds=0.6)
    held.wait_for(1)
    held.start(2, seconds=0.3)
    held.wait_for(2)
    held.start(3)
    held.wait_for(3)
    held.release()
    assert isinstance(held.outcomes.pop(2), OutcomeUnknown)
    assert held.outcomes == {0: 0, 1: 10, 3: 30}
