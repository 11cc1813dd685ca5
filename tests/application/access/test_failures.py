"""The limit on failures with invalid keys: how many, for how long, by origin, in bounded memory."""

import pytest

from app.application.access.failures import FailureLimit
from tests.support.threads import at_once


@pytest.fixture
def now() -> list[float]:
    """The limit's clock, which a test moves."""
    return [1000.0]


@pytest.fixture
def limit(now: list[float]) -> FailureLimit:
    """Three failures in ten seconds, with memory for four origins."""
    return FailureLimit(maximum=3, seconds=10, origins=4, monotonic=lambda: now[0])


def fail(limit: FailureLimit, *origins: str, times: int = 1) -> None:
    """Count this many failures of these origins."""
    for _ in range(times):
        limit.count(*origins)


def test_a_few_failures_are_let_pass(limit: FailureLimit) -> None:
    """Below the limit no origin waits."""
    assert limit.wait("a") == 0
    fail(limit, "a", times=2)
    assert limit.wait("a") == 0


def test_beyond_the_limit_an_origin_waits(limit: FailureLimit, now: list[float]) -> None:
    """An origin over the limit waits until ten seconds after its first failure; then its window
    begins anew."""
    fail(limit, "a")
    now[0] += 4
    fail(limit, "a", times=2)
    assert limit.wait("a") == 6
    now[0] += 6
    assert limit.wait("a") == 0
    fail(limit, "a", times=2)
    assert limit.wait("a") == 0


def test_origins_are_apart(limit: FailureLimit) -> None:
    """An origin waits for its own failures only."""
    fail(limit, "a", "x", times=2)
    fail(limit, "b", "x")
    assert (limit.wait("a"), limit.wait("b"), limit.wait("x")) == (0, 0, 10)
    assert limit.wait("a", "x") == 10


def test_the_longest_wait_counts(limit: FailureLimit, now: list[float]) -> None:
    """Of several origins over the limit the longest wait counts."""
    fail(limit, "a", times=3)
    now[0] += 5
    fail(limit, "b", times=3)
    assert limit.wait("a", "b") == 10


def test_its_memory_is_bounded(limit: FailureLimit) -> None:
    """Beyond four origins the limit forgets the one that failed longest ago."""
    for origin in "abcd":
        fail(limit, origin, times=3)
    fail(limit, "a")
    fail(limit, "e", times=3)
    assert [origin for origin in "abcde" if limit.wait(origin)] == ["a", "c", "d", "e"]
    for number in range(1000):
        fail(limit, str(number))
    assert len(limit._windows) == 4


def test_threads_are_counted_together() -> None:
    """No failure of eight concurrent threads is lost."""
    limit = FailureLimit(maximum=800)
    at_once(8, lambda _: fail(limit, "a", times=99))
    assert limit.wait("a") == 0
    fail(limit, "a", times=8)
    assert limit.wait("a") > 0
