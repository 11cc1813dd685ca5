"""Which documents a carrier has on a day, as the rules of eligibility ask for them. Imports nothing
of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """A document that is valid on the day. `limit` is what it is good for (`amount`, `currency`),
    if it says so; `decided_by` the index (from 0) of the event that filed it."""

    limit: Mapping[str, Any] | None
    decided_by: int | None


class Held(Protocol):
    """Tells which document of a kind a carrier has."""

    def __call__(self, kind: str, on: date) -> HeldDocument | None:
        """The one that is valid on that day, the one with the highest limit of several; None if
        there is none."""
        ...


def no_documents(kind: str, on: date) -> HeldDocument | None:
    """Implements `Held` for a carrier of which no document is known."""
    del kind, on
    return None
