"""Incidents: noted in every state, never of a day that has not begun anywhere."""

from datetime import UTC, datetime

import pytest

from app.domain.carrier import Carrier, CarrierState
from app.domain.command import CarrierEvent
from app.domain.commands.note_incident import KINDS, CarrierIncidentNoted, NoteIncident
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.retire import CarrierRetired
from app.domain.declarations import BY_COMMAND
from app.domain.errors import InvalidInput, InvalidValue
from tests.support.scenario import CARRIER_ID

REGISTERED = CarrierRegistered("FedEx", "contact@fedex.com")


def after(*events: CarrierEvent) -> CarrierState:
    """The state that they make."""
    state = Carrier.replay(CARRIER_ID, [REGISTERED, *events]).state
    assert state is not None
    return state


def noted(happened_on: str, now: str) -> tuple[CarrierEvent, ...]:
    """What is recorded of a day at a moment, UTC."""
    carrier = Carrier.replay(CARRIER_ID, [REGISTERED])
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    carrier.carry_out(NoteIncident(CARRIER_ID, "late", happened_on, "A day late"), moment)
    return carrier.recorded


@pytest.mark.parametrize(
    ("happened_on", "now"),
    [
        ("2026-11-25", "2026-11-25T00:00:00"),
        ("0001-01-01", "2026-11-25T00:00:00"),
        ("2026-11-26", "2026-11-25T10:00:00"),
        ("2027-01-01", "2026-12-31T23:59:59"),
    ],
)
def test_a_day_that_has_begun_somewhere_is_noted(happened_on: str, now: str) -> None:
    """On Kiribati tomorrow begins at 10:00 UTC."""
    assert noted(happened_on, now) == (CarrierIncidentNoted("late", happened_on, "A day late"),)


@pytest.mark.parametrize(
    ("happened_on", "now"),
    [
        ("2026-11-26", "2026-11-25T09:59:59"),
        ("2026-11-27", "2026-11-25T23:59:59"),
        ("9999-12-31", "2026-11-25T00:00:00"),
    ],
)
def test_a_day_in_the_future_is_refused(happened_on: str, now: str) -> None:
    """By the field's name, and without the value."""
    with pytest.raises(InvalidInput) as caught:
        noted(happened_on, now)
    assert caught.value.field == "happened_on"
    assert caught.value.sentence == "The happened_on must not be in the future"


def test_incidents_are_counted_by_kind() -> None:
    """Two that are alike are two."""
    late = CarrierIncidentNoted("late", "2026-01-31", "A day late")
    state = after(late, late, CarrierIncidentNoted("loss", "2026-02-01", "Gone"))
    assert state.incidents == {"late": 2, "loss": 1}


def test_the_last_day_is_that_of_the_calendar() -> None:
    """An older incident that is noted later does not take its place."""
    newer = CarrierIncidentNoted("late", "2026-02-01", "A day late")
    older = CarrierIncidentNoted("loss", "2026-01-31", "Gone")
    assert after(newer, older).last_incident_on == "2026-02-01"
    assert after(older, newer).last_incident_on == "2026-02-01"


def test_an_incident_changes_no_field_that_is_shown() -> None:
    """Of a retired carrier neither."""
    retired = CarrierRetired("Merged")
    incident = CarrierIncidentNoted("late", "2026-01-31", "A day late")
    assert after(retired, incident).as_json() == after(retired).as_json()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_value(kind: str) -> None:
    """As the field reads it."""
    read = BY_COMMAND[NoteIncident].inputs[0].input.read
    assert read(kind) == kind
    with pytest.raises(InvalidValue):
        read(kind.upper())
