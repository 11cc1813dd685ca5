"""A rule's verdict on a carrier and a piece of work, and what names the event that decided it.
Imports only the domain."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.domain.command import CarrierEvent

Last = Callable[[Callable[[CarrierEvent], bool]], int | None]
"""The index (from 0) of the last event that a question says yes to; None if there is none, or if
nobody knows the events."""


def unknown(_: Callable[[CarrierEvent], bool]) -> int | None:
    """The Last of a carrier whose events are not at hand: only its state is."""
    return None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's result. `decided_by` is the index (from 0) of the last event that set what the rule
    checks; None if there is no such event. `looked_at` is the value that was checked, as JSON."""

    rule: str
    holds: bool
    explanation: str
    decided_by: int | None
    looked_at: Any = None
