"""What is known of a carrier after its events. Imports only the domain."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.absorption import Absorptions, Merge, inherited, kept
from app.domain.approval import Approval
from app.domain.blocks import Instructions
from app.domain.documents import Documents
from app.domain.profile import EMPTY, Profile
from app.domain.proposals import Proposals
from app.domain.values import comparable_email

ACTIVE, SUSPENDED, RETIRED, MERGED = "active", "suspended", "retired", "merged"
STATES = (ACTIVE, SUSPENDED, RETIRED, MERGED)
UNMERGED = (ACTIVE, SUSPENDED, RETIRED)
"""The states of a carrier that speaks for itself: no other one stands in its place."""


@dataclass(frozen=True, slots=True)
class CarrierState:
    """What is known of a carrier after its events. Plain text: values that once were valid
    stay readable when a rule becomes stricter.

    `reason` and `category` say why the carrier is suspended, retired or merged. `merges` counts
    how often it was merged.
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
    merge: Merge | None = None
    merges: int = 0
    absorptions: Absorptions = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The fields of the carrier as the API shows it, by their names there."""
        return {
            "name": self.name,
            "email": self.email,
            "state": self.state,
            "reason": self.reason,
            "category": self.category,
            "merged_into": self.merged_into,
            **self.profile.as_json(),
        }

    @property
    def merged_into(self) -> str | None:
        """The carrier that speaks for it; None if it speaks for itself."""
        return self.merge.into if self.merge else None

    @property
    def unique_values(self) -> frozenset[tuple[str, str]]:
        """Scope and value of what no other carrier may have meanwhile."""
        if self.state == RETIRED or (self.merge and self.merge.is_released):
            return frozenset()
        own = {comparable_email(self.email), *kept(self.absorptions)}
        return frozenset(("email", each) for each in own - inherited(self.absorptions).keys())

    def with_fields(self, fields: Mapping[str, Any]) -> "CarrierState":
        """With these fields, as JSON, by their names in `as_json`."""
        return replace(
            self,
            name=fields.get("name", self.name),
            email=fields.get("email", self.email),
            profile=self.profile.changed_by(fields),
        )


BLANK = CarrierState(name="", email="")
"""What is known before any event."""
