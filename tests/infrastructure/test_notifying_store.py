"""Who waits for new events is woken by an append that may have brought some, and by no other."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import NO_STREAM, Appended, VersionConflict
from app.infrastructure.notifying_store import NotifyingEventStore
from app.infrastructure.sqlite.event_store import SqliteEventStore
from tests.support.commits import event

SOON = 5.0


class Ended(SqliteEventStore):
    """Each append ends with the error that it was made with."""

    def __init__(self, error: Exception) -> None:
        """Open nothing."""
        self._error = error

    def append(self, *_: object) -> Appended:
        """See `ports.event_store.EventStore`."""
        raise self._error


@pytest.fixture
def woken() -> list[str]:
    """The calls, in order."""
    return []


@pytest.fixture
def store(tmp_path: Path, woken: list[str]) -> Iterator[NotifyingEventStore]:
    """A SQLite store with two who wait."""
    inner = SqliteEventStore(tmp_path / "events.sqlite3")
    store = NotifyingEventStore(
        inner, lambda: woken.append("tail"), lambda: woken.append("follower")
    )
    yield store
    store.close()


def test_all_are_woken_by_an_append(store: NotifyingEventStore, woken: list[str]) -> None:
    """Once each, and the store's own answer is passed on."""
    assert store.append("s", NO_STREAM, [event()], uuid4(), Deadline.after(SOON)) == Appended(1)
    assert woken == ["tail", "follower"]


def test_an_event_is_there_for_whoever_is_woken(tmp_path: Path) -> None:
    """Woken before the commit, a reader would find nothing and sleep on."""
    inner = SqliteEventStore(tmp_path / "events.sqlite3")
    found: list[int] = []
    store = NotifyingEventStore(
        inner, lambda: found.append(len(inner.read("s", Deadline.after(SOON))))
    )
    store.append("s", NO_STREAM, [event(), event()], uuid4(), Deadline.after(SOON))
    store.close()
    assert found == [2]


def test_nobody_is_woken_by_a_commit_sent_again(
    store: NotifyingEventStore, woken: list[str]
) -> None:
    """It wrote nothing."""
    commit_id, events = uuid4(), [event()]
    store.append("s", NO_STREAM, events, commit_id, Deadline.after(SOON))
    woken.clear()
    store.append("s", NO_STREAM, events, commit_id, Deadline.after(SOON))
    assert woken == []


def test_nobody_is_woken_by_a_conflict(store: NotifyingEventStore, woken: list[str]) -> None:
    """It wrote nothing, and is raised as it is."""
    with pytest.raises(VersionConflict):
        store.append("s", 3, [event()], uuid4(), Deadline.after(SOON))
    assert woken == []


def test_nobody_is_woken_while_the_store_is_away(woken: list[str]) -> None:
    """Nothing was written."""
    store = NotifyingEventStore(Ended(StoreUnavailable("away")), lambda: woken.append("tail"))
    with pytest.raises(StoreUnavailable):
        store.append("s", NO_STREAM, [event()], uuid4(), Deadline.after(SOON))
    assert woken == []


def test_an_append_whose_outcome_is_unknown_wakes(woken: list[str]) -> None:
    """The events may be there."""
    store = NotifyingEventStore(Ended(OutcomeUnknown("perhaps")), lambda: woken.append("tail"))
    with pytest.raises(OutcomeUnknown):
        store.append("s", NO_STREAM, [event()], uuid4(), Deadline.after(SOON))
    assert woken == ["tail"]
