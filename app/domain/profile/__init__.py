"""What is known of a carrier beside its name and address: seven parts, each optional.

A part comes in as JSON, becomes a value that keeps its rule, and goes on as JSON in normal form:
that is what an event holds and what a state is made of. What once was valid is never looked at
again, so old events stay readable when a rule becomes stricter.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

from app.domain.profile.contact import Aliases, PhoneNumber, TrackingUrl, Website
from app.domain.profile.coverage import Coverages
from app.domain.profile.identifiers import Identifiers
from app.domain.profile.metadata import Metadata

__all__ = ["EMPTY", "PROFILE_PARTS", "Part", "Profile", "compared"]

Json = Any  # None, text, numbers, lists and objects of them


class PartValue(Protocol):
    """A value object of one part."""

    def as_json(self) -> Json:
        """Its normal form, from which an equal value can be read."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """`read` makes the value of JSON that has the part's shape, or raises InvalidValue.

    A part that may be null is unset by null; the others are unset by being empty.
    """

    read: Callable[[Json], PartValue]
    nullable: bool = False

    def normal(self, given: Json) -> Json:
        """`given` in normal form, as events hold it. Raises InvalidValue."""
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
    }
)


@dataclass(frozen=True, slots=True)
class Profile:
    """The parts as JSON, taken as the events tell them. Their lists and objects are shared with
    the events: not to be changed."""

    phone: str | None = None
    website: str | None = None
    aliases: Sequence[str] = field(default_factory=list)
    identifiers: Sequence[Mapping[str, str]] = field(default_factory=list)
    coverage: Sequence[Mapping[str, Any]] = field(default_factory=list)
    tracking_url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def changed_by(self, changes: Mapping[str, Json]) -> "Profile":
        """With the parts in `changes` instead of its own. Never refuses what happened: a part
        of another name, which a later version wrote, is passed over."""
        return replace(self, **{part: changes[part] for part in PROFILE_PARTS if part in changes})

    def differences(self, changes: Mapping[str, Json]) -> dict[str, Json]:
        """Those of `changes` (in normal form) that say something else than the profile does."""
        return {
            part: changed
            for part, changed in changes.items()
            if compared(changed) != compared(getattr(self, part))
        }

    def as_json(self) -> dict[str, Json]:
        """Every part by its name, the unset ones too."""
        return {part: getattr(self, part) for part in PROFILE_PARTS}


EMPTY = Profile()


def compared(value: Json) -> str:
    """As text: to Python 1, 1.0 and True are equal, and to a caller they are not. The order of
    an object's keys says nothing."""
    return json.dumps(value, sort_keys=True)
