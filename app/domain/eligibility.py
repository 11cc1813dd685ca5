"""Whether a carrier is eligible for a piece of work: three rules over its events. Imports only the
domain.

Every rule is checked, even after one does not hold, so that the answer names every obstacle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.carrier import ACTIVE, Carrier, CarrierState
from app.domain.command import CarrierEvent
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.reinstate import CarrierReinstated
from app.domain.commands.retire import CarrierRetired
from app.domain.commands.suspend import CarrierSuspended
from app.domain.commands.update_profile import CarrierProfileUpdated
from app.domain.profile.coverage import WORLDWIDE

_SETS_THE_STATE = (CarrierRegistered, CarrierSuspended, CarrierReinstated, CarrierRetired)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's result. `decided_by` is the index (from 0) of the last event that set what the rule
    checks; None if there is no such event, as in a stream without a registration."""

    rule: str
    holds: bool
    explanation: str
    decided_by: int | None


def verdicts(events: Sequence[CarrierEvent], country: str, service: str) -> list[Verdict]:
    """Every rule's verdict on work of this service in this country (alpha-2, upper case).

    `events` are all events of one carrier, in order, at least one.
    """
    state: CarrierState | None = None
    for event in events:
        state = Carrier.evolve(state, event)
    assert state is not None, "a carrier has events"  # noqa: S101
    places = _offered(state, service)
    by_state = _last(events, lambda event: isinstance(event, _SETS_THE_STATE))
    by_coverage = _last(events, _sets_the_coverage)
    return [
        Verdict("active", state.state == ACTIVE, _of_state(state), by_state),
        Verdict("service", bool(places), _of_service(places, service), by_coverage),
        Verdict(
            "country",
            country in places or WORLDWIDE in places,
            _of_country(places, country, service),
            by_coverage,
        ),
    ]


def _offered(state: CarrierState, service: str) -> frozenset[str]:
    """The countries, or WORLDWIDE, in which the carrier offers the service."""
    return frozenset(
        country
        for coverage in state.profile.coverage
        if coverage["service"] == service
        for country in coverage["countries"]
    )


def _last(events: Sequence[CarrierEvent], sets: Callable[[CarrierEvent], bool]) -> int | None:
    return max((place for place, event in enumerate(events) if sets(event)), default=None)


def _sets_the_coverage(event: CarrierEvent) -> bool:
    """Whether the event sets the coverage. A registration does, as it begins with an empty one."""
    return isinstance(event, CarrierRegistered) or (
        isinstance(event, CarrierProfileUpdated) and "coverage" in event.changes
    )


def _of_state(state: CarrierState) -> str:
    because = f": {state.reason}" if state.reason else ""
    return f"The carrier is {state.state}{because}"


def _of_service(places: frozenset[str], service: str) -> str:
    return f"The carrier offers {service}" if places else f"The carrier does not offer {service}"


def _of_country(places: frozenset[str], country: str, service: str) -> str:
    if WORLDWIDE in places:
        return f"The carrier offers {service} worldwide"
    if country in places:
        return f"The carrier offers {service} in {country}"
    return f"The carrier does not offer {service} in {country}"
