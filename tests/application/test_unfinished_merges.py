"""Whoever looks for merges that are half done finishes them, and leaves all others alone."""

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.application import unfinished_merges
from app.application.command_context import CommandContext
from app.application.ports.errors import StoreUnavailable
from app.application.projections.follower import Follower
from app.application.unfinished_merges import UnfinishedMerges
from app.domain.carrier import MERGED
from app.domain.command import Command
from app.domain.errors import OtherForbids
from app.infrastructure.codec import JsonCodec
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from tests.support.application import Application, keyed
from tests.support.around_appends import AroundAppends
from tests.support.merges import Two, retire, unmerge
from tests.support.processes import wait_until
from tests.support.stores import soon

ABSORBED = (["CarrierMerged"], ["CarrierAbsorbed"])
LONG = 3600.0


class Died(BaseException):
    """The process is gone: nothing of the application handles this."""


class DyingStore(AroundAppends):
    """A store whose process dies before its second append."""

    _appends = 0

    def before(self) -> None:
        """See `AroundAppends`."""
        self._appends += 1
        if self._appends > 1:
            raise Died


class Registry:
    """A store with its feed, the application on it, and two carriers."""

    def __init__(self, path: Path) -> None:
        self.store = SqliteEventStore(path)
        self.feed = SqliteFeed(path)
        self.app = Application(self.store)
        self.two = Two(self.app)
        self.asked: list[str] = []

    def close(self) -> None:
        """Close the file."""
        self.feed.close()
        self.store.close()

    def half(self, command: Command) -> None:
        """Send the command, and die behind its first step."""
        with pytest.raises(Died):
            Application(DyingStore(self.store)).do(command, keyed(str(uuid4()), actor="ann"))

    def looking(self, patience_seconds: float = 0) -> UnfinishedMerges:
        """One that looks, and notes for which carriers something may be left to do."""

        def finish(carrier_id: str, context: CommandContext) -> bool:
            self.asked.append(carrier_id)
            return self.app.merging.finish(carrier_id, context)

        return UnfinishedMerges(self.feed, JsonCodec(), finish, patience_seconds)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Of this test alone."""
    made = Registry(tmp_path / "events.sqlite3")
    yield made
    made.close()


def test_the_survivor_absorbs(registry: Registry) -> None:
    """What the first step chose, by the name of who asked for it and for the same request."""
    two = registry.two
    registry.half(two.merge("name", "email"))
    registry.looking().step()
    assert two.types() == ABSORBED
    assert two.state(two.survivor).email == two.address
    begun, ended = (
        JsonCodec().origin(registry.store.read(each, soon())[-1])
        for each in (two.merged, two.survivor)
    )
    assert (ended.actor, ended.correlation_id) == ("ann", begun.correlation_id)


def test_what_the_survivor_refused_is_taken_back(registry: Registry) -> None:
    """Whoever died, before the survivor decided or after it."""
    two = registry.two
    before = two.states()[0]
    registry.half(two.merge())
    registry.app.do(retire(two.survivor))
    registry.looking().step()
    assert two.states()[0] == before
    assert two.types()[1] == ["CarrierRetired", "CarrierMergeRefused"]
    with pytest.raises(OtherForbids):
        registry.app.do(two.merge())


def test_an_unmerge_is_finished(registry: Registry) -> None:
    """Both are what they were."""
    two = registry.two
    before = two.states()
    registry.app.do(two.merge("name"))
    registry.half(unmerge(two.merged))
    assert two.state(two.merged).state == MERGED
    registry.looking().step()
    assert two.states() == before


def test_whoever_is_at_work_is_given_time(registry: Registry) -> None:
    """Nothing is done before; then it is, also by who has seen the beginning only."""
    two = registry.two
    registry.half(two.merge())
    registry.looking(LONG).step()
    assert not registry.asked
    looking = registry.looking(0.05)
    looking.step()
    assert not registry.asked
    threading.Event().wait(0.06)
    looking.step()
    assert two.types() == ABSORBED


def test_a_merge_that_was_finished_is_left_alone(registry: Registry) -> None:
    """Nobody reads the two streams again for it, nor for an unmerge."""
    two = registry.two
    looking = registry.looking()
    registry.app.do(two.merge())
    looking.step()
    registry.app.do(unmerge(two.merged))
    looking.step()
    assert not registry.asked


def test_each_merge_of_a_carrier_counts(registry: Registry) -> None:
    """One that was taken back before says nothing of the next."""
    two = registry.two
    looking = registry.looking()
    registry.app.do(two.merge())
    registry.app.do(unmerge(two.merged))
    registry.half(two.merge())
    looking.step()
    assert registry.asked == [two.merged]
    assert two.types()[1] == ["CarrierAbsorbed", "CarrierSeparated", "CarrierAbsorbed"]


def test_a_page_at_a_time(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the last events before the head are read at a start, and all from there on."""
    monkeypatch.setattr(unfinished_merges, "_PAGE", 1)
    monkeypatch.setattr(unfinished_merges, "LOOK_BACK", 2)
    registry.half(registry.two.merge())
    looking = registry.looking()
    assert [looking.step() for _ in range(3)] == [True, False, False]
    assert registry.two.types() == ABSORBED


def test_after_a_restore_it_begins_anew(registry: Registry) -> None:
    """Positions of another feed say nothing of this one."""
    registry.half(registry.two.merge())
    looking = registry.looking(0.05)
    looking.step()
    registry.feed.renew(soon())
    threading.Event().wait(0.06)
    looking.step()
    assert not registry.asked
    threading.Event().wait(0.06)
    looking.step()
    assert registry.two.types() == ABSORBED


def test_a_store_that_is_away_is_asked_again(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is forgotten meanwhile, and one line names the carrier."""
    away = [True]

    def finish(carrier_id: str, context: CommandContext) -> bool:
        if away[0]:
            raise StoreUnavailable("the disk is full")
        return registry.app.merging.finish(carrier_id, context)

    looking = UnfinishedMerges(registry.feed, JsonCodec(), finish, 0)
    registry.half(registry.two.merge())
    looking.step()
    assert f"carrier {registry.two.merged}: its merge is half done, and waits" in caplog.text
    away[0] = False
    looking.step()
    assert registry.two.types() == ABSORBED


def test_one_that_cannot_be_finished_holds_up_no_other(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it fails with; one line names the carrier."""
    lost = registry.two
    registry.half(lost.merge())
    registry.two = Two(registry.app)
    registry.half(registry.two.merge())

    def finish(carrier_id: str, context: CommandContext) -> bool:
        if carrier_id == lost.merged:
            raise LookupError
        return registry.app.merging.finish(carrier_id, context)

    UnfinishedMerges(registry.feed, JsonCodec(), finish, 0).step()
    assert f"carrier {lost.merged}: its merge is half done, and stays so" in caplog.text
    assert registry.two.types() == ABSORBED


def test_a_hole_in_the_feed_is_waited_for(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read behind it, and there is no more to read now."""
    looking = registry.looking()
    registry.half(registry.two.merge())
    with monkeypatch.context() as patched:
        patched.setattr(registry.feed, "read", lambda *_: [])
        assert not looking.step()
    looking.step()
    assert registry.two.types() == ABSORBED


def test_a_follower_looks(registry: Registry) -> None:
    """In a thread of its own, which ends with it."""
    registry.half(registry.two.merge())
    follower = Follower([], merges=registry.looking())
    follower.start()
    wait_until(lambda: registry.two.types() == ABSORBED, 5, "the merge is finished")
    follower.close()
    assert "merges" not in {thread.name for thread in threading.enumerate()}
