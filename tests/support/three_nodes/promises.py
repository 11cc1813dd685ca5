"""What the service promises while a node of three is away, while two are, and when they are back.

An answer's time is measured twice. An access line is there for every answer, and holds nothing of a
client's own waits; but its time begins when a thread has taken the request. The witness asks from
outside, and seldom: what access lines leave out would show there. Both have to be in time.
"""

from __future__ import annotations

from tests.support.three_nodes.seen import Seen

BUDGET_SECONDS = 5.0
"""REQUEST_TIMEOUT of the services."""
LATE_SECONDS = 0.1
"""So much later than its budget an answer may be there."""
FEED_SECONDS = 3.0
"""How far the feed may be behind while one node is away."""
HEALED_SECONDS = 3.0
"""How long after the heal of one node all has to be normal."""
HEALED_MAJORITY_SECONDS = 1.0


def is_in_time(seen: Seen) -> None:
    """No answer is later than its budget."""
    assert seen.served <= BUDGET_SECONDS + LATE_SECONDS, str(seen)
    assert seen.latest <= BUDGET_SECONDS + LATE_SECONDS, str(seen)


def is_no_outage(seen: Seen) -> None:
    """With one node of three away."""
    assert seen.answered >= 0.995, str(seen)
    assert seen.longest_gap <= 2, str(seen)
    assert seen.p99 <= 1.5, str(seen)
    assert seen.feed_lag <= FEED_SECONDS, str(seen)
    assert seen.found >= 0.99, str(seen)
    assert seen.unready == 0, str(seen)
    is_in_time(seen)


def is_normal(seen: Seen) -> None:
    """As if nothing had happened."""
    assert seen.answered == 1, str(seen)
    assert seen.longest_gap <= 1, str(seen)
    assert seen.slowest <= 1, str(seen)
    assert seen.feed_lag <= 1, str(seen)
    assert seen.found == 1, str(seen)
    assert seen.unready == 0, str(seen)


def acknowledges_nothing(seen: Seen, began: float) -> None:
    """Without a majority, since `began`."""
    # The kernel stops a node's threads one after the other, and rules are set one by one.
    late = [each for each in seen.commands if each.began > began + 0.5]
    assert late
    assert {each.status for each in late} == {503}, str(seen)
