"""Which requests may wait for a thread, by a clock that the tests set."""

from dataclasses import dataclass

import pytest

from app.server.admission import Admission

THREADS = 4
BUDGET = 10.0


@dataclass(eq=False)
class Request:
    """A request as the server times it."""

    deadline: float
    begun: float = 0.0
    ended: float = 0.0
    is_held: bool = False


class Pool:
    """Four threads, the requests that were let in, and a clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.admission = Admission(THREADS, lambda: self.now)
        self.inside: list[Request] = []

    def arrive(self, *, held: bool = False, budget: float = BUDGET) -> bool:
        """A request arrives; tell whether it was let in."""
        request = Request(self.now + budget, is_held=held)
        if not self.admission.admits(request):
            return False
        self.admission.enter(request)
        self.inside.append(request)
        self._begin()
        return True

    def end(self, count: int = 1) -> None:
        """The first `count` requests end."""
        for _ in range(count):
            request = self.inside.pop(0)
            request.ended = self.now
            self.admission.leave(request)
            self._begin()

    def serve(self, count: int, seconds: float) -> None:
        """So many requests arrive, one by one, and each takes so long."""
        for _ in range(count):
            assert self.arrive()
            self.now += seconds
            self.end()

    def _begin(self) -> None:
        for request in self.inside[:THREADS]:
            request.begun = request.begun or self.now


@pytest.fixture
def pool() -> Pool:
    """It has served requests of a second each."""
    made = Pool()
    made.serve(100, 1.0)
    return made


def fill(pool: Pool) -> int:
    """Let requests arrive until one is refused; how many wait."""
    while pool.arrive():
        pass
    return pool.admission.waiting


def test_a_free_thread_takes_any_request(pool: Pool) -> None:
    """However long requests have taken lately: what they do now is only found out by trying."""
    pool.serve(50, 60.0)
    assert [pool.arrive() for _ in range(THREADS)] == [True] * THREADS
    assert not pool.arrive()


def test_as_many_wait_as_are_answered_in_half_of_their_time(pool: Pool) -> None:
    """Four threads answer sixteen requests of a second in four seconds, and its own second is the
    fifth."""
    assert fill(pool) == 4 * THREADS + 1


def test_less_time_allows_fewer_before(pool: Pool) -> None:
    """A request that has used up most of its time already is refused where another may wait."""
    for _ in range(2 * THREADS):
        assert pool.arrive()
    assert not pool.arrive(budget=2.0)
    assert pool.arrive()


def test_a_silent_store_is_noticed_by_the_age_of_those_at_work(pool: Pool) -> None:
    """Nothing ends, so nothing tells how long it took: nobody may wait once half of the time has
    gone by, and who waits is given up when it is too late."""
    fill(pool)
    pool.now += 0.5 * BUDGET
    assert not pool.arrive()
    assert not list(pool.admission.hopeless())
    pool.now += 0.25 * BUDGET
    assert list(pool.admission.hopeless()) == pool.inside[THREADS:]


def test_who_still_has_time_is_not_given_up(pool: Pool) -> None:
    """Of those that wait only the ones whose time is nearly over."""
    for _ in range(2 * THREADS):
        assert pool.arrive()
    assert pool.arrive(budget=2 * BUDGET)
    pool.now += 0.9 * BUDGET
    assert list(pool.admission.hopeless()) == pool.inside[THREADS:-1]


def test_after_a_failure_a_few_quick_answers_are_enough(pool: Pool) -> None:
    """Requests that took all of their time are forgotten after some thirty others."""
    pool.serve(50, BUDGET)
    pool.serve(30, 0.01)
    assert fill(pool) > THREADS


def test_listeners_count_neither_as_slow_nor_as_threads_at_work(pool: Pool) -> None:
    """They keep their threads for hours: the others are expected to take what they always took, on
    the threads that are left."""
    assert pool.arrive(held=True)
    assert pool.arrive(held=True)
    pool.now += 3600
    assert pool.arrive()
    assert pool.arrive()
    assert fill(pool) == 4 * (THREADS - 2) + 1
