"""Whether a carrier was approved, and of what. Imports only the domain.

An approval is of what the carrier says of itself: as soon as that is another thing, the approval
counts no more. No event says so, as it follows from the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SUBJECT = ("name", "email", "phone", "website", "identifiers", "coverage", "bank_reference")
"""The fields that are approved: who the carrier is, how it is reached, what it offers, and where
its money goes."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What somebody decided on a carrier: `granted`, or rejected; why; and what the carrier said of
    itself then, by the names of SUBJECT."""

    granted: bool
    reason: str
    subject: Mapping[str, Any]

    def changed(self, carrier: Mapping[str, Any]) -> list[str]:
        """Which fields are other ones now; `carrier` is the carrier's JSON."""
        return [name for name in SUBJECT if self.subject.get(name) != carrier[name]]


def subject_of(carrier: Mapping[str, Any]) -> dict[str, Any]:
    """What is approved of a carrier's JSON."""
    return {name: carrier[name] for name in SUBJECT}
