"""The statistics' view: what a carrier adds to which counts. A pure function of a carrier.

Every registered carrier counts in `total`, in its UTC day (`registered:2026-11-23`), and in what
GROUPS says. A merged one counts as merged only, and with its incidents: another one stands for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.application.projections.replay import Folded
from app.domain.state import ACTIVE, GONE, MERGED, STATES, CarrierState

VERSION = 3
"""See `Projection.version`."""

TOTAL = "total"
REGISTERED = "registered:"
"""What the keys of the counts by day begin with."""


@dataclass(frozen=True, slots=True)
class Group:
    """Counts that are shown together under a name, as an object by key.

    `of` says what a carrier in this state adds to which key. The view's keys are the group's with
    `prefix` before them. `always` are shown even if they are 0; `example` is a key.
    """

    name: str
    prefix: str
    of: Callable[[CarrierState], Mapping[str, int]]
    description: str
    example: str
    always: tuple[str, ...] = ()


def counted(carrier: Folded) -> dict[str, int]:
    """What the carrier adds, by the keys of the counts."""
    counts = {}
    if carrier.state.state != MERGED:
        counts = {TOTAL: 1, REGISTERED + carrier.registered_at.date().isoformat(): 1}
    for group in GROUPS:
        for key, number in group.of(carrier.state).items():
            counts[group.prefix + key] = number
    return counts


def _states(state: CarrierState) -> dict[str, int]:
    return {state.state: 1}


def _countries(state: CarrierState) -> dict[str, int]:
    """Each once, however often the coverage names it; a retired carrier offers nothing."""
    if state.state in GONE:
        return {}
    return {country: 1 for entry in state.profile.coverage for country in entry["countries"]}


def _services(state: CarrierState) -> dict[str, int]:
    if state.state in GONE:
        return {}
    return {entry["service"]: 1 for entry in state.profile.coverage}


GROUPS = (
    Group("states", "state:", _states, "By state.", ACTIVE, always=STATES),
    Group(
        "countries",
        "country:",
        _countries,
        "By country that they work in, or worldwide.",
        "DE",
    ),
    Group("services", "service:", _services, "By service that they offer.", "express"),
    Group("incidents", "incident:", lambda state: state.incidents, "Incidents, by kind.", "late"),
)
