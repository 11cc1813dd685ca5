"""What can have happened to a carrier. Past tense, primitive fields, never changed once written.

A class here is stored under its own name (`infrastructure/codec.py` holds the table), with the
schema version that it had when it was written. Each holds only what changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CarrierRegistered:
    """A company was entered in the registry. Always the first event of its stream."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class CarrierRenamed:
    """It goes by another name."""

    name: str


@dataclass(frozen=True, slots=True)
class CarrierEmailChanged:
    """It is reached at another address; the former one is free again."""

    email: str


@dataclass(frozen=True, slots=True)
class CarrierProfileUpdated:
    """`changes` maps each part of the profile that changed to what it is now, as JSON."""

    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CarrierSuspended:
    """It gets no work until it is reinstated."""

    reason: str
    category: str


@dataclass(frozen=True, slots=True)
class CarrierReinstated:
    """Its suspension has ended."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class CarrierRetired:
    """It has left the registry for good; its address is free again."""

    reason: str


CarrierEvent = (
    CarrierRegistered
    | CarrierRenamed
    | CarrierEmailChanged
    | CarrierProfileUpdated
    | CarrierSuspended
    | CarrierReinstated
    | CarrierRetired
)
