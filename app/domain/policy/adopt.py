"""`adopt-policy`: from now on carriers are judged by another policy. Imports only the domain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from app.domain.aggregate import Event
from app.domain.command import POLICY, Change, Declaration
from app.domain.policy.state import PolicyState
from app.domain.policy.terms import Terms
from app.domain.profile import compared

POLICY_ID = str(uuid5(UUID("6f0d1d3a-3d0c-5b52-9a53-0c0f5b0f6f5e"), "policy"))
"""The stream of the policy, the same in every registry: each has one policy."""


@dataclass(frozen=True, slots=True)
class PolicyEvent(Event[PolicyState]):
    """What has happened to a policy."""


@dataclass(frozen=True, slots=True)
class PolicyAdopted(PolicyEvent):
    """Carriers are judged by this policy from now on. `policy` is the whole of it, as JSON."""

    policy: Mapping[str, Any]

    def apply(self, state: PolicyState) -> PolicyState:
        """See `Event`. Nothing is left of the former policy."""
        return PolicyState.of(self.policy)


@dataclass(frozen=True, slots=True)
class AdoptPolicy(Change):
    """A whole policy, in the place of the one that holds."""

    terms: Terms

    @property
    def stream(self) -> str:
        """See `Change`."""
        return POLICY_ID

    def decide(self, state: PolicyState, now: datetime) -> Iterator[PolicyEvent]:
        """See `Command`. To adopt the default is a decision too, if none was made before."""
        policy = self.terms.as_json()
        if not state.adopted or compared(policy) != compared(state.as_json()):
            yield PolicyAdopted(policy=policy)


DECLARATION = Declaration(
    "adopt-policy",
    AdoptPolicy,
    (PolicyAdopted,),
    summary="Adopt a policy, in the place of the one that holds.",
    group=POLICY,
)
