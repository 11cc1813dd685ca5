"""Which of several workers accepts a connection, by a clock that the tests set."""

import os

from app.server.balance import (
    PATIENCE_SECONDS,
    PAUSE_SECONDS,
    STUCK_SECONDS,
    AcceptBalance,
    OpenConnections,
)


class Workers:
    """Three workers that share their counts, of which one is watched, and a clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.counts = OpenConnections(3)
        self.watched, self.second, self.third = (
            AcceptBalance(self.counts, slot, lambda: self.now) for slot in range(3)
        )

    def accepts_after(self, connections: int) -> float:
        """For how many seconds the watched worker, with so many connections, gives way."""
        begun = self.now
        while self.watched.gives_way(connections):
            assert self.watched.paused_until == self.now + PAUSE_SECONDS
            self.now += PAUSE_SECONDS
        return self.now - begun


def test_a_worker_alone_accepts_at_once() -> None:
    """Slots without a worker, or whose worker accepts nothing, are nobody to wait for."""
    workers = Workers()
    workers.second.publish(None)
    assert workers.accepts_after(1_000) == 0


def test_a_worker_with_more_connections_leaves_the_next_one_to_another() -> None:
    """It waits while the other takes turns of its event loop, and no longer than its patience."""
    workers = Workers()
    workers.second.begin_turn(3)
    assert workers.accepts_after(3) == 0, "as many are not fewer"
    assert workers.watched.gives_way(4)
    workers.second.publish(4)  # it has accepted
    assert not workers.watched.gives_way(4)


def test_no_connection_waits_for_a_worker_that_is_known_to_be_paused() -> None:
    """A worker that takes no turn costs a connection the patience, and all of them together less
    than a quarter of a second; then none waits for it until it takes a turn."""
    workers = Workers()
    workers.second.begin_turn(0)
    waits = [workers.accepts_after(1 + number) for number in range(20)]
    assert PATIENCE_SECONDS <= max(waits) < 2 * PATIENCE_SECONDS
    assert sum(waits) < STUCK_SECONDS + 2 * PATIENCE_SECONDS
    assert waits[-1] == 0
    workers.second.begin_turn(0)
    assert workers.accepts_after(4) > 0


def test_a_paused_worker_does_not_hide_another() -> None:
    """Each is judged by its own turns; one that is found paused stays so when a second is."""
    workers = Workers()
    workers.second.begin_turn(0)
    while workers.accepts_after(1):
        pass
    workers.third.begin_turn(0)
    assert workers.accepts_after(1) > 0, "it has not been waited for yet"
    while workers.accepts_after(1):
        pass
    workers.second.begin_turn(0)
    assert workers.accepts_after(1) > 0, "it goes on"


def test_a_busy_worker_is_waited_for_again_but_never_for_longer() -> None:
    """A worker that takes turns and yet does not accept costs each connection the patience at
    most, and may have the next one."""
    workers = Workers()
    for number in range(30):
        workers.second.begin_turn(0)
        assert PATIENCE_SECONDS <= workers.accepts_after(1 + number) < 2 * PATIENCE_SECONDS


def test_the_patience_begins_anew_when_nothing_waits() -> None:
    """The other has accepted what was left to it: the next connection has its own patience."""
    workers = Workers()
    workers.second.begin_turn(0)
    assert workers.watched.gives_way(1)
    workers.second.begin_turn(1)
    workers.watched.is_idle()
    workers.now += 60
    workers.second.begin_turn(0)
    assert workers.watched.gives_way(1)


def test_processes_share_the_counts() -> None:
    """What a forked process publishes, its parent and its siblings see."""
    counts = OpenConnections(2)
    pid = os.fork()
    if not pid:
        counts.publish(1, 7)
        counts.turn(1)
        os._exit(0)
    os.waitpid(pid, 0)
    assert counts.with_fewer(8) == {1: 1}
    assert counts.with_fewer(7) == {}
