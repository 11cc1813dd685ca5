"""Pages of a history: each is read by itself, however many events come before it."""

import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from app.application.history import HistoryEntry
from app.application.history_pages import STRIDE
from app.application.page_starts import PageStarts
from app.application.ports.codec import UnreadableEvent
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import RecordedEvent
from app.application.repository import CarrierRepository
from app.application.shown import AggregateNotFound
from app.application.snapshots import FROM_VERSION, Snapshot
from app.domain.carrier import CarrierState
from app.infrastructure.codec import JsonCodec
from tests.support.commits import MOMENT, event
from tests.support.counting_reads import CountingReads, fill
from tests.support.stores import soon
from tests.support.threads import at_once

LONG = 10_000
OF_ITS_OWN = 2
"""A page also reads the event before it, and the one that says whether another page follows."""


@pytest.fixture
def carriers(counting: CountingReads) -> CarrierRepository:
    """A repository over that store, as a process has it that has just started."""
    return CarrierRepository(counting, JsonCodec(), lambda: MOMENT)


def walked(carriers: CarrierRepository, limit: int) -> list[HistoryEntry]:
    """The history of "c-1", page by page."""
    found, after = [], 0
    while True:
        page = carriers.history_page("c-1", soon(), after, limit)
        found += page.entries
        if page.next is None:
            return found
        after = page.next


def test_each_event_of_a_walk_is_read_once(
    carriers: CarrierRepository, counting: CountingReads
) -> None:
    """A hundred pages of 10,000 events: no page reads what others have shown."""
    fill(counting, LONG)
    found = walked(carriers, 100)
    assert [entry.version for entry in found] == list(range(1, LONG + 1))
    changed = [entry.changes[0] for entry in found[1:]]
    assert all(one.became == other.was for one, other in pairwise(changed))
    assert len(counting.reads) == LONG / 100
    assert max(counting.reads) <= 100 + OF_ITS_OWN


def test_a_page_costs_the_same_in_a_stream_of_any_length(
    carriers: CarrierRepository, counting: CountingReads
) -> None:
    """The last ten events of 10,000, asked for again, are read as those of ten are."""
    fill(counting, 10, "c-2")
    fill(counting, LONG)
    carriers.history_page("c-1", soon(), LONG - 10, 10)
    counting.reads.clear()
    carriers.history_page("c-1", soon(), LONG - 10, 10)
    assert counting.reads == [10 + 1]
    counting.reads.clear()
    carriers.history_page("c-2", soon(), 0, 10)
    assert counting.reads == [10]


def test_the_first_page_reads_nothing_behind_it(
    carriers: CarrierRepository, counting: CountingReads
) -> None:
    """But one event, for which another page would follow."""
    fill(counting, 1000)
    carriers.history_page("c-1", soon(), 0, 100)
    assert counting.reads == [101]


def test_what_comes_before_a_page_is_read_once(
    carriers: CarrierRepository, counting: CountingReads
) -> None:
    """What an event changed depends on all before it. A process that has not seen them reads them
    in strides, whatever their number; for any later page at most one stride is read again."""
    length = 4_000
    fill(counting, length)
    carriers.history_page("c-1", soon(), length - 10, 10)
    assert max(counting.reads) <= STRIDE + 10 + OF_ITS_OWN
    assert sum(counting.reads) <= length + length // STRIDE + OF_ITS_OWN
    for after in (3_777, 2_321, 123, STRIDE, 3_999):
        counting.reads.clear()
        (entry,) = carriers.history_page("c-1", soon(), after, 1).entries
        assert (entry.version, entry.changes[0].was) == (after + 1, str(after))
        assert sum(counting.reads) <= STRIDE + 1 + OF_ITS_OWN


def test_a_late_version_is_shown_from_a_state_near_it(
    carriers: CarrierRepository, counting: CountingReads
) -> None:
    """Any version of 2,000 is shown as the whole replay has it, but for the first time from what
    was left behind: of the stream only its two ends and at most a stride are read."""
    fill(counting, 2_000)
    versions = (1_990, FROM_VERSION, FROM_VERSION + 1, STRIDE, STRIDE + 1, 1_234, 2_000)
    for version in versions:
        counting.reads.clear()
        view = carriers.show("c-1", soon(), version=version)
        assert (view.version, view.state.name) == (version, str(version))
        assert view.began_at == MOMENT
        assert version == versions[0] or sum(counting.reads) <= STRIDE + 1 + OF_ITS_OWN
    counting.reads.clear()
    carriers.show("c-1", soon(), version=1_234)
    assert counting.reads == [1, 1, 1]


def test_a_late_version_that_is_not_there_is_not_found(
    carriers: CarrierRepository, counting: CountingReads
) -> None:
    """The last version is named, whether or not a state was left behind; a carrier that never was
    has none."""
    fill(counting, 700)
    for _ in range(2):
        with pytest.raises(AggregateNotFound, match="no version 5000; its last is 700"):
            carriers.show("c-1", soon(), version=5_000)
    with pytest.raises(AggregateNotFound, match="no carrier"):
        carriers.show("c-2", soon(), version=5_000)


def test_whoever_waits_for_the_next_event_reads_none_again(
    carriers: CarrierRepository, counting: CountingReads
) -> None:
    """A page behind the last event is empty and reads that event alone."""
    fill(counting, 1000)
    assert len(carriers.history_page("c-1", soon(), 500, 500).entries) == 500
    counting.reads.clear()
    assert carriers.history_page("c-1", soon(), 1000, 500).entries == []
    fill(counting, 1, after=1000)
    (entry,) = carriers.history_page("c-1", soon(), 1000, 500).entries
    assert (entry.version, entry.changes[0].was) == (1001, "1000")
    assert counting.reads == [1, 2]


def test_pages_of_all_sizes_and_places_are_parts_of_the_whole(
    carriers: CarrierRepository, counting: CountingReads
) -> None:
    """In whatever order they are asked for, while the stream grows."""
    length, chosen = 1150, Random(1)
    fill(counting, length)
    whole = CarrierRepository(counting, JsonCodec(), lambda: MOMENT).history("c-1", soon())
    for _ in range(40):
        after, limit = chosen.randrange(length + 20), chosen.choice((1, 7, 100, 500))
        page = carriers.history_page("c-1", soon(), after, limit)
        assert page.entries == whole[after : after + limit]
        assert page.next == (after + limit if after + limit < length else None)
        fill(counting, 1, after=length)
        whole += carriers.history("c-1", soon(), after=length)
        length += 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE events SET event_id = '{other}' WHERE version = 900",
        "DELETE FROM events WHERE version > 600",
    ],
)
def test_a_stream_that_is_another_now_is_read_anew(
    carriers: CarrierRepository,
    counting: CountingReads,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    """After a restore, say: what is stored counts, and the log names the stream."""
    fill(counting, 1000)
    carriers.history_page("c-1", soon(), 900, 10)
    rename = 'UPDATE events SET payload = \'{"name":"other"}\' WHERE version = 550'
    with closing(sqlite3.connect(tmp_path / "events.sqlite3")) as other, other:
        other.execute(damage.format(other=uuid4()))
        other.execute(rename)
    assert carriers.show("c-1", soon(), version=550).state.name == "other"
    page = carriers.history_page("c-1", soon(), 900, 10)
    whole = CarrierRepository(counting, JsonCodec(), lambda: MOMENT).history("c-1", soon())
    assert page.entries == whole[900:910]
    assert carriers.history_page("c-1", soon(), 550, 1).entries[0].changes[0].was == "other"
    complaints = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert len(complaints) == 1
    assert "c-1" in complaints[0].getMessage()


def test_a_stream_that_becomes_another_again_and_again_is_unavailable(
    carriers: CarrierRepository, counting: CountingReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two reads of one page: the caller is told to try again."""
    fill(counting, 3 * STRIDE)
    read = counting.read

    def replaced(*asked: Any, **named: Any) -> list[RecordedEvent]:  # noqa: ANN401
        return [
            replace(each, data=replace(each.data, event_id=uuid4()))
            for each in read(*asked, **named)
        ]

    monkeypatch.setattr(counting, "read", replaced)
    with pytest.raises(StoreUnavailable):
        carriers.history_page("c-1", soon(), 2 * STRIDE, 10)
    monkeypatch.undo()
    page = carriers.history_page("c-1", soon(), 2 * STRIDE, 10)
    assert page.entries[0].changes[0].was == str(2 * STRIDE)


def test_a_stream_that_is_gone_is_not_found(
    carriers: CarrierRepository, counting: CountingReads, tmp_path: Path
) -> None:
    """What was kept of it keeps no carrier alive."""
    fill(counting, 1000)
    carriers.history_page("c-1", soon(), 900, 10)
    with closing(sqlite3.connect(tmp_path / "events.sqlite3")) as other, other:
        other.execute("DELETE FROM events")
    for after in (900, 0, 2**31 - 1):
        with pytest.raises(AggregateNotFound):
            carriers.history_page("c-1", soon(), after, 10)


def test_no_page_goes_on_past_an_unreadable_event(
    carriers: CarrierRepository, counting: CountingReads
) -> None:
    """Nor does one behind it; the pages before it are shown, the one that ends at it as well."""
    fill(counting, 999)
    counting.append("c-1", 999, [event("CarrierVanished")], uuid4(), soon())
    fill(counting, 10, after=1000)
    for after, limit in ((1000, 5), (995, 5), (1010, 5)):
        with pytest.raises(UnreadableEvent) as caught:
            carriers.history_page("c-1", soon(), after, limit)
        assert (caught.value.stream, caught.value.version) == ("c-1", 1000)
    page = carriers.history_page("c-1", soon(), 995, 4)
    assert ([entry.version for entry in page.entries], page.next) == ([996, 997, 998, 999], 999)


def test_threads_share_what_was_read(carriers: CarrierRepository, counting: CountingReads) -> None:
    """Walks of one stream at the same time, while it grows, show the same."""
    fill(counting, 1000)

    def work(number: int) -> None:
        for round_ in range(2):
            if number == 0:
                fill(counting, 1, after=1000 + round_)
            found = walked(carriers, 50 + number)
            assert [entry.version for entry in found] == list(range(1, len(found) + 1))
            assert all(entry.changes[0].was == str(entry.version - 1) for entry in found[2:])

    at_once(3, work)


def kept_at(version: int) -> Snapshot:
    """A snapshot that nothing but a test knows of."""
    return Snapshot(version, uuid4(), CarrierState(str(version), "contact@fedex.com"))


def test_the_nearest_start_before_a_page_is_found() -> None:
    """Of its own stream, in whatever order they were kept."""
    starts = PageStarts()
    kept = {version: kept_at(version) for version in (700, 100, 400)}
    for start in kept.values():
        starts.put("c-1", start)
    starts.put("c-2", kept_at(300))
    for after, version in ((100, 100), (399, 100), (400, 400), (699, 400), (9_999, 700)):
        assert starts.before("c-1", after) is kept[version]
    assert starts.before("c-1", 99) is None
    assert starts.before("c-3", 99) is None


def test_only_so_many_starts_are_kept() -> None:
    """The one that was not asked for longest goes first; the start of a short stream is none."""
    starts = PageStarts(maximum=2)
    first, second, third = (kept_at(version) for version in (100, 200, 300))
    starts.put("c-1", first)
    starts.put("c-1", second)
    assert starts.before("c-1", 150) is first
    starts.put("c-2", third)
    assert starts.before("c-1", 1000) is first
    assert starts.before("c-2", 1000) is third
    starts.put("c-1", kept_at(FROM_VERSION - 1))
    assert starts.before("c-1", FROM_VERSION) is None
