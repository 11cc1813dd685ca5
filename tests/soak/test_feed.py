"""The feed while writers, sequencers and readers are killed and paused: no event is lost or comes
twice, and what a reader saw stays as it is. And how late readers see an event.
"""

import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.cassandra_node import Node
from tests.support.feed_crowd import Crowd
from tests.support.feed_traffic import DIE_AFTER_APPEND, DIE_BEFORE_APPEND
from tests.support.forks import Forks
from tests.support.measurements import IS_FULL, Figures, each_round, rounds
from tests.support.processes import wait_until
from tests.support.stores import KEYSPACE, make_keyspace, open_store

pytestmark = pytest.mark.soak

EVENTS = 10_000
EVENTS_ON_SQLITE = 5_000
SEQUENCERS = 3
WRITERS = 16
BUSY_RATE = 400  # appends a second, of all writers together, if the store is as fast as that
SHORT_GRACE_S = 0.3  # the real one is a courtesy to slow writers: nothing may rest on it
CALM_EVENTS = 2_000
CALM_RATE = 100
KILLS = 20  # of each kind
LAG_S = 1.0
GOES_ON_S = 10.0
SETTLED_S = 30.0
DISTURBED_EVERY_S = 0.2
DEATHS = [
    ("the active sequencer", "sequence", signal.SIGKILL),
    ("a writer right before its append", "write", DIE_BEFORE_APPEND),
    ("a writer right after its append", "write", DIE_AFTER_APPEND),
]
WHAT = f"{WRITERS} writers append while writers, sequencers and readers are killed and paused, {{}}"
KEPT = (
    "every acknowledged event in the feed once, it is what the streams hold, no position empty or"
    " twice, versions ascend, all readers saw the same"
)


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Starts the processes."""
    log = tmp_path_factory.mktemp("forks") / "log"
    with Forks("tests.support.feed_traffic", log) as forks:
        yield forks


@pytest.fixture(scope="module")
def on_cassandra(cassandra_node: Node) -> str:
    """The name of a store on the node, without any events yet."""
    contact = make_keyspace(cassandra_node)
    return f"cassandra:{contact.hosts[0]}:{contact.port}:{KEYSPACE}"


def disturb_until(crowd: Crowd, events: int, every_s: float) -> None:
    """Kill and pause until that many events were acknowledged."""
    while len(crowd.acknowledged()) < events:
        due = time.monotonic() + crowd.chance.uniform(0.5, 1.5) * every_s
        wait_until(lambda: time.monotonic() > due, 60, "the next disturbance")  # noqa: B023
        crowd.disturb()
        crowd.wake()


def check(crowd: Crowd) -> str:
    """Every promise was kept; says what was done to whom, and how writers fared."""
    happened = sorted((crowd.fates + crowd.outcomes()).items())
    done = ", ".join(f"{count} {what}" for what, count in happened)
    assert crowd.settle(SETTLED_S) == [], f"seed {crowd.seed}: {done}"
    return done


def in_words(lags: Sequence[float]) -> str:
    """Of an ascending list of seconds: the median, the 99th percentile and the greatest."""
    points = {"p50": len(lags) // 2, "p99": len(lags) * 99 // 100, "at most": -1}
    return ", ".join(f"{name} {lags[place] * 1000:.0f} ms" for name, place in points.items())


def test_no_event_is_lost_or_moved_whoever_is_killed_or_paused(
    forks: Forks, on_cassandra: str, tmp_path: Path, figures: Figures
) -> None:
    """16 writers append while writers, sequencers and readers are killed and paused: in the end the
    feed is what the streams hold, every position taken once, versions ascending, every
    acknowledged event in it once, and every reader saw all of it as it is."""
    with Crowd(
        forks,
        on_cassandra,
        tmp_path,
        sequencers=SEQUENCERS,
        pause_s=WRITERS / BUSY_RATE,
        slow_s=3 * SHORT_GRACE_S,
        grace_s=SHORT_GRACE_S,
    ) as crowd:
        disturb_until(crowd, rounds(EVENTS), DISTURBED_EVERY_S)
        done = check(crowd)
    figures.add(WHAT.format("cassandra"), len(crowd.acknowledged()), f"{done}; {KEPT}")


def test_on_one_file_no_event_is_lost_or_moved_either(
    forks: Forks, tmp_path: Path, figures: Figures
) -> None:
    """The same on SQLite, whose writers give the positions themselves."""
    store = f"sqlite:{tmp_path / 'events.db'}"
    open_store(store).close()
    with Crowd(forks, store, tmp_path / "crowd", pause_s=WRITERS / BUSY_RATE) as crowd:
        disturb_until(crowd, rounds(EVENTS_ON_SQLITE), DISTURBED_EVERY_S)
        done = check(crowd)
    figures.add(WHAT.format("sqlite"), len(crowd.acknowledged()), f"{done}; {KEPT}")


@pytest.mark.alone
def test_readers_see_an_event_soon_after_it_was_acknowledged(
    forks: Forks, on_cassandra: str, tmp_path: Path, figures: Figures
) -> None:
    """With all alive, 99 of 100 events are seen within a second of their acknowledgement."""
    for rate in (CALM_RATE, None) if IS_FULL else (CALM_RATE,):
        folder, pause_s = tmp_path / str(rate), WRITERS / rate if rate else 0.0
        with Crowd(forks, on_cassandra, folder, sequencers=SEQUENCERS, pause_s=pause_s) as crowd:
            began, before = time.monotonic(), len(crowd.acknowledged())
            enough = before + rounds(CALM_EVENTS)
            wait_until(lambda: len(crowd.acknowledged()) >= enough, 300, "events", 0.1)  # noqa: B023
            events = (len(crowd.acknowledged()) - before) / (time.monotonic() - began)
            check(crowd)
        lags = crowd.lags(began)
        figures.add(
            f"{WRITERS} writers append {'at a moderate rate' if rate else 'without a pause'}:"
            " from the acknowledgement until a reader has the event",
            len(lags),
            f"{events:.0f} events/s; {in_words(lags)}",
        )
        assert not rate or lags[len(lags) * 99 // 100] < LAG_S, f"seed {crowd.seed}"


@pytest.mark.alone
def test_the_feed_goes_on_after_a_kill(
    forks: Forks, on_cassandra: str, tmp_path: Path, figures: Figures
) -> None:
    """The active sequencer is killed, or a writer between its intent and its append, or right after
    its append: within ten seconds all readers see what was acknowledged since, before anybody
    has replaced it."""
    stood_still: dict[str, list[float]] = {}
    pause_s = WRITERS / CALM_RATE
    with Crowd(forks, on_cassandra, tmp_path, sequencers=SEQUENCERS, pause_s=pause_s) as crowd:
        began = time.monotonic()
        for number in each_round(3 * KILLS):
            what, role, signal_number = DEATHS[number % len(DEATHS)]
            victim = crowd.active(role)
            victim.fork.signal(signal_number)
            victim.fork.wait()
            at = time.monotonic()
            wait_until(
                lambda: crowd.stood_still(at) is not None,  # noqa: B023
                GOES_ON_S,
                f"seed {crowd.seed}: the feed goes on after a kill of {what}",
                0.05,
            )
            stood_still.setdefault(what, []).append(crowd.stood_still(at) or 0)
            crowd.replace(victim)
            # One kill at a time: what it left behind is seen before the next.
            now = time.monotonic()
            wait_until(lambda: crowd.has_caught_up(now), GOES_ON_S, f"seed {crowd.seed}")  # noqa: B023
        check(crowd)
    longest = crowd.lags(began)[-1]
    assert longest < GOES_ON_S, f"seed {crowd.seed}"
    for what, seconds in stood_still.items():
        figures.add(
            f"kill -9 of {what}: until readers have an event that was acknowledged after it",
            len(seconds),
            in_words(sorted(seconds)),
        )
    figures.add(
        "among those kills: from any acknowledgement until a reader has the event",
        len(crowd.lags(began)),
        f"at most {longest:.1f} s",
    )
