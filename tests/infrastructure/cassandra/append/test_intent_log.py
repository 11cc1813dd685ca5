"""A process's intent log on a real Cassandra: whatever fails, its intents have no hole."""

from uuid import UUID, uuid4

import pytest

from app.application.ports.errors import StoreUnavailable
from app.infrastructure.cassandra.append.intent_log import BUCKET_INTENTS, IntentId, IntentLog
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.session import Row
from tests.support.interrupted import Around, Stop
from tests.support.sequencing import Lost, Recorded, Site, undisturbed
from tests.support.stores import commit, soon
from tests.support.threads import at_once


def open_log(site: Site, around: Around = undisturbed) -> IntentLog:
    """The log of a new process."""
    return IntentLog(site.requests(around))


def prepare(log: IntentLog, stream: str = "", payload: str = "{}") -> IntentId:
    """Prepare the append of a new commit of one event."""
    return log.prepare(stream or str(uuid4()), 1, commit(payload=payload)[1], soon())


def intents(site: Site, log: UUID) -> list[Row]:
    """All intents of the log."""
    rows: list[Row] = []
    for bucket in range(3):
        rows += site.ask("SELECT * FROM records WHERE lane = %s AND bucket = %s", log, bucket)
    return rows


def registered(site: Site, log: UUID) -> Row:
    """What the list of logs says of this one."""
    cql = "SELECT * FROM lanes WHERE registry = 'lanes' AND lane = %s"
    return site.ask(cql, log)[0]


def acknowledged(site: Site, intent: IntentId) -> bool | None:
    """How the append of this intent ended, if it is acknowledged by the deadline."""
    deadline = soon(5)
    cql = "SELECT written FROM records WHERE lane = %s AND bucket = %s AND seq = %s"
    while not deadline.expired:
        written: bool | None = site.ask(cql, intent.log, intent.bucket, intent.seq)[0]["written"]
        if written is not None:
            return written
    return None


def test_an_intent_holds_what_is_to_be_appended(site: Site) -> None:
    """Its log is in the list of logs, and how the append ends is not known."""
    log = open_log(site)
    intent = prepare(log, "some stream")
    (row,) = intents(site, intent.log)
    assert (row["seq"], row["stream"], row["first"], row["written"]) == (1, "some stream", 1, None)
    assert len(row["events"]) == 1
    assert registered(site, intent.log)["stirred"] == 1


@pytest.mark.parametrize("sent", [True, False], ids=["answer lost", "request lost"])
def test_a_failed_write_leaves_no_hole(site: Site, sent: bool) -> None:
    """Its caller is told that nothing may be appended; what is in its place is an empty
    intent, whether it was written or not."""
    log = open_log(site, Lost("prepare", sent))
    with pytest.raises(RequestFailed):
        prepare(log)
    intent = prepare(log)
    rows = intents(site, intent.log)
    assert [(row["seq"], row["written"]) for row in rows] == [(1, False), (2, None)]
    assert rows[0]["events"] is None


def test_nothing_is_written_behind_a_hole(site: Site) -> None:
    """As long as a hole cannot be filled nothing can be prepared."""
    log = open_log(site, Lost("prepare", sent=False, times=3))
    for _ in range(3):
        with pytest.raises(RequestFailed):
            prepare(log)
    intent = prepare(log)
    assert [row["seq"] for row in intents(site, intent.log)] == [1, 2]


def test_threads_share_a_write(site: Site) -> None:
    """Those that come while one is being written go together; each gets an intent of its own."""
    stop, recorded = Stop("open_intent_log"), Recorded()
    log = open_log(site, lambda name, send: stop(name, lambda: recorded(name, send)))

    def run(number: int) -> IntentId | None:
        if number == 0:
            return prepare(log)
        stop.wait_reached()
        if number == 1:
            waiting = log._group._waiting
            deadline = soon()
            while len(waiting) < 8 and not deadline.expired:
                pass
            stop.go_on()
            return None
        return prepare(log)

    found = [intent for intent in at_once(10, run) if intent]
    assert sorted(intent.seq for intent in found) == list(range(1, 10))
    assert recorded.names.count("prepare") == 2


def test_large_intents_are_not_written_together(site: Site) -> None:
    """One write stays below 50 KiB, and a character may take up to four bytes of it."""
    recorded = Recorded()
    log = open_log(site, recorded)
    found = at_once(12, lambda _: prepare(log, payload="€" * 10_000))
    rows = intents(site, found[0].log)
    assert [row["seq"] for row in rows] == list(range(1, 13))
    assert recorded.names.count("prepare") == 12


def test_outcomes_are_acknowledged(site: Site) -> None:
    """In the background, soon."""
    log = open_log(site)
    intent = prepare(log)
    log.acknowledge(intent, written=False)
    assert acknowledged(site, intent) is False


def test_a_log_goes_on_in_the_next_bucket(site: Site) -> None:
    """Without a hole; a write that meets the border is parted, and so are outcomes."""
    log = open_log(site)
    share = BUCKET_INTENTS // 20 + 1

    def run(_: int) -> list[IntentId]:
        return [prepare(log) for _ in range(share)]

    found = [intent for some in at_once(20, run) for intent in some]
    rows = intents(site, found[0].log)
    assert [row["seq"] for row in rows] == list(range(1, 20 * share + 1))
    assert {row["bucket"] for row in rows if row["seq"] <= BUCKET_INTENTS} == {0}
    assert {row["bucket"] for row in rows if row["seq"] > BUCKET_INTENTS} == {1}
    for intent in found:
        log.acknowledge(intent, written=False)
    assert {acknowledged(site, intent) for intent in found[-40:]} == {False}


class TestClosing:
    """The last word of a process that ends in order."""

    def test_it_says_which_record_is_the_last(self, site: Site) -> None:
        """With all outcomes acknowledged, and holes filled."""
        log = open_log(site, Lost("prepare", sent=True))
        with pytest.raises(RequestFailed):
            prepare(log)
        intent = prepare(log)
        log.acknowledge(intent, written=False)
        log.close()
        assert [row["written"] for row in intents(site, intent.log)] == [False, False]
        assert registered(site, intent.log)["closed"] == 2

    def test_it_fills_a_hole_at_the_end(self, site: Site) -> None:
        """A log is dense up to its last intent."""
        lost = Lost("prepare", sent=False, times=0)
        log = open_log(site, lost)
        intent = prepare(log)
        lost.times = 1
        with pytest.raises(RequestFailed):
            prepare(log)
        log.close()
        assert [row["seq"] for row in intents(site, intent.log)] == [1, 2]
        assert registered(site, intent.log)["closed"] == 2

    def test_nothing_can_be_prepared_afterwards(self, site: Site) -> None:
        """It would be behind the last intent, where nobody looks."""
        log = open_log(site)
        intent = prepare(log)
        log.close()
        with pytest.raises(StoreUnavailable):
            prepare(log)
        assert len(intents(site, intent.log)) == 1

    def test_a_log_without_an_intent_says_nothing(self, site: Site) -> None:
        """A process that has appended nothing is in no list."""
        before = site.logs()
        open_log(site).close()
        assert site.logs() == before
