"""Sequencers on a real Cassandra that fail, meet each other and clean up."""

from uuid import uuid4

import pytest

from app.application.ports.errors import StoreUnavailable
from app.application.ports.feed import StepResult
from app.infrastructure.cassandra.append.intent_log import IntentLog
from app.infrastructure.cassandra.feed.reader import BUCKET_POSITIONS
from app.infrastructure.cassandra.session import Row
from tests.support.interrupted import APPEND, Send, Stop
from tests.support.sequencing import Beside, Lost, Silent, Site, Twice, places, put, until
from tests.support.stores import commit, soon
from tests.support.threads import at_once


class TestSequencersThatFail:
    """Whatever becomes of one, a position is given once."""

    def test_another_takes_over(self, site: Site, start: int, stream: str) -> None:
        """Of two at the same positions one gets them; the other stands by until that one stops."""
        first, second = site.sequencer(), site.sequencer()
        for sequencer in (first, second):
            site.follow(sequencer, start, 0)
        put(site.writer(), stream)
        site.follow(first, start, 1)
        put(site.writer(), stream, 1)
        assert second.step(soon()) is StepResult.STANDING_BY
        assert places(site.follow(second, start, 2)) == [(stream, 1), (stream, 2)]

    def test_one_that_was_held_up_changes_nothing(
        self, site: Site, start: int, stream: str, beside: Beside
    ) -> None:
        """Its commit comes when the positions have been given: it is refused."""
        put(site.writer(), stream)
        stop = Stop(APPEND)
        late = site.sequencer(stop)
        held_up = beside(until, late, lambda: site.head() > start)
        stop.wait_reached()
        put(site.writer(), stream, 1)
        found = site.follow(site.sequencer(), start, 2)
        stop.go_on()
        held_up.result()
        assert site.follow(late, start, 2) == found
        assert places(found) == [(stream, 1), (stream, 2)]

    @pytest.mark.parametrize("sent", [True, False], ids=["answer lost", "request lost"])
    def test_one_whose_commit_is_not_answered(
        self, site: Site, start: int, stream: str, sent: bool
    ) -> None:
        """It reads the state again, and goes on from there."""
        put(site.writer(), stream)
        sequencer = site.sequencer(Lost(APPEND, sent))
        with pytest.raises(StoreUnavailable):
            until(sequencer, lambda: site.head() > start + 1)
        assert site.head() == start + sent
        put(site.writer(), stream, 1)
        assert places(site.follow(sequencer, start, 2)) == [(stream, 1), (stream, 2)]

    def test_one_whose_commits_reach_two_nodes(self, site: Site, start: int, stream: str) -> None:
        """The second node refuses a commit, by which the sequencer sees that the first has applied
        it: it goes on at once, and stands by for nobody."""
        sequencer = site.sequencer(Twice(APPEND))
        border = (start // BUCKET_POSITIONS + 1) * BUCKET_POSITIONS
        put(site.writer(), stream)
        site.follow(site.sequencer(), start, 1)
        go_to(site, border - 1)
        steps = set()
        for version in range(1, 4):
            put(site.writer(), stream, version)
            while site.head() < border - 1 + version:
                steps.add(sequencer.step(soon()))
        assert StepResult.STANDING_BY not in steps
        found = site.follow(sequencer, border - 1, 3)
        assert places(found) == [(stream, version) for version in range(2, 5)]

    @pytest.mark.parametrize("sent", [True, False], ids=["answer lost", "request lost"])
    def test_one_at_the_border_of_a_bucket(self, site: Site, start: int, sent: bool) -> None:
        """A commit is parted where a bucket is full; the state that the next bucket begins with is
        complete, even if the sequencer that begins it dies of it."""
        border = (start // BUCKET_POSITIONS + 1) * BUCKET_POSITIONS
        unresolved = IntentLog(site.requests())
        unresolved.prepare(str(uuid4()), 1, commit()[1], soon())
        put(site.writer(), str(uuid4()))
        site.follow(site.sequencer(), start, 1)
        go_to(site, border - 30)
        streams = [str(uuid4()) for _ in range(2)]
        for each in streams:
            put(site.writer(), each, count=50)
        lost = Lost(APPEND, sent)
        sequencer = site.sequencer(lambda name, send: at_border(site, border, lost, name, send))
        with pytest.raises(StoreUnavailable):
            until(sequencer, lambda: site.head() == border + 70)
        found = site.follow(site.sequencer(), border - 30, 100)
        assert [each.position for each in found] == list(range(border - 29, border + 71))
        for each in streams:
            versions = [version for stream, version in places(found) if stream == each]
            assert versions == list(range(1, 51))


def go_to(site: Site, head: int) -> None:
    """As if all positions up to there had been given."""
    site.ask(
        "UPDATE feed SET head = %s WHERE bucket = %s IF head > 0", head, head // BUCKET_POSITIONS
    )


def at_border(site: Site, border: int, lost: Lost, name: str, send: Send) -> list[Row]:
    """Lose a request only when the bucket is full."""
    return lost(name, send) if site.head() == border else send()


class TestSizes:
    """A commit stays small, whatever there is to take in."""

    def test_large_events_are_parted(self, site: Site, start: int) -> None:
        """In however many bytes a character."""
        streams = [str(uuid4()) for _ in range(5)]
        writer = site.writer()
        for each in streams:
            put(writer, each, payload="€" * 10_000)
        put(writer, streams[0], 1, count=60, payload="x" * 400)
        found = places(site.follow(site.sequencer(), start, 65))
        assert found[:5] == [(each, 1) for each in streams]
        assert found[5:] == [(streams[0], version) for version in range(2, 62)]

    def test_many_intents_that_came_to_nothing_are_parted(self, site: Site, start: int) -> None:
        """They have no events but change much of the state, which moves on in steps."""
        log = IntentLog(site.requests())
        stream = str(uuid4())
        put(site.writer(), stream, count=2)
        mine = log.prepare(stream, 1, commit()[1], soon()).log
        for _ in range(300):
            log.prepare(stream, 1, commit()[1], soon())
        sequencer = site.sequencer()
        put(site.writer(), stream, 2)
        assert len(site.follow(sequencer, start, 3)) == 3
        until(sequencer, lambda: mine not in {log for log, _ in site.open_intents()})

    def test_a_state_of_any_size_goes_into_the_next_bucket(self, site: Site, start: int) -> None:
        """As when thousands of processes were killed and left their logs behind."""
        put(site.writer(), str(uuid4()))
        site.follow(site.sequencer(), start, 1)
        border = (start // BUCKET_POSITIONS + 1) * BUCKET_POSITIONS
        go_to(site, border - 1)
        cql = "UPDATE feed SET cursors = cursors + %s WHERE bucket = %s IF head > 0"
        site.ask(cql, {uuid4(): 1 for _ in range(2_000)}, (border - 1) // BUCKET_POSITIONS)
        put(site.writer(), str(uuid4()), count=2)
        sequencer = site.sequencer()
        assert len(site.follow(sequencer, border - 1, 2)) == 2
        until(sequencer, lambda: len(site.cursors()) < 1_000)


class TestTidiness:
    """What nobody needs any longer is deleted."""

    def test_closed_logs_are_struck_off(self, site: Site, start: int, stream: str) -> None:
        """With their intents, once all of them are done; so are their cursors."""
        before = site.logs()
        writer = site.writer()
        put(writer, stream)
        (log,) = site.logs() - before
        sequencer = site.sequencer()
        site.follow(sequencer, start, 1)
        assert site.intents(log, 0) == 1
        writer.close()
        until(sequencer, lambda: log not in site.logs())
        assert site.intents(log, 0) == 0
        until(sequencer, lambda: log not in site.cursors())

    def test_a_log_is_not_struck_off_before_its_last_append(
        self, site: Site, start: int, stream: str, beside: Beside
    ) -> None:
        """Closed while a request goes on beyond the grace of its process: the append comes."""
        stop = Stop(APPEND)
        writer = site.writer(stop)
        before = site.logs()
        last = beside(put, writer, stream)
        stop.wait_reached()
        (log,) = site.logs() - before
        writer.close()
        sequencer = site.sequencer()
        until(sequencer, lambda: log in site.cursors())
        stop.go_on()
        assert last.result().version == 1
        assert places(site.follow(sequencer, start, 1)) == [(stream, 1)]
        until(sequencer, lambda: log not in site.logs())

    def test_spent_buckets_are_deleted(self, site: Site) -> None:
        """Also by a sequencer that comes after the one that needed them last."""
        log = IntentLog(site.requests())
        found = at_once(
            20,
            lambda _: [log.prepare("x", 2, commit()[1], soon()) for _ in range(51)],
        )
        mine = found[0][0].log
        for intent in (intent for some in found for intent in some):
            log.acknowledge(intent, written=False)
        until(site.sequencer(Silent("drop_intents")), lambda: site.cursors().get(mine) == 1020)
        assert site.intents(mine, 0) == 1000
        until(site.sequencer(), lambda: site.intents(mine, 0) == 0)
        assert site.intents(mine, 1) == 20
