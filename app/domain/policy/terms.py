"""What a policy asks for, as values. Imports only the domain.

Terms are made from JSON of the right shape, which they check and hold in normal form. Terms of
stored events are not checked again (`state.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.documents import KINDS, LIMITED, Limit
from app.domain.errors import InvalidValue
from app.domain.profile import PROFILE_PARTS
from app.domain.profile.coverage import country, known_service
from app.domain.values import one_of

GUARDED_FIELDS = ("name", "email", *PROFILE_PARTS)
"""What a change by one person can be made to wait for a second one."""

MAX_REQUIREMENTS = 200
MAX_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class Requirement:
    """A kind of document that a carrier needs for a service in a country; None stands for any.
    `minimum` is the least that the document must answer for."""

    kind: str
    service: str | None = None
    country: str | None = None
    minimum: Limit | None = None

    def __post_init__(self) -> None:
        one_of("kind", KINDS, self.kind)
        if self.minimum is not None and self.kind not in LIMITED:
            raise InvalidValue(
                f"The minimum must be left out: only {', '.join(LIMITED)} have a limit"
            )
        if self.service is not None:
            known_service(self.service)
        if self.country is not None:
            object.__setattr__(self, "country", country(self.country))

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Requirement":
        """The requirement of a JSON object. Raises InvalidValue."""
        minimum = given.get("minimum")
        return cls(
            given["kind"],
            given.get("service"),
            given.get("country"),
            minimum and Limit(minimum["amount"], minimum["currency"]),
        )

    def as_json(self) -> dict[str, Any]:
        """An object with all four members; null for any, and for no minimum."""
        return {
            "kind": self.kind,
            "service": self.service,
            "country": self.country,
            "minimum": self.minimum and self.minimum.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Terms:
    """All that a policy says. `recent_within_days` is how long ago a carrier's profile may have
    been changed for the last time; None: however long."""

    requirements: Sequence[Requirement] = ()
    recent_within_days: int | None = None
    approval_required: bool = False
    second_person_for: Sequence[str] = ()

    def __post_init__(self) -> None:
        if len(self.requirements) > MAX_REQUIREMENTS:
            raise InvalidValue(f"There must be at most {MAX_REQUIREMENTS} requirements")
        asked = [(each.kind, each.service, each.country) for each in self.requirements]
        if len(set(asked)) < len(asked):
            raise InvalidValue(
                "The requirements must name each kind of document only once for a service and a"
                " country"
            )
        if self.recent_within_days is not None:
            days(self.recent_within_days)
        object.__setattr__(self, "requirements", tuple(self.requirements))
        object.__setattr__(self, "second_person_for", guarded(self.second_person_for))

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Terms":
        """The terms of a JSON object of the right shape. Raises InvalidValue."""
        return cls(
            tuple(map(Requirement.from_json, given["requirements"])),
            given["recent_within_days"],
            given["approval_required"],
            given["second_person_for"],
        )

    def as_json(self) -> dict[str, Any]:
        """The normal form, as the policy's event holds it."""
        return {
            "requirements": [each.as_json() for each in self.requirements],
            "recent_within_days": self.recent_within_days,
            "approval_required": self.approval_required,
            "second_person_for": list(self.second_person_for),
        }


def days(number: int) -> int:
    """`number`, if so many days can be asked for. Raises InvalidValue."""
    if not 1 <= number <= MAX_DAYS:
        raise InvalidValue(f"The recent_within_days must be a whole number from 1 to {MAX_DAYS}")
    return number


def guarded(names: Iterable[str]) -> tuple[str, ...]:
    """The names in the order of GUARDED_FIELDS, each once. Raises InvalidValue."""
    given = set(names)
    if not given <= set(GUARDED_FIELDS):
        raise InvalidValue(f"The second_person_for must be of {', '.join(GUARDED_FIELDS)}")
    return tuple(each for each in GUARDED_FIELDS if each in given)
