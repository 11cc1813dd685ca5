"""What is known of a carrier after its events. Imports only the domain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.approval import Approval
from app.domain.blocks import Instructions
from app.domain.documents import Documents
from app.domain.profile import EMPTY, Profile
from app.domain.proposals import Proposals
from app.domain.values import comparable_email

ACTIVE, SUSPENDED, RETIRED = "active", "suspended", "retired"
STATES = (ACTIVE, SUSPENDED, RETIRED)


@dataclass(frozen=True, slots=True)
class CarrierState:
    """What is known of a carrier after its events. Plain text: values that once were valid
    stay readable when a rule becomes stricter.

    `reason` and `category` say why the carrier is suspended or retired.
    """

    name: str
    email: str
    state: str = ACTIVE
    reason: str | None = None
    category: str | None = None
    profile: Profile = EMPTY
    incidents: Mapping[str, int] = field(default_factory=dict)  # how many, by kind
    last_incident_on: str | None = None
    documents: Documents = field(default_factory=dict)
    blocks: Instructions = field(default_factory=dict)
    preferences: Instructions = field(default_factory=dict)
    overrides: Instructions = field(default_factory=dict)
    approval: Approval | None = None
    proposals: Proposals = field(default_factory=dict)
    distinct_from: frozenset[str] = frozenset()  # ids of carriers that only look alike

    def as_json(self) -> dict[str, Any]:
        """The fields of the carrier as the API shows it, by their names there."""
        return {
            "name": self.name,
            "email": self.email,
            "state": self.state,
            "reason": self.reason,
            "category": self.category,
            **self.profile.as_json(),
        }

    @property
    def unique_values(self) -> frozenset[tuple[str, str]]:
        """Scope and value of what no other carrier may have meanwhile."""
        if self.state == RETIRED:
            return frozenset()
        return frozenset({("email", comparable_email(self.email))})


BLANK = CarrierState(name="", email="")
"""What is known before any event."""
