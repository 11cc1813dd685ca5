"""A carrier's contacts: whom to ask about what, by their roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.errors import InvalidValue
from app.domain.profile.contact import PhoneNumber, at_most
from app.domain.values import EmailAddress, one_line, one_of

ROLES = ("dispatch", "claims", "billing", "safety", "after-hours")
CONTACTS_MAX = 50
CONTACT_NAME_MAX_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody, or a desk, with a role, and a phone number or an e-mail address or both."""

    role: str
    name: str
    phone: str | None = None
    email: str | None = None

    def __post_init__(self) -> None:
        role(self.role)
        object.__setattr__(self, "name", contact_name(self.name))
        reachable(self.phone, self.email)
        if self.phone is not None:
            object.__setattr__(self, "phone", PhoneNumber(self.phone).text)
        if self.email is not None:
            object.__setattr__(self, "email", EmailAddress(self.email).text)

    def as_json(self) -> dict[str, str]:
        """An object of the fields; what is None is left out."""
        ways = {"phone": self.phone, "email": self.email}
        known = {way: text for way, text in ways.items() if text is not None}
        return {"role": self.role, "name": self.name, **known}


@dataclass(frozen=True, slots=True)
class Contacts:
    """A carrier's contacts in the caller's order, 50 at most, none twice. Several can have one
    role."""

    entries: Sequence[Contact]

    def __post_init__(self) -> None:
        at_most("contacts", len(self.entries), CONTACTS_MAX)
        if len(set(self.entries)) < len(self.entries):
            raise InvalidValue("The contacts must not name the same one twice")
        object.__setattr__(self, "entries", tuple(self.entries))

    @classmethod
    def from_json(cls, given: Sequence[Mapping[str, Any]]) -> "Contacts":
        """The contacts of JSON objects with the fields of `Contact`. Raises InvalidValue."""
        at_most("contacts", len(given), CONTACTS_MAX)
        return cls(
            tuple(
                Contact(one["role"], one["name"], one.get("phone"), one.get("email"))
                for one in given
            )
        )

    def as_json(self) -> list[dict[str, str]]:
        """The list of objects that `Contact.as_json` makes."""
        return [entry.as_json() for entry in self.entries]


def role(text: str) -> str:
    """`text`, if it is one of ROLES. Raises InvalidValue."""
    return one_of("role", ROLES, text)


def contact_name(text: str) -> str:
    """The name of a person or a desk in normal form. Raises InvalidValue."""
    return one_line("name", CONTACT_NAME_MAX_CHARACTERS, text)


def reachable(phone: str | None, email: str | None) -> None:
    """Check that there is a way to reach a contact. Raises InvalidValue."""
    if phone is None and email is None:
        raise InvalidValue("The contact must have a phone or an email")
