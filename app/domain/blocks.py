"""Blocks, preferences and overrides: the work that a carrier is not to be given, is to be asked for
first, or may be given against a rule's verdict. Imports only the domain.

All are instructions of people, with their days. Nothing ends by a timer: which ones apply follows
from the work and the day that are asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from app.domain.documents import KINDS
from app.domain.errors import InvalidInput, InvalidValue
from app.domain.profile.identifiers import in_order

STANDING_MAX = 200
"""So many blocks of a carrier at most are not taken back; so many preferences, and overrides."""

CUSTOMER_MAX_CHARACTERS = 100

NOT_BLOCKED = "not-blocked"
OVERRIDABLE = ("service", "country", "recent", NOT_BLOCKED, *KINDS)
"""The rules of eligibility whose verdict people can override. The others are decisions of people
already, each with commands of its own: to reinstate, to approve, to confirm a change."""

Noun = Literal["block", "preference", "override"]


@dataclass(frozen=True, slots=True)
class Instruction:
    """A block, a preference or an override: plain text, as the events hold it. Days are YYYY-MM-DD.

    It is about the work that matches all of `country`, `service` and `customer` that are given,
    from the first day to the last; the last is None if it is open. `ended` is why it was taken
    back. `rule` is the one of OVERRIDABLE that holds by an override; None for the others.
    """

    number: int
    country: str | None
    service: str | None
    customer: str | None
    valid_from: str
    valid_to: str | None
    reason: str
    ended: str | None = None
    rule: str | None = None

    @property
    def stands(self) -> bool:
        """Whether it was not taken back, whatever its days."""
        return self.ended is None

    def holds(self, on: str) -> bool:
        """Whether it counts on that day, for work that matches."""
        return (
            self.stands and self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)
        )

    def applies(self, country: str, service: str, customer: str | None, on: str) -> bool:
        """See `applying`."""
        return (
            self.holds(on)
            and self.country in {None, country}
            and self.service in {None, service}
            and (self.customer is None or _same(self.customer, customer))
        )

    def described(self) -> str:
        """The work that it is about, for people, such as `express in DE for ACME`."""
        where = f" in {self.country}" if self.country else ""
        whom = f" for {self.customer}" if self.customer else ""
        return f"{self.service or 'all work'}{where}{whom}"

    def says_the_same(self, other: "Instruction") -> bool:
        """Whether the two differ in nothing but their numbers."""
        return replace(self, number=other.number) == other


Instructions = Mapping[int, Instruction]
"""A carrier's blocks, preferences or overrides by their numbers. None is ever taken away, so no
number is given twice."""


def applying(
    instructions: Instructions, country: str, service: str, customer: str | None, on: str
) -> list[Instruction]:
    """Those that apply to work of this service in this country (alpha-2, upper case) on that day,
    in the order in which they were given. Customers are compared without regard to case; work that
    is for nobody in particular (None) is not for a customer."""
    return [each for each in instructions.values() if each.applies(country, service, customer, on)]


def next_number(instructions: Instructions) -> int:
    """The number of the one that is given next."""
    return max(instructions, default=0) + 1


def added(instructions: Instructions, new: Instruction) -> Instructions:
    """With this one more."""
    return {**instructions, new.number: new}


def ended(instructions: Instructions, number: int, reason: str) -> Instructions:
    """After this one was taken back. A view may have left out how it was given."""
    if number not in instructions:
        return instructions
    return {**instructions, number: replace(instructions[number], ended=reason)}


def is_new(instructions: Instructions, new: Instruction, noun: Noun) -> bool:
    """Whether none that stands says the same. Raises InvalidInput for one that breaks a rule across
    its fields, and for one too many."""
    check_days(new.valid_from, new.valid_to)
    standing = [each for each in instructions.values() if each.stands]
    if any(new.says_the_same(each) for each in standing):
        return False
    _check_room(standing, noun)
    return True


def is_standing(instructions: Instructions, number: int, noun: Noun, reason: str) -> bool:
    """Whether this one can be taken back; not if it was, for this very reason. Raises InvalidInput
    for a number that there is not, and for one that was taken back for another reason."""
    field = f"{noun}_id"
    if number not in instructions:
        raise InvalidInput(field, f"The {field} must be one of this carrier's {noun}s")
    found = instructions[number]
    if not found.stands and found.ended != reason:
        raise InvalidInput(field, f"The {field} must be of one that stands: it was taken back")
    return found.stands


def check_work(new: Instruction, noun: Noun) -> None:
    """Raises InvalidInput for an instruction about all work."""
    if new.country is None and new.service is None and new.customer is None:
        raise InvalidInput("service", f"The {noun} must be for a service, a country or a customer")


def check_days(valid_from: str, valid_to: str | None) -> None:
    """Raises InvalidInput unless the last day is one from the first day on."""
    try:
        in_order(valid_from, valid_to)
    except InvalidValue as error:
        raise InvalidInput("valid_to", error.sentence) from error


def _check_room(standing: Iterable[Instruction], noun: Noun) -> None:
    if len(list(standing)) >= STANDING_MAX:
        raise InvalidInput(
            "valid_from",
            f"The carrier has {STANDING_MAX} {noun}s, which is the most; take one back first",
        )


def _same(customer: str, other: str | None) -> bool:
    return other is not None and customer.casefold() == other.casefold()
