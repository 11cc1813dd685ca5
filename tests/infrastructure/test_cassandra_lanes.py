"""A process's lane on a real Cassandra: whatever fails, its records have no hole."""

from uuid import UUID, uuid4

import pytest

from app.application.ports import StoreUnavailable
from app.infrastructure.cassandra_errors import RequestFailed
from app.infrastructure.cassandra_lanes import BUCKET_RECORDS, Lane, RecordId
from app.infrastructure.cassandra_session import Row
from tests.support.interrupted import Around, InterruptedSession, Stop
from tests.support.sequencing import Lost, Recorded, Site, undisturbed
from tests.support.stores import commit, soon
from tests.support.threads import at_once


def open_lane(site: Site, around: Around = undisturbed) -> Lane:
    """The lane of a new process."""
    return Lane(InterruptedSession(site.session, around), site.serial, attempt_seconds=2)


def announce(lane: Lane, stream: str = "", payload: str = "{}") -> RecordId:
    """Of a new commit of one event."""
    return lane.announce(stream or str(uuid4()), 1, commit(payload=payload)[1], soon())


def records(site: Site, lane: UUID) -> list[Row]:
    """All records of the lane."""
    rows: list[Row] = []
    for bucket in range(3):
        rows += site.ask("SELECT * FROM records WHERE lane = %s AND bucket = %s", lane, bucket)
    return rows


def registered(site: Site, lane: UUID) -> Row:
    """What the registry says of the lane."""
    cql = "SELECT * FROM lanes WHERE registry = 'lanes' AND lane = %s"
    return site.ask(cql, lane)[0]


def told(site: Site, record: RecordId) -> bool | None:
    """How the append of this record ended, if it is known by the deadline."""
    deadline = soon(5)
    cql = "SELECT written FROM records WHERE lane = %s AND bucket = %s AND seq = %s"
    while not deadline.expired:
        written: bool | None = site.ask(cql, record.lane, record.bucket, record.seq)[0]["written"]
        if written is not None:
            return written
    return None


def test_a_record_holds_what_is_to_be_appended(site: Site) -> None:
    """The lane is in the registry, and how the append ends is not known."""
    lane = open_lane(site)
    record = announce(lane, "some stream")
    (row,) = records(site, record.lane)
    assert (row["seq"], row["stream"], row["first"], row["written"]) == (1, "some stream", 1, None)
    assert len(row["events"]) == 1
    assert registered(site, record.lane)["stirred"] == 1


@pytest.mark.parametrize("sent", [True, False], ids=["answer lost", "request lost"])
def test_a_failed_write_leaves_no_hole(site: Site, sent: bool) -> None:
    """Its caller is told that nothing may be appended; what is in its place is a record of
    nothing, whether it was written or not."""
    lane = open_lane(site, Lost("announce", sent))
    with pytest.raises(RequestFailed):
        announce(lane)
    record = announce(lane)
    rows = records(site, record.lane)
    assert [(row["seq"], row["written"]) for row in rows] == [(1, False), (2, None)]
    assert rows[0]["events"] is None


def test_nothing_is_written_behind_a_hole(site: Site) -> None:
    """As long as a hole cannot be filled every announcement fails."""
    lane = open_lane(site, Lost("announce", sent=False, times=3))
    for _ in range(3):
        with pytest.raises(RequestFailed):
            announce(lane)
    record = announce(lane)
    assert [row["seq"] for row in records(site, record.lane)] == [1, 2]


def test_threads_share_a_write(site: Site) -> None:
    """Those that come while one is being written go together; each gets a record of its own."""
    stop, recorded = Stop("open_lane"), Recorded()
    lane = open_lane(site, lambda name, send: stop(name, lambda: recorded(name, send)))

    def run(number: int) -> RecordId | None:
        if number == 0:
            return announce(lane)
        stop.wait_reached()
        if number == 1:
            waiting = lane._group._waiting
            deadline = soon()
            while len(waiting) < 8 and not deadline.expired:
                pass
            stop.go_on()
            return None
        return announce(lane)

    found = [record for record in at_once(10, run) if record]
    assert sorted(record.seq for record in found) == list(range(1, 10))
    assert recorded.names.count("announce") == 2


def test_large_records_are_not_written_together(site: Site) -> None:
    """One write stays below 50 KiB, and a character may take up to four bytes of it."""
    recorded = Recorded()
    lane = open_lane(site, recorded)
    found = at_once(12, lambda _: announce(lane, payload="€" * 10_000))
    rows = records(site, found[0].lane)
    assert [row["seq"] for row in rows] == list(range(1, 13))
    assert recorded.names.count("announce") == 12


def test_outcomes_are_told(site: Site) -> None:
    """In the background, soon."""
    lane = open_lane(site)
    record = announce(lane)
    lane.conclude(record, written=False)
    assert told(site, record) is False


def test_a_lane_goes_on_in_the_next_bucket(site: Site) -> None:
    """Without a hole; a write that meets the border is parted, and so are outcomes."""
    lane = open_lane(site)
    share = BUCKET_RECORDS // 20 + 1

    def run(_: int) -> list[RecordId]:
        return [announce(lane) for _ in range(share)]

    found = [record for some in at_once(20, run) for record in some]
    rows = records(site, found[0].lane)
    assert [row["seq"] for row in rows] == list(range(1, 20 * share + 1))
    assert {row["bucket"] for row in rows if row["seq"] <= BUCKET_RECORDS} == {0}
    assert {row["bucket"] for row in rows if row["seq"] > BUCKET_RECORDS} == {1}
    for record in found:
        lane.conclude(record, written=False)
    assert {told(site, record) for record in found[-40:]} == {False}


class TestClosing:
    """The last word of a process that ends in order."""

    def test_it_says_which_record_is_the_last(self, site: Site) -> None:
        """With all outcomes told, and holes filled."""
        lane = open_lane(site, Lost("announce", sent=True))
        with pytest.raises(RequestFailed):
            announce(lane)
        record = announce(lane)
        lane.conclude(record, written=False)
        lane.close()
        assert [row["written"] for row in records(site, record.lane)] == [False, False]
        assert registered(site, record.lane)["closed"] == 2

    def test_it_fills_a_hole_at_the_end(self, site: Site) -> None:
        """A lane is dense up to its last record."""
        lost = Lost("announce", sent=False, times=0)
        lane = open_lane(site, lost)
        record = announce(lane)
        lost.times = 1
        with pytest.raises(RequestFailed):
            announce(lane)
        lane.close()
        assert [row["seq"] for row in records(site, record.lane)] == [1, 2]
        assert registered(site, record.lane)["closed"] == 2

    def test_nothing_can_be_announced_afterwards(self, site: Site) -> None:
        """It would be behind the last record, where nobody looks."""
        lane = open_lane(site)
        record = announce(lane)
        lane.close()
        with pytest.raises(StoreUnavailable):
            announce(lane)
        assert len(records(site, record.lane)) == 1

    def test_a_lane_without_a_record_says_nothing(self, site: Site) -> None:
        """A process that has appended nothing is in no registry."""
        before = site.lanes()
        open_lane(site).close()
        assert site.lanes() == before
