"""What commands make of a carrier's blocks, preferences and overrides, and of changes scheduled for
a day that never comes, as the API's description says: the judge's own words, beside those on the
carrier itself in `carrier.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

_WORK: Final = ("rule", "country", "service", "customer", "valid_from", "valid_to", "reason")
_SAID: Final = (*_WORK, "effective_on", "name")
GIVEN: Final = {
    "block": "block",
    "prefer": "preference",
    "override-verdict": "override",
    "schedule-change": "change",
}
"""Which command gives what."""
TAKEN_BACK: Final = {
    "unblock": "block",
    "unprefer": "preference",
    "withdraw-override": "override",
    "cancel-scheduled-change": "change",
}
"""Which command takes what back."""
COMMANDS: Final = frozenset({*GIVEN, *TAKEN_BACK})
_EVENTS: Final = {
    "CarrierBlocked": "block",
    "CarrierPreferred": "prefer",
    "CarrierUnblocked": "unblock",
    "CarrierUnpreferred": "unprefer",
    "CarrierVerdictOverridden": "override-verdict",
    "CarrierOverrideWithdrawn": "withdraw-override",
    "CarrierChangeScheduled": "schedule-change",
    "CarrierScheduledChangeCancelled": "cancel-scheduled-change",
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """A block, a preference, an override or a scheduled change by what was said of it, and why it
    was taken back."""

    noun: str
    said: tuple[Any, ...]
    ended: str | None = None


Instructions = tuple[Instruction, ...]
"""Those of a carrier, of all kinds, in order. Each noun counts its own from 1."""


def decided(given: Instructions, command: str, body: Mapping[str, Any]) -> Instructions | None:
    """The instructions after a command, the same ones if it changes nothing; None if it takes back
    what is not there, or was taken back for another reason."""
    if command in GIVEN:
        new = Instruction(GIVEN[command], tuple(body.get(name) for name in _SAID))
        return given if new in given else (*given, new)
    place = _place(given, TAKEN_BACK[command], body)
    if place is None:
        return None
    found = given[place]
    if found.ended is not None:
        return given if found.ended == body["reason"] else None
    return (*given[:place], replace(found, ended=body["reason"]), *given[place + 1 :])


def after(given: Instructions, kind: str, data: Mapping[str, Any]) -> Instructions:
    """The instructions after an event of this type."""
    if kind not in _EVENTS:
        return given
    command = _EVENTS[kind]
    if command in GIVEN:
        said = {**data, **data.get("changes", {})}
        new = Instruction(GIVEN[command], tuple(said.get(name) for name in _SAID))
        return (*given, new)
    changed = decided(given, command, data)
    assert changed is not None, "no event takes back what is not there"
    return changed


def next_number(given: Instructions, noun: str) -> int:
    """Which one the next of these is."""
    return sum(each.noun == noun for each in given) + 1


def _place(given: Instructions, noun: str, body: Mapping[str, Any]) -> int | None:
    places = [place for place, each in enumerate(given) if each.noun == noun]
    number = body[f"{noun}_id"]
    return places[number - 1] if number <= len(places) else None
