"""Parked streams: an event that cannot be applied stops its own stream and no other."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from app.application.ports.codec import UnreadableEvent
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import RecordedEvent
from app.application.ports.views import Discarded, Parked, Progress
from app.application.projections import PROJECTIONS
from app.application.projections.batch import Batch
from app.application.projections.projector import Projector
from app.application.projections.replay import Replayer
from app.domain.command import CarrierEvent
from app.infrastructure.codec import JsonCodec
from tests.application.projections.world import (
    CARRIERS,
    STATISTICS,
    VIEWS,
    World,
    agrees,
    caught_up,
    write_history,
)
from tests.support.stores import soon

NEW = "CarrierMerged"
"""A type of event that this program does not know."""


class LaterCodec(JsonCodec):
    """The codec of a later release, which knows the event's type: the event renames."""

    def decode(self, recorded: RecordedEvent) -> CarrierEvent:
        """See `ports.codec.Codec`."""
        if recorded.data.event_type == NEW:
            recorded = replace(recorded, data=replace(recorded.data, event_type="CarrierRenamed"))
        decoded: CarrierEvent = super().decode(recorded)
        return decoded


def later(world: World, name: str) -> Projector:
    """A projector of that release."""
    projection = PROJECTIONS[name]
    return Projector(projection, world.feed, world.views, world.events, LaterCodec(), batch=2)


def parked(world: World) -> Mapping[str, Parked]:
    """The parked streams of the directory's view."""
    return world.progress().parked


def ask(world: World, stream: str, discard: str | None = None) -> None:
    """Request a retry or a discard in both views."""
    for view in VIEWS:
        assert world.views.request(view, stream, discard, soon())


@pytest.fixture
def stuck(world: World) -> World:
    """Stream "a" is parked at version 2 and has two later events; stream "b" has gone on."""
    for stream in "ab":
        world.register(stream, "Before")
    world.append("a", NEW, name="Merged")
    world.cover("a", "air", "DE", "FR")
    world.append("a", "CarrierSuspended", reason="it is late", category="safety")
    world.append("b", "CarrierRenamed", name="After")
    world.take_in()
    return world


def test_only_the_stream_of_the_event_is_held_up(stuck: World) -> None:
    """The parked stream's row is unchanged, and its event, reason and missed versions are known."""
    agrees(stuck, through_version={"a": 1})
    found = parked(stuck)["a"]
    assert (found.version, found.position, found.through_version) == (2, 3, 4)
    assert "CarrierMerged" in found.reason
    assert set(parked(stuck)) == {"a"}
    assert stuck.progress().checkpoint == stuck.feed.head(soon())


def test_parking_is_told_once_without_what_is_in_the_event(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """One line names stream, version, type and reason; a projector that was overtaken logs none."""
    world.append("a", NEW, name="Erika Mustermann")
    world.append("a", NEW, name="Erika Mustermann")
    world.views.meanwhile = [lambda: world.take_in("carriers")]
    world.projector().step(CARRIERS, soon())
    (line,) = caplog.messages
    assert line.startswith("carriers parked stream a at version 1, CarrierMerged: ")
    assert "Erika" not in caplog.text


def test_an_error_that_nobody_foresaw_parks_too(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """An unforeseen error parks too, with its traceback in the log and without its message in the
    reason."""
    world.register("a")
    world.register("b")
    world.append("a", "CarrierProfileUpdated", changes={"coverage": [{"service": "air"}]})
    world.take_in("carriers")
    assert parked(world)["a"].reason == "KeyError was raised when it was applied"
    (record,) = caplog.records
    assert "in terms_of" in record.traceback  # type: ignore[attr-defined]
    assert "countries" not in caplog.text
    assert record.levelno == logging.ERROR
    agrees(world, CARRIERS, through_version={"a": 1})


def test_a_retry_in_vain_parks_again(stuck: World) -> None:
    """A failed retry parks the stream at the same event, and the request is done."""
    ask(stuck, "a")
    before = parked(stuck)["a"]
    stuck.take_in()
    assert parked(stuck)["a"] == replace(before, retry=False)
    agrees(stuck, through_version={"a": 1})
    commits = stuck.views.commits
    stuck.take_in()
    assert stuck.views.commits == commits


def test_a_retry_takes_in_what_went_by(stuck: World) -> None:
    """After a successful retry row and counts are as if the stream had never been parked."""
    ask(stuck, "a")
    for view in VIEWS:
        caught_up(later(stuck, view.name), view)
        fresh = stuck.views.begin(view.projection, soon())
        caught_up(later(stuck, view.name), fresh)
        assert stuck.views.differences(view, fresh, soon()) == 0
        assert not stuck.progress(view).parked
    assert stuck.views.rows(CARRIERS, ["a"], soon())["a"].version == 4
    assert stuck.views.counts(STATISTICS, soon(), ["country:DE", "state:active"]) == {
        "country:DE": 1,
        "state:active": 1,
    }


def test_a_discarded_event_is_left_out(stuck: World) -> None:
    """The stream goes on without the discarded event, with later events and in every later
    generation."""
    ask(stuck, "a", "it was a mistake")
    stuck.register("c")
    stuck.append("a", "CarrierRenamed", name="Later")
    stuck.take_in()
    stuck.append("a", "CarrierReinstated", reason=None)
    stuck.take_in()
    stuck.discarded.add(("a", 2))
    agrees(stuck)
    for view in VIEWS:
        assert not stuck.progress(view).parked
        assert stuck.views.discarded(view, soon()) == [Discarded("a", 2, "it was a mistake")]
        fresh = stuck.views.begin(view.projection, soon())
        caught_up(stuck.projector(view.name), fresh)
        assert stuck.views.differences(view, fresh, soon()) == 0


def test_a_discard_forgets_what_was_folded_with_the_event(world: World) -> None:
    """A projector does not use a kept state that includes a discarded event."""
    world.register("a", "Before")
    world.append("a", "CarrierProfileUpdated", changes={"coverage": [{"service": "air"}]})
    projector = world.projector()
    caught_up(projector, CARRIERS)
    assert world.views.request(CARRIERS, "a", "no countries", soon())
    world.append("a", "CarrierRenamed", name="After")
    caught_up(projector, CARRIERS)
    world.discarded.add(("a", 2))
    agrees(world, CARRIERS)


def test_the_first_event_can_be_discarded(world: World) -> None:
    """Without its first event a stream begins with the second; without any it has no row."""
    world.append("a", NEW, name="Merged")
    world.take_in()
    ask(world, "a", "unknown")
    world.take_in()
    world.discarded.add(("a", 1))
    agrees(world)
    world.append("a", "CarrierRenamed", name="After")
    world.take_in()
    agrees(world)


def test_a_stream_is_parked_at_the_next_event_that_fails(stuck: World) -> None:
    """Events between the discarded one and the next that fails are applied."""
    stuck.append("a", NEW, name="Merged")
    stuck.append("a", "CarrierReinstated", reason=None)
    ask(stuck, "a", "it was a mistake")
    stuck.take_in()
    found = parked(stuck)["a"]
    assert (found.version, found.through_version, found.retry, found.discard) == (5, 6, False, None)
    stuck.discarded.add(("a", 2))
    agrees(stuck, through_version={"a": 4})


def test_nothing_is_discarded_where_it_would_not_help(stuck: World) -> None:
    """If an earlier event cannot be folded, the stream stays parked with that as the reason."""

    class Worse(JsonCodec):
        def decode(self, recorded: RecordedEvent) -> CarrierEvent:
            raise UnreadableEvent(recorded, "nothing can")

    ask(stuck, "a", "it was a mistake")
    projection = PROJECTIONS["carriers"]
    Projector(projection, stuck.feed, stuck.views, stuck.events, Worse()).step(CARRIERS, soon())
    found = parked(stuck)["a"]
    assert (found.version, found.discard, found.through_version) == (2, None, 4)
    assert found.reason.endswith(
        "event 1 of stream a (CarrierRegistered) cannot be read: nothing can"
    )
    assert not stuck.views.discarded(CARRIERS, soon())


def test_a_store_that_is_away_parks_nothing(stuck: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unavailable store parks no stream: the step fails, and a later step does the work."""

    def away(*_: Any, **__: Any) -> Any:  # noqa: ANN401
        raise StoreUnavailable("away")

    def fails() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(stuck.events, "read", away)
            with pytest.raises(StoreUnavailable):
                stuck.projector().step(CARRIERS, soon())

    stuck.append("b", "CarrierRenamed", name="Away")
    fails()
    ask(stuck, "a", "it was a mistake")
    fails()
    stuck.take_in()
    stuck.discarded.add(("a", 2))
    agrees(stuck)


def test_a_row_says_how_many_events_it_leaves_out(stuck: World) -> None:
    """A row has the number of discarded events up to its version, by which stores order rows of one
    version."""
    discarded = frozenset({("a", 2), ("a", 4), ("b", 3)})
    replayer = Replayer(stuck.events, JsonCodec())
    batch = Batch(PROJECTIONS["carriers"], replayer, Progress(discarded=discarded), soon())
    for each in stuck.feed.read(0, 100, soon()):
        batch.take_in(each.position, each.event)
    changes = {each.row.carrier_id: each for each in batch.changes(6, {}).rows}
    rows = {stream: [*each.was, each.row] for stream, each in changes.items()}
    assert [(row.version, row.discarded) for row in rows["a"]] == [(1, 0), (2, 1), (3, 1), (4, 2)]
    assert [(row.version, row.discarded) for row in rows["b"]] == [(1, 0), (2, 0)]


@pytest.mark.parametrize("seed", range(3))
def test_histories_with_many_bad_events_end_as_if_these_had_never_been(
    world: World, seed: int
) -> None:
    """After discarding all bad events, with two projectors at work, the views are as if those
    events had not existed."""
    write_history(world, seed, streams=5, events=30)
    streams = list(world.versions)
    for round_ in range(6):
        bad = streams[round_ % 2]
        world.append(bad, NEW, name="Merged")
        world.discarded.add((bad, world.versions[bad]))
        write_history(world, seed, streams=5, events=6)
    turns = {view: [world.projector(view.name, batch=n) for n in (2, 5)] for view in VIEWS}
    while any(
        world.progress(view).parked or world.progress(view).checkpoint < world.feed.head(soon())
        for view in VIEWS
    ):
        for view, projectors in turns.items():
            for projector in projectors:
                projector.step(view, soon())
            for stream in world.progress(view).parked:
                world.views.request(view, stream, "unknown", soon())
    agrees(world)
