"""What is known of a carrier after its events. Imports only the domain."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.domain.absorption import Absorptions, Merge, inherited, kept
from app.domain.approval import Approval
from app.domain.blocks import Instructions
from app.domain.documents import Documents, today
from app.domain.profile import EMPTY, PROFILE_PARTS, Profile
from app.domain.proposals import Proposals
from app.domain.scheduled import (
    ScheduledChange,
    ScheduledChanges,
    due,
    in_order,
    last_effect,
    took_effect_after,
)
from app.domain.values import comparable_email

ACTIVE, SUSPENDED, RETIRED, MERGED = "active", "suspended", "retired", "merged"
STATES = (ACTIVE, SUSPENDED, RETIRED, MERGED)
UNMERGED = (ACTIVE, SUSPENDED, RETIRED)
"""The states of a carrier that speaks for itself: no other one stands in its place."""

GONE = frozenset({RETIRED, MERGED})
"""The states of a carrier that is worked with no longer: it offers nothing, nothing that is
scheduled takes effect, and it is nobody's duplicate."""

FIELDS = ("name", "email", *PROFILE_PARTS)
"""What a carrier says of itself, by the names that the API has for it."""


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
    scheduled: ScheduledChanges = field(default_factory=dict)
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
        """Scope and value of what no other carrier may have meanwhile: its address, those that it
        is scheduled to have, and those that it had before it took another carrier's."""
        if self.state == RETIRED or (self.merge and self.merge.is_released):
            return frozenset()
        scheduled = (each.changes.get("email") for each in self.scheduled.values() if each.is_open)
        addresses = map(comparable_email, (self.email, *filter(None, scheduled)))
        own = {*addresses, *kept(self.absorptions)} - inherited(self.absorptions).keys()
        return frozenset(("email", each) for each in own)

    def today(self, now: datetime) -> str:
        """The day that it is where the carrier is, YYYY-MM-DD. Never before one on which a
        scheduled change took effect: that stays so when the carrier moves to another time zone. Who
        is scheduled to move is there from that day on, whether that is recorded or not."""
        zone = self.profile.time_zone
        if not self.scheduled:
            return today(now, zone)
        day = max(today(now, zone), last_effect(self.scheduled))
        if self.state in GONE:
            return day
        for each in (change for change in in_order(self.scheduled) if change.is_open):
            if each.effective_on > day:
                break
            zone = each.changes.get("time_zone", zone)
            day = max(today(now, zone), each.effective_on)
        return day

    def on(self, day: str) -> "CarrierState":
        """The carrier with the values that hold on that day, YYYY-MM-DD, by what is scheduled.

        A change that was made without a day counts from the last scheduled one that was in effect
        by then, and up to the next one. A carrier that is GONE stays as it is.
        """
        if not self.scheduled:
            return self
        state = self
        for each in took_effect_after(self.scheduled, day):
            state = state.changed(each.was or {})
        for each in due(self.scheduled, day) if self.state not in GONE else ():
            state = state.changed(each.changes)
        return state

    def to_come(self, day: str) -> list[ScheduledChange]:
        """The scheduled changes that are to take effect after that day, in order."""
        return [
            each
            for each in in_order(self.scheduled)
            if each.effective_on > day and not each.cancelled
            if each.was is not None or self.state not in GONE
        ]

    def changed(self, changes: Mapping[str, Any]) -> "CarrierState":
        """The carrier with these fields replaced; `changes` maps some of FIELDS to JSON."""
        return replace(
            self,
            name=changes.get("name", self.name),
            email=changes.get("email", self.email),
            profile=self.profile.changed_by(changes),
        )

    def only(self, fields: Iterable[str]) -> dict[str, Any]:
        """These of FIELDS, as JSON; others are left out."""
        everything = self.as_json()
        return {field: everything[field] for field in fields if field in FIELDS}


BLANK = CarrierState(name="", email="")
"""What is known before any event."""
