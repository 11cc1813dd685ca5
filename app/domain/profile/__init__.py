"""A carrier's profile: eleven optional parts beside its name and e-mail address.

A command's JSON becomes a value object, which checks the part's rule and gives the JSON in normal
form that events and states hold. Parts of stored events are not checked again, so old events stay
readable when a rule becomes stricter.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

from app.domain.profile.bank import BankReference
from app.domain.profile.contact import Aliases, PhoneNumber, TrackingUrl, Website
from app.domain.profile.coverage import Coverages
from app.domain.profile.identifiers import Identifiers
from app.domain.profile.metadata import Metadata
from app.domain.profile.people import Contacts
from app.domain.profile.tags import Tags
from app.domain.profile.time_zone import TimeZone

__all__ = ["EMPTY", "PROFILE_PARTS", "Part", "Profile", "compared"]

Json = Any  # None, text, numbers, lists and objects of them


class PartValue(Protocol):
    """A part's value object."""

    def as_json(self) -> Json:
        """The value's normal form, from which an equal value can be read."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """`read` makes the value object from JSON of the part's shape, or raises InvalidValue.

    Null unsets a nullable part; an empty list or object unsets another part.
    """

    read: Callable[[Json], PartValue]
    nullable: bool = False

    def normal(self, given: Json) -> Json:
        """The JSON `given` in normal form, as events hold it. Raises InvalidValue."""
        if given is None and self.nullable:
            return None
        return self.read(given).as_json()


PROFILE_PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "phone": Part(PhoneNumber, nullable=True),
        "website": Part(Website, nullable=True),
        "aliases": Part(Aliases),
        "identifiers": Part(Identifiers.from_json),
        "coverage": Part(Coverages.from_json),
        "tracking_url": Part(TrackingUrl, nullable=True),
        "metadata": Part(Metadata),
        "contacts": Part(Contacts.from_json),
        "tags": Part(Tags),
        "time_zone": Part(TimeZone, nullable=True),
        "bank_reference": Part(BankReference, nullable=True),
    }
)


@dataclass(frozen=True, slots=True)
class Profile:
    """The parts as JSON, as the events hold them. Do not change the lists and objects: they are
    shared with the events."""

    phone: str | None = None
    website: str | None = None
    aliases: Sequence[str] = field(default_factory=list)
    identifiers: Sequence[Mapping[str, str]] = field(default_factory=list)
    coverage: Sequence[Mapping[str, Any]] = field(default_factory=list)
    tracking_url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    contacts: Sequence[Mapping[str, str]] = field(default_factory=list)
    tags: Sequence[str] = field(default_factory=list)
    time_zone: str | None = None
    bank_reference: str | None = None

    def changed_by(self, changes: Mapping[str, Json]) -> "Profile":
        """The profile with the parts in `changes` replaced. Part names that this release does not
        know, which a later one wrote, are ignored."""
        return replace(self, **{part: changes[part] for part in PROFILE_PARTS if part in changes})

    def differences(self, changes: Mapping[str, Json]) -> dict[str, Json]:
        """The parts of `changes` (JSON in normal form) that differ from the profile."""
        return {
            part: changed
            for part, changed in changes.items()
            if compared(changed) != compared(getattr(self, part))
        }

    def as_json(self) -> dict[str, Json]:
        """Every part by its name, including unset ones."""
        return {part: getattr(self, part) for part in PROFILE_PARTS}


EMPTY = Profile()


def compared(value: Json) -> str:
    """The JSON text to compare values by: in Python 1, 1.0 and True are equal, but not in JSON. The
    order of an object's keys does not matter."""
    return json.dumps(value, sort_keys=True)
