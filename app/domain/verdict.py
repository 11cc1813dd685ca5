"""A rule's verdict on a carrier and a piece of work. Imports only the domain."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's result. `decided_by` is the index (from 0) of the last event that set what the rule
    checks; None if there is no such event. `looked_at` is the value that was checked, as JSON."""

    rule: str
    holds: bool
    explanation: str
    decided_by: int | None
    looked_at: Any = None
