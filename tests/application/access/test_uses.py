"""The last use of keys: how rarely it is written, and that no request waits for it."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.application.access.uses import NOTED_EVERY_SECONDS, WRITE_SECONDS, KeyUses
from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.infrastructure.sqlite.keys import SqliteKeyStore
from tests.support.processes import wait_until
from tests.support.stores import MOMENT, soon
from tests.support.threads import at_once

PREFIX = "abcdefghijkl"


class Watched(SqliteKeyStore):
    """A real store that counts the uses written, and can be made to fail or to block."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.noted: list[Mapping[str, datetime]] = []
        self.down = False
        self.may_answer = threading.Event()
        self.may_answer.set()

    def note_uses(self, uses: Mapping[str, datetime], deadline: Deadline) -> None:
        """See `ports.keys.KeyStore`."""
        self.noted.append(dict(uses))
        self.may_answer.wait(20)
        if self.down:
            raise StoreUnavailable("down")
        super().note_uses(uses, deadline)


@pytest.fixture
def store(tmp_path: Path) -> Watched:
    """A key store without any uses."""
    return Watched(tmp_path / "events.sqlite3")


@pytest.fixture
def seconds() -> list[float]:
    """The seconds that have passed on both clocks, which a test moves."""
    return [0.0]


@pytest.fixture
def uses(store: Watched, seconds: list[float]) -> Iterator[KeyUses]:
    """A worker's record of uses."""
    with closing(
        KeyUses(store, lambda: MOMENT + timedelta(seconds=seconds[0]), lambda: seconds[0])
    ) as uses:
        yield uses


def noted(store: Watched, times: int) -> None:
    """Wait until uses were written this many times."""
    wait_until(lambda: len(store.noted) == times, 20, f"note {times}")


def test_a_use_is_written_behind_the_request(uses: KeyUses, store: Watched) -> None:
    """A use is written soon after the request, with the moment of the use."""
    uses.note(PREFIX)
    wait_until(lambda: store.last_uses(soon()) == {PREFIX: MOMENT}, 20, "the note")


def test_a_key_is_written_once_in_five_minutes(
    uses: KeyUses, store: Watched, seconds: list[float]
) -> None:
    """A key's use is written once in five minutes, with the latest moment, however many threads use
    the key."""

    def use_it(_: int) -> None:
        for _ in range(100):
            uses.note(PREFIX)

    at_once(8, use_it)
    noted(store, 1)
    seconds[0] += NOTED_EVERY_SECONDS - 1
    uses.note(PREFIX)
    seconds[0] += 1
    uses.note(PREFIX)
    noted(store, 2)
    assert store.noted[1] == {PREFIX: MOMENT + timedelta(seconds=NOTED_EVERY_SECONDS)}


def test_a_store_that_fails_is_not_asked_more_often(
    uses: KeyUses, store: Watched, seconds: list[float]
) -> None:
    """After a failed write the next one is due at its usual time."""
    store.down = True
    for _ in range(100):
        uses.note(PREFIX)
    noted(store, 1)
    uses.note("mnopqrstuvwx")
    noted(store, 2)
    store.down = False
    seconds[0] += NOTED_EVERY_SECONDS
    uses.note(PREFIX)
    wait_until(lambda: PREFIX in store.last_uses(soon()), 20, "the next note")
    assert len(store.noted) == 3


def test_nobody_waits_for_a_store_that_stands_still(uses: KeyUses, store: Watched) -> None:
    """While the store blocks, uses gather, and are then written together."""
    store.may_answer.clear()
    uses.note(PREFIX)
    noted(store, 1)
    others = [f"abcdefghijk{letter}" for letter in "mnopq"]
    for prefix in others:
        uses.note(prefix)
    store.may_answer.set()
    noted(store, 2)
    assert sorted(store.noted[1]) == others


def test_what_waits_is_written_at_the_end(store: Watched) -> None:
    """A process that stops writes its pending uses if it has time."""
    uses = KeyUses(store, lambda: MOMENT)
    uses.note(PREFIX)
    uses.close()
    assert store.last_uses(soon()) == {PREFIX: MOMENT}
    uses.note("mnopqrstuvwx")
    assert len(store.noted) == 1


def test_the_end_waits_for_a_bounded_time(store: Watched) -> None:
    """A process that stops waits for a blocked store only for a limited time."""
    store.may_answer.clear()
    uses = KeyUses(store, lambda: MOMENT)
    uses.note(PREFIX)
    budget = Deadline.after(2 * WRITE_SECONDS + 5)
    uses.close()
    assert not budget.expired
    store.may_answer.set()
