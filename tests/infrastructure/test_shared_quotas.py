"""Requests are counted exactly: by a clock that the tests set, by threads, by processes that are
killed."""

import os
import signal
import time
from collections.abc import Callable

from app.application.ports.quotas import Quota, Standing
from app.infrastructure.shared_quotas import WAYS, SharedQuotas
from tests.support.threads import at_once

QUOTA = Quota(requests=10, seconds=60)
SECOND = 1_000_000_000


class Clock:
    """A monotonic clock in nanoseconds."""

    def __init__(self) -> None:
        self.now = 1000 * SECOND

    def __call__(self) -> int:
        return self.now


def allowed(counts: SharedQuotas, tries: int, origin: str = "key a", quota: Quota = QUOTA) -> int:
    """How many of so many requests are allowed."""
    return sum(not counts.take(origin, quota).wait for _ in range(tries))


def test_as_many_as_the_quota_then_one_in_each_part_of_its_time() -> None:
    """Ten at once; after that one every six seconds; and after a minute ten again."""
    clock = Clock()
    counts = SharedQuotas(monotonic_ns=clock)
    assert allowed(counts, 20) == 10
    clock.now += 6 * SECOND - 1
    assert allowed(counts, 20) == 0
    clock.now += 1
    assert allowed(counts, 20) == 1
    clock.now += 60 * SECOND
    assert allowed(counts, 20) == 10


def test_what_is_left_is_said_to_the_second() -> None:
    """Of each request: how many more there may be, when all are there again, when the next one."""
    clock = Clock()
    counts = SharedQuotas(monotonic_ns=clock)
    assert counts.take("key a", QUOTA) == Standing(9, 6.0, 0.0)
    assert allowed(counts, 9) == 9
    assert counts.take("key a", QUOTA) == Standing(0, 60.0, 6.0)
    clock.now += 2 * SECOND
    assert counts.take("key a", QUOTA) == Standing(0, 58.0, 4.0)


def test_a_quota_that_its_time_cannot_be_divided_by_is_kept_exactly() -> None:
    """Seven in a minute are seven, however the nanoseconds are rounded."""
    assert allowed(SharedQuotas(monotonic_ns=Clock()), 20, quota=Quota(7, 60)) == 7


def test_origins_are_counted_apart() -> None:
    """Also those that share a set of the table, as long as it has room."""
    counts = SharedQuotas(sets=1, monotonic_ns=Clock())
    assert [allowed(counts, 20, f"key {number}") for number in range(WAYS)] == [10] * WAYS
    assert [allowed(counts, 20, f"key {number}") for number in range(WAYS)] == [0] * WAYS


def test_a_full_set_forgets_who_has_asked_least() -> None:
    """One origin more than a set has room for takes the place of the one that has used least."""
    counts = SharedQuotas(sets=1, monotonic_ns=Clock())
    for number in range(WAYS):
        allowed(counts, 10 if number else 1, f"key {number}")
    assert allowed(counts, 20, "another") == 10
    assert allowed(counts, 20, f"key {WAYS - 1}") == 0


def test_threads_count_together() -> None:
    """Eight at once, and not one too many."""
    counts = SharedQuotas(monotonic_ns=Clock())
    quota = Quota(1000, 60)
    assert sum(at_once(8, lambda _: allowed(counts, 500, quota=quota))) == 1000


def forked(work: Callable[[], int]) -> int:
    """A process that does the work, and sends its result as an exit code; its id."""
    pid = os.fork()
    if pid == 0:
        os._exit(work())
    return pid


def test_a_process_that_was_killed_or_is_paused_with_the_lock_holds_nobody_up() -> None:
    """The others take the lock over, and go on counting exactly; also once the paused one has woken
    up and released what it no longer holds."""
    counts = SharedQuotas(monotonic_ns=Clock())

    def pause() -> int:
        with counts._locked():
            os.kill(os.getpid(), signal.SIGSTOP)
        return 0

    pid = forked(pause)
    os.waitpid(pid, os.WUNTRACED)
    assert sum(at_once(8, lambda _: allowed(counts, 5))) == 10
    os.kill(pid, signal.SIGCONT)
    assert os.waitpid(pid, 0)[1] == 0
    assert sum(at_once(8, lambda _: allowed(counts, 5, "key b"))) == 10
    pid = forked(pause)
    os.waitpid(pid, os.WUNTRACED)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert sum(at_once(8, lambda _: allowed(counts, 5, "key c"))) == 10


def test_processes_count_together_and_a_killed_one_holds_nobody_up() -> None:
    """Four processes share the quota while a fifth, which counts all the time, is killed again and
    again: what it has counted counts, and no lock of its stays."""
    counts = SharedQuotas()
    quota = Quota(100, 86_400)
    for _ in range(10):
        busy = forked(lambda: allowed(counts, 10**9, "another", Quota(10**6, 1)))
        time.sleep(0.01)
        os.kill(busy, signal.SIGKILL)
        os.waitpid(busy, 0)
        counts.take("another", quota)
    pids = [forked(lambda: allowed(counts, 200, quota=quota)) for _ in range(4)]
    taken = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert sum(taken) == 100
