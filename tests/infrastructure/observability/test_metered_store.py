"""What an event store does is counted and timed, and comes through unchanged."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import NO_STREAM, Appended, VersionConflict
from app.infrastructure.observability.metered_store import MeteredEventStore
from app.infrastructure.sqlite.event_store import SqliteEventStore
from tests.support.commits import event
from tests.support.figures import KeptFigures

SOON = 5.0


@pytest.fixture
def figures() -> KeptFigures:
    """Empty ones."""
    return KeptFigures()


@pytest.fixture
def store(tmp_path: Path, figures: KeptFigures) -> Iterator[MeteredEventStore]:
    """A metered SQLite store in events.sqlite3."""
    metered = MeteredEventStore(SqliteEventStore(tmp_path / "events.sqlite3"), figures)
    yield metered
    metered.close()


def spoil(folder: Path) -> None:
    """Take away the store's table."""
    with closing(sqlite3.connect(folder / "events.sqlite3")) as other, other:
        other.execute("DROP TABLE events")


def test_an_append_that_wrote_is_counted(store: MeteredEventStore, figures: KeptFigures) -> None:
    """As written, with the store's own answer passed on and its time taken."""
    assert store.append("s", NO_STREAM, [event()], uuid4(), Deadline.after(SOON)) == Appended(1)
    assert figures.outcomes == {"written": 1}
    ((operation, seconds),) = figures.timed
    assert operation == "append"
    assert 0 < seconds < SOON


def test_a_commit_sent_again_is_counted_as_already_applied(
    store: MeteredEventStore, figures: KeptFigures
) -> None:
    """It wrote nothing, so it is not counted as written a second time."""
    commit_id, events = uuid4(), [event()]
    for _ in range(2):
        store.append("s", NO_STREAM, events, commit_id, Deadline.after(SOON))
    assert figures.outcomes == {"written": 1, "already_applied": 1}


def test_a_conflict_is_counted(store: MeteredEventStore, figures: KeptFigures) -> None:
    """And raised as it is."""
    with pytest.raises(VersionConflict):
        store.append("s", 3, [event()], uuid4(), Deadline.after(SOON))
    assert figures.outcomes == {"conflict": 1}


def test_a_store_that_is_not_available_is_counted(
    store: MeteredEventStore, figures: KeptFigures, tmp_path: Path
) -> None:
    """Another process keeps the file locked until the time is over."""
    with closing(sqlite3.connect(tmp_path / "events.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            store.append("s", NO_STREAM, [event()], uuid4(), Deadline.after(0.5))
    assert figures.outcomes == {"unavailable": 1}
    assert figures.timed[0][1] >= 0.25


def test_an_unknown_outcome_is_counted(figures: KeptFigures) -> None:
    """And raised as it is."""

    class Unsure(SqliteEventStore):
        def __init__(self) -> None:
            """Open nothing."""

        def append(self, *_: object) -> Appended:
            raise OutcomeUnknown("perhaps")

    with pytest.raises(OutcomeUnknown):
        MeteredEventStore(Unsure(), figures).append(
            "s", NO_STREAM, [event()], uuid4(), Deadline.after(SOON)
        )
    assert figures.outcomes == {"unknown": 1}


def test_reads_are_timed(store: MeteredEventStore, figures: KeptFigures) -> None:
    """Also those that find nothing; range and events come through."""
    soon = Deadline.after(SOON)
    events = [event(), event(), event()]
    store.append("s", NO_STREAM, events, uuid4(), soon)
    assert [e.data for e in store.read("s", soon)] == events
    assert [e.version for e in store.read("s", soon, 1, 2)] == [2]
    assert store.read("unknown", soon) == []
    assert [operation for operation, _ in figures.timed] == ["append", "read", "read", "read"]


def test_a_read_that_fails_is_timed(
    store: MeteredEventStore, figures: KeptFigures, tmp_path: Path
) -> None:
    """Its time is what an operator has to see."""
    spoil(tmp_path)
    with pytest.raises(StoreUnavailable):
        store.read("s", Deadline.after(SOON))
    assert [operation for operation, _ in figures.timed] == ["read"]


def test_a_ping_is_passed_on_and_not_counted(
    store: MeteredEventStore, figures: KeptFigures, tmp_path: Path
) -> None:
    """Health checks would hide what customers see."""
    store.ping(Deadline.after(SOON))
    spoil(tmp_path)
    with pytest.raises(StoreUnavailable):
        store.ping(Deadline.after(SOON))
    assert not figures.timed
    assert not figures.outcomes
