"""What a policy is after its events. Imports only the domain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What a policy asks for, as the JSON of its event: terms that once were valid stay readable
    when a rule becomes stricter. Without any event it is the default, which asks for nothing."""

    requirements: Sequence[Mapping[str, Any]] = ()
    recent_within_days: int | None = None
    approval_required: bool = False
    second_person_for: Sequence[str] = ()
    adopted: bool = False

    @classmethod
    def of(cls, policy: Mapping[str, Any]) -> "PolicyState":
        """The state after a policy was adopted. Members that this release does not know, which a
        later one wrote, are ignored; one that is missing is as in the default."""
        known = {each.name for each in fields(cls)} - {"adopted"}
        return cls(**{name: policy[name] for name in known & policy.keys()}, adopted=True)

    @property
    def state(self) -> str:
        """In a word: whether a policy was ever adopted."""
        return "adopted" if self.adopted else "default"

    @property
    def unique_values(self) -> frozenset[tuple[str, str]]:
        """None: there is one policy."""
        return frozenset()

    def as_json(self) -> dict[str, Any]:
        """The policy as the API shows it, and takes it."""
        return {
            "requirements": list(self.requirements),
            "recent_within_days": self.recent_within_days,
            "approval_required": self.approval_required,
            "second_person_for": list(self.second_person_for),
        }


DEFAULT = PolicyState()
"""What holds as long as no policy was adopted."""
