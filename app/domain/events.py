"""What can have happened to a carrier. Past tense, primitive fields, never changed once written.

A class here is stored under its own name (`infrastructure/codec.py` holds the table), with the
schema version that it had when it was written.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CarrierRegistered:
    """A company was entered in the registry. Always the first event of its stream."""

    name: str
    email: str


CarrierEvent = CarrierRegistered
