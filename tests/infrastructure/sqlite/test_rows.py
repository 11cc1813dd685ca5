"""Rows of the table of events become the same events one by one and column by column."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.application.ports.event_store import EventData, RecordedEvent
from app.infrastructure.sqlite.rows import FEW, feed_events, recorded_events


def row(position: int) -> tuple[object, ...]:
    """An event at that position, its milliseconds and its id the same number."""
    identity = str(UUID(int=position))
    return ("s", position, "Happened", "{}", position, identity, '{"a":1}', position)


def expected(position: int) -> RecordedEvent:
    """What is made of it."""
    moment = datetime.fromtimestamp(0, UTC).replace(microsecond=position * 1000)
    data = EventData(UUID(int=position), "Happened", "{}", '{"a":1}', moment)
    return RecordedEvent("s", position, data)


@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, 500])
def test_each_row_becomes_an_event(count: int) -> None:
    """Whatever their number: a stream has few, a page of the feed many."""
    positions = range(1, count + 1)
    assert recorded_events([row(each) for each in positions]) == list(map(expected, positions))


@pytest.mark.parametrize("count", [0, 1, FEW + 1])
def test_an_event_of_the_feed_has_its_position(count: int) -> None:
    """Beside the event that the stream has."""
    positions = range(1, count + 1)
    found = feed_events([row(each) for each in positions])
    assert [each.position for each in found] == list(positions)
    assert [each.event for each in found] == list(map(expected, positions))


@pytest.mark.parametrize("count", [1, FEW + 1])
def test_ids_are_whole_uuids(count: int) -> None:
    """Also those that are made without their constructor: they compare, hash and print alike."""
    found = recorded_events([row(each) for each in range(1, count + 1)])[0].data.event_id
    assert (hash(found), repr(found)) == (hash(UUID(int=1)), repr(UUID(int=1)))
