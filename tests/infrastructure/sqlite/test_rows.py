"""Rows of the table of events become events, whose ids and moments are made when asked for."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.application.ports.event_store import EventData, RecordedEvent
from app.infrastructure.sqlite.rows import feed_events, recorded_events


def row(position: int) -> tuple[object, ...]:
    """An event at that position, its milliseconds and its id the same number."""
    identity = str(UUID(int=position))
    return ("s", position, "Happened", "{}", position, identity, '{"a":1}', position)


def expected(position: int) -> RecordedEvent:
    """What is made of it."""
    moment = datetime.fromtimestamp(0, UTC).replace(microsecond=position * 1000)
    data = EventData(UUID(int=position), "Happened", "{}", '{"a":1}', moment)
    return RecordedEvent("s", position, data)


@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_each_row_becomes_an_event(count: int) -> None:
    """Whatever their number: a stream has few, a page of the feed many."""
    positions = range(1, count + 1)
    assert recorded_events([row(each) for each in positions]) == list(map(expected, positions))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_event_of_the_feed_has_its_position(count: int) -> None:
    """Beside the event that the stream has."""
    positions = range(1, count + 1)
    found = feed_events([row(each) for each in positions])
    assert [each.position for each in found] == list(positions)
    assert [each.event for each in found] == list(map(expected, positions))


def test_an_event_of_a_row_is_equal_to_one_that_was_made() -> None:
    """From either side, with the same hash, and to no other."""
    (found,), made = recorded_events([row(1)]), expected(1)
    assert (found == made, made == found, hash(found) == hash(made)) == (True, True, True)
    assert found != expected(2)
