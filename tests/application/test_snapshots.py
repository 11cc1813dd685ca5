"""Snapshots: a long stream is loaded from where it was left, and a wrong one is noticed."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.ports.codec import UnreadableEvent
from app.application.repository import CarrierRepository
from app.application.shown import AggregateNotFound
from app.application.snapshots import FROM_VERSION, Snapshot, Snapshots
from app.domain.carrier import CarrierState
from app.infrastructure.codec import JsonCodec
from tests.support.application import rename
from tests.support.commits import MOMENT, context, event
from tests.support.counting_reads import CountingReads, fill
from tests.support.stores import soon
from tests.support.threads import at_once

STATE = CarrierState("FedEx", "contact@fedex.com")


@pytest.fixture
def snapshots() -> Snapshots:
    """Those of the repository, as it makes them by itself."""
    return Snapshots()


@pytest.fixture
def carriers(counting: CountingReads, snapshots: Snapshots) -> CarrierRepository:
    """A repository over that store."""
    return CarrierRepository(counting, JsonCodec(), lambda: MOMENT, snapshots)


def snapshot(version: int, state: CarrierState = STATE) -> Snapshot:
    """A snapshot that nothing but a test knows of."""
    return Snapshot(version, uuid4(), state)


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as an error."""
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]


def test_a_long_stream_is_read_once(carriers: CarrierRepository, counting: CountingReads) -> None:
    """1,000 events: afterwards a load reads the last event and those since."""
    fill(counting, 1000)
    assert carriers.load("c-1", soon()).version == 1000
    again = carriers.load("c-1", soon())
    fill(counting, 2, after=1000)
    later = carriers.load("c-1", soon())
    assert counting.reads == [1000, 1, 3]
    assert (again.version, again.state) == (1000, CarrierState("1000", "contact@fedex.com"))
    assert (later.version, later.state) == (1002, CarrierState("1002", "contact@fedex.com"))
    assert (later.stored_state, later.recorded) == (later.state, ())


def test_a_carrier_from_a_snapshot_is_saved_at_its_version(
    carriers: CarrierRepository, counting: CountingReads
) -> None:
    """1,000 changes, each loaded and appended: every version is there, and reads stay short."""
    fill(counting, 1)
    for version in range(2, 1001):
        carrier = carriers.load("c-1", soon())
        carrier.carry_out(rename("c-1", str(version)), MOMENT)
        assert carriers.save(carrier, context()).version == version
    assert max(counting.reads) <= FROM_VERSION
    fresh = CarrierRepository(counting, JsonCodec(), lambda: MOMENT).load("c-1", soon())
    kept = carriers.load("c-1", soon())
    assert (kept.version, kept.state) == (fresh.version, fresh.state)
    assert fresh.version == 1000


def test_a_short_stream_is_replayed(carriers: CarrierRepository, counting: CountingReads) -> None:
    """Up to one event less than a snapshot is worth it, all events are read each time."""
    fill(counting, FROM_VERSION - 1)
    carriers.load("c-1", soon())
    carriers.load("c-1", soon())
    fill(counting, 1, after=FROM_VERSION - 1)
    carriers.load("c-1", soon())
    carriers.load("c-1", soon())
    assert counting.reads == [FROM_VERSION - 1, FROM_VERSION - 1, FROM_VERSION, 1]


def test_what_is_shown_comes_straight_from_the_stream(
    carriers: CarrierRepository, counting: CountingReads, snapshots: Snapshots
) -> None:
    """A view and a history take nothing from a snapshot."""
    fill(counting, 30)
    last = counting.read("c-1", soon())[-1]
    wrong = Snapshot(30, last.data.event_id, CarrierState("wrong", "wrong"))
    snapshots.put("c-1", wrong)
    assert carriers.show("c-1", soon()).state.name == "30"
    assert carriers.history("c-1", soon())[-1].changes[0].became == "30"


def test_a_snapshot_of_another_stream_is_noticed(
    carriers: CarrierRepository,
    counting: CountingReads,
    snapshots: Snapshots,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is reported with stream and version and forgotten, and the load starts over."""
    fill(counting, 40)
    snapshots.put("c-1", snapshot(40, CarrierState("wrong", "wrong")))
    loaded = carriers.load("c-1", soon())
    assert (loaded.version, loaded.state) == (40, CarrierState("40", "contact@fedex.com"))
    (complaint,) = complaints(caplog)
    assert "c-1" in complaint
    assert "40" in complaint
    assert counting.reads == [1, 40]
    assert carriers.load("c-1", soon()).state == loaded.state
    assert counting.reads == [1, 40, 1], "the right one is kept now"
    assert len(complaints(caplog)) == 1


@pytest.mark.parametrize(
    ("damage", "version"),
    [
        ("UPDATE events SET event_id = '{other}' WHERE version = 1000", 1000),
        ("DELETE FROM events WHERE version > 990", 990),
        ("DELETE FROM events WHERE version > 5", 5),
    ],
)
def test_a_stream_that_was_tampered_with_is_noticed(
    carriers: CarrierRepository,
    counting: CountingReads,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: str,
    version: int,
) -> None:
    """Another event in its place, or an older copy of the file: what is stored counts."""
    fill(counting, 1000)
    carriers.load("c-1", soon())
    with closing(sqlite3.connect(tmp_path / "events.sqlite3")) as other, other:
        other.execute(damage.format(other=uuid4()))
    loaded = carriers.load("c-1", soon())
    assert (loaded.version, loaded.state) == (
        version, CarrierState(str(version), "contact@fedex.com"),
    )  # fmt: skip
    assert len(complaints(caplog)) == 1


def test_a_stream_that_is_gone_is_not_found(
    carriers: CarrierRepository, counting: CountingReads, tmp_path: Path
) -> None:
    """A snapshot keeps no carrier alive."""
    fill(counting, 30)
    carriers.load("c-1", soon())
    with closing(sqlite3.connect(tmp_path / "events.sqlite3")) as other, other:
        other.execute("DELETE FROM events")
    with pytest.raises(AggregateNotFound):
        carriers.load("c-1", soon())


def test_an_unreadable_event_after_a_snapshot_is_reported(
    carriers: CarrierRepository, counting: CountingReads
) -> None:
    """With its place in the stream, each time."""
    fill(counting, 30)
    carriers.load("c-1", soon())
    counting.append("c-1", 30, [event("CarrierVanished")], uuid4(), soon())
    for _ in range(2):
        with pytest.raises(UnreadableEvent) as caught:
            carriers.load("c-1", soon())
        assert (caught.value.stream, caught.value.version) == ("c-1", 31)


def test_the_latest_snapshot_is_kept() -> None:
    """A slower thread's older one does not replace it."""
    snapshots, older, later = Snapshots(), snapshot(30), snapshot(31)
    snapshots.put("c-1", later)
    snapshots.put("c-1", older)
    assert snapshots.get("c-1") is later
    assert snapshots.get("c-2") is None


def test_only_so_many_are_kept() -> None:
    """The one that was not asked for longest goes first."""
    snapshots = Snapshots(from_version=1, maximum=2)
    kept = {name: snapshot(1) for name in ("a", "b", "c")}
    snapshots.put("a", kept["a"])
    snapshots.put("b", kept["b"])
    assert snapshots.get("a") is kept["a"]
    snapshots.put("c", kept["c"])
    assert [snapshots.get(name) for name in kept] == [kept["a"], None, kept["c"]]


def test_threads_share_snapshots(carriers: CarrierRepository, counting: CountingReads) -> None:
    """Loads at the same moment, of streams that grow meanwhile, are each a state that was."""
    for stream in range(4):
        fill(counting, 30, f"c-{stream}")

    def work(number: int) -> None:
        stream = f"c-{number % 4}"
        for round_ in range(20):
            if number < 4:
                fill(counting, 1, stream, after=30 + round_)
            loaded = carriers.load(stream, soon())
            assert loaded.state is not None
            assert loaded.state.name == str(loaded.version)

    at_once(8, work)
    assert [carriers.load(f"c-{stream}", soon()).version for stream in range(4)] == [50] * 4
