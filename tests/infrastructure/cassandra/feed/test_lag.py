"""What waits for a position on a real Cassandra is counted and timed, by whoever asks, whether or
not anybody sequences."""

import time
from collections import Counter
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from cassandra.query import BoundStatement

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import NO_STREAM, VersionConflict
from app.application.ports.feed import FeedLag
from app.application.ports.telemetry import Followed
from app.bootstrap import build_services
from app.infrastructure.cassandra.append.intent_log import IntentLog
from app.infrastructure.cassandra.feed import activity, lag
from app.infrastructure.cassandra.feed.lag import LagReader
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.observability.telemetry import PrometheusTelemetry
from config.settings import Settings
from tests.support.cassandra_node import Node
from tests.support.processes import wait_until
from tests.support.sequencing import Site, is_fenced, put, until
from tests.support.stores import commit, soon

EMPTY_LOG = "INSERT INTO lanes (registry, lane, stirred) VALUES ('lanes', %s, 1)"
INTENT = "INSERT INTO records (lane, bucket, seq, stream, first) VALUES (%s, %s, %s, 's', 1)"


@pytest.fixture(autouse=True)
def _nothing_is_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question is a measurement."""
    monkeypatch.setattr(lag, "RECENT_SECONDS", 0.0)


@pytest.fixture
def measure(site: Site) -> Callable[[], FeedLag]:
    """A measurement by one process, after everything that was there has got its position."""
    sequencer = site.sequencer(grace=0.1)
    reader = LagReader(site.requests())
    until(sequencer, lambda: reader.recent(soon()).waiting == 0)
    return lambda: reader.recent(soon())


class Asked(Requests):
    """Requests over the session of the site that count themselves by name."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.session, site.serial)
        self.names: Counter[str] = Counter()

    def bind(self, deadline: Deadline, name: str, *values: object) -> BoundStatement:
        """See `Requests`."""
        self.names[name] += 1
        return super().bind(deadline, name, *values)


def test_appends_wait_until_somebody_sequences(
    site: Site, measure: Callable[[], FeedLag], stream: str
) -> None:
    """Each intent is one, however many events it has; the age is that of the first."""
    before = measure()
    assert (before.waiting, before.oldest_seconds) == (0, 0.0)
    began = time.monotonic()
    writer = site.writer()
    put(writer, stream, count=2)
    first_is_there = time.monotonic()
    time.sleep(0.3)
    put(writer, str(uuid4()))
    asked = time.monotonic()
    now = measure()
    assert (now.intent_logs, now.waiting) == (before.intent_logs + 1, 2)
    assert asked - first_is_there - 0.05 <= now.oldest_seconds <= time.monotonic() - began + 0.05
    sequencer = site.sequencer()
    until(sequencer, lambda: measure() == FeedLag(now.intent_logs, 0, 0.0))


def test_what_was_refused_does_not_wait(
    site: Site, measure: Callable[[], FeedLag], stream: str
) -> None:
    """An append that met a change by somebody else gets no position, and is not counted."""
    writer = site.writer()
    put(writer, stream)
    wait_until(lambda: measure().waiting == 1, 10, "the append")
    with pytest.raises(VersionConflict):
        put(writer, stream, NO_STREAM)
    writer.close()  # says how the last ones ended
    assert measure().waiting == 1


def test_an_append_in_doubt_waits(site: Site, measure: Callable[[], FeedLag], stream: str) -> None:
    """Also after the rest of its log has gone past it, until it is found out that it never came."""
    log = IntentLog(site.requests())
    log.prepare(stream, 1, commit()[1], soon())
    put(site.writer(), str(uuid4()))
    assert measure().waiting == 2
    until(site.sequencer(), lambda: bool(site.open_intents()))
    until(site.sequencer(), lambda: measure().waiting == 1)
    assert measure().oldest_seconds > 0
    until(site.sequencer(grace=0.1), lambda: is_fenced(site, stream))
    until(site.sequencer(grace=0.1), lambda: measure().waiting == 0)


def test_a_log_is_counted_across_its_partitions(site: Site, measure: Callable[[], FeedLag]) -> None:
    """A thousand intents are one partition of a log."""
    log = uuid4()
    site.ask(EMPTY_LOG, log)
    for seq in (1, 999, 1_000, 1_001, 1_002):
        site.ask(INTENT, log, (seq - 1) // 1_000, seq)
    assert measure().waiting == 5
    forget(site, log)


def forget(site: Site, log: UUID) -> None:
    for bucket in (0, 1):
        site.ask("DELETE FROM records WHERE lane = %s AND bucket = %s", log, bucket)
    site.ask("DELETE FROM lanes WHERE registry = 'lanes' AND lane = %s", log)


def test_logs_that_are_behind_are_looked_at_each_time(
    site: Site, measure: Callable[[], FeedLag], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though they have been quiet for long, as many of them as there are: the figure holds still.
    Quiet logs with nothing in them take turns."""
    logs = [uuid4() for _ in range(12)]
    for log in logs:
        site.ask("INSERT INTO lanes (registry, lane, stirred) VALUES ('lanes', %s, 0)", log)
    for log in logs[:6]:
        site.ask(INTENT, log, 0, 1)
    asked = Asked(site)
    reader = LagReader(asked)
    assert reader.recent(soon()).waiting == 6
    assert asked.names["read_waiting"] >= 12
    monkeypatch.setattr(activity, "BUSY_SECONDS", 0.0)
    monkeypatch.setattr(activity, "RESTING_SECONDS", 0.0)
    for _ in range(3):
        asked.names.clear()
        assert reader.recent(soon()).waiting == 6
        assert asked.names["read_waiting"] in {6, 7}
    for log in logs:
        forget(site, log)


def test_two_who_ask_at_once_cost_one_measurement(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which asks for the list of logs once, and for each log once."""
    monkeypatch.setattr(lag, "RECENT_SECONDS", 60.0)
    asked = Asked(site)
    reader = LagReader(asked)
    first = reader.recent(soon())
    once = asked.names.copy()
    assert (once["read_intent_logs"], once["read_waiting"]) == (1, first.intent_logs)
    assert reader.recent(soon()) is first
    assert asked.names == once


def test_the_figures_say_it_while_nobody_sequences(
    site: Site, measure: Callable[[], FeedLag], cassandra_node: Node
) -> None:
    """On /metrics of a service whose workers leave the feed to a process that is not there."""
    assert measure().waiting == 0
    services = build_services(
        Settings(
            event_store="cassandra",
            cassandra_hosts=(cassandra_node.host,),
            cassandra_port=cassandra_node.port,
            cassandra_keyspace=site.session._keyspace,
            workers_follow=False,
        )
    )
    try:
        put(services.store, str(uuid4()))
        figures = services.telemetry.exposition(True, Followed(0, {})).decode()
    finally:
        services.close()
    assert "\nfeed_waiting_appends 1.0\n" in figures
    assert float(figures.partition("\nfeed_waiting_seconds ")[2].partition("\n")[0]) > 0


def test_nothing_is_said_while_it_cannot_be_found_out() -> None:
    """Neither 0 nor an older figure; all others are there."""

    def silent(_: object) -> FeedLag:
        raise StoreUnavailable("no answer")

    telemetry = PrometheusTelemetry()
    telemetry.watch(silent)
    figures = telemetry.exposition(True, Followed(7, {})).decode()
    assert "feed_waiting" not in figures
    assert "\nfeed_position 7.0\n" in figures
