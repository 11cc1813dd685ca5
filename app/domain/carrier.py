"""The carrier: a company that carries goods, as an aggregate. Imports only the domain.

register → active ⇄ suspended
              └──────┴──→ retired, which is final
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.aggregate import AggregateRoot
from app.domain.errors import AlreadyRegistered, ForbiddenByState
from app.domain.events import (
    CarrierEmailChanged,
    CarrierEvent,
    CarrierProfileUpdated,
    CarrierRegistered,
    CarrierReinstated,
    CarrierRenamed,
    CarrierRetired,
    CarrierSuspended,
)
from app.domain.profile import EMPTY, Profile
from app.domain.values import CarrierName, Category, EmailAddress, Reason, comparable_email

ACTIVE, SUSPENDED, RETIRED = "active", "suspended", "retired"

_CHANGES = ("rename", "change-email", "update-profile")
POSSIBLE: Mapping[str, tuple[str, ...]] = {
    ACTIVE: (*_CHANGES, "suspend", "retire"),
    SUSPENDED: (*_CHANGES, "reinstate", "retire"),
    RETIRED: (),
}
"""Which commands change something in which state."""


@dataclass(frozen=True, slots=True)
class CarrierState:
    """What is known of a carrier after its events. Plain text: values that once were valid
    stay readable when a rule becomes stricter.

    `reason` and `category` say why it is suspended or retired.
    """

    name: str
    email: str
    status: str = ACTIVE
    reason: str | None = None
    category: str | None = None
    profile: Profile = EMPTY

    def as_json(self) -> dict[str, Any]:
        """Everything by the names that the API has for it."""
        return {
            "name": self.name,
            "email": self.email,
            "state": self.status,
            "reason": self.reason,
            "category": self.category,
            **self.profile.as_json(),
        }

    @property
    def unique_values(self) -> frozenset[tuple[str, str]]:
        """Scope and value of what no other carrier may have meanwhile."""
        if self.status == RETIRED:
            return frozenset()
        return frozenset({("email", comparable_email(self.email))})


class Carrier(AggregateRoot[CarrierState, CarrierEvent]):
    """Commands are methods: each looks at the state, then records events or raises.

    A command that would change nothing records nothing.
    """

    @staticmethod
    def evolve(state: CarrierState | None, event: CarrierEvent) -> CarrierState:  # noqa: PLR0911
        """See `AggregateRoot.evolve`."""
        if isinstance(event, CarrierRegistered):
            return CarrierState(name=event.name, email=event.email)
        if state is None:
            # No program of ours begins a stream otherwise; what happened is shown all the same.
            state = CarrierState(name="", email="")
        match event:
            case CarrierRenamed():
                return replace(state, name=event.name)
            case CarrierEmailChanged():
                return replace(state, email=event.email)
            case CarrierProfileUpdated():
                return replace(state, profile=state.profile.changed_by(event.changes))
            case CarrierSuspended():
                return replace(
                    state, status=SUSPENDED, reason=event.reason, category=event.category
                )
            case CarrierReinstated():
                return replace(state, status=ACTIVE, reason=None, category=None)
            case CarrierRetired():
                return replace(state, status=RETIRED, reason=event.reason, category=None)

    def register(
        self, name: CarrierName, email: EmailAddress, profile: Mapping[str, Any] | None = None
    ) -> None:
        """Enter the carrier in the registry. Raises `AlreadyRegistered` the second time.

        `profile` maps its parts to JSON in normal form, as in `update_profile`.
        """
        if self.state is not None:
            raise AlreadyRegistered(self.id)
        self.record(CarrierRegistered(name=name.text, email=email.text))
        self.update_profile(profile or {})

    def rename(self, name: CarrierName) -> None:
        """Give it another name. Raises `ForbiddenByState`."""
        if self._state_for("rename").name != name.text:
            self.record(CarrierRenamed(name=name.text))

    def change_email(self, email: EmailAddress) -> None:
        """Reach it at another address. Raises `ForbiddenByState`."""
        if self._state_for("change-email").email != email.text:
            self.record(CarrierEmailChanged(email=email.text))

    def update_profile(self, changes: Mapping[str, Any]) -> None:
        """Replace the parts in `changes`, JSON in normal form. Raises `ForbiddenByState`."""
        different = self._state_for("update-profile").profile.differences(changes)
        if different:
            self.record(CarrierProfileUpdated(changes=different))

    def suspend(self, reason: Reason, category: Category) -> None:
        """Give it no work for now. Raises `ForbiddenByState`, unless it is suspended for just
        that reason."""
        event = CarrierSuspended(reason=reason.text, category=category.text)
        if not self._would_change_nothing(event):
            self._state_for("suspend")
            self.record(event)

    def reinstate(self, reason: Reason | None = None) -> None:
        """End its suspension. Raises `ForbiddenByState`; an active one stays active."""
        if self._existing().status != ACTIVE:
            self._state_for("reinstate")
            self.record(CarrierReinstated(reason=reason.text if reason else None))

    def retire(self, reason: Reason) -> None:
        """Take it out of the registry for good. Raises `ForbiddenByState`, unless it is retired
        for just that reason."""
        event = CarrierRetired(reason=reason.text)
        if not self._would_change_nothing(event):
            self._state_for("retire")
            self.record(event)

    def _existing(self) -> CarrierState:
        assert self.state is not None, "the repository loads no carrier that does not exist"  # noqa: S101
        return self.state

    def _state_for(self, command: str) -> CarrierState:
        state = self._existing()
        if command not in POSSIBLE[state.status]:
            raise ForbiddenByState(state.status, POSSIBLE[state.status])
        return state

    def _would_change_nothing(self, event: CarrierEvent) -> bool:
        return self.evolve(self.state, event) == self.state
