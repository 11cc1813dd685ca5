"""Tickets: a page in a browser sends one instead of an API key where it cannot send a header.

A ticket is `<prefix>.<expiry>.<signature>`: the prefix of its key, the second at which the ticket
expires, and the key's signature over both (`signatures.py`). A ticket permits reading the feed and
nothing else, and it ends with its key.
"""

import re
from dataclasses import dataclass

from app.application.access.keys import PREFIX_ALPHABET, PREFIX_LENGTH
from app.application.access.signatures import SIGNATURE, is_same, signature_of
from app.application.ports.keys import ApiKey

TICKET_SECONDS = 60
"""How long a ticket can be used to open a stream; a stream that is open goes on."""

NO_TICKET = "anonymous"
"""The ticket of a caller who needs no key, so that a page works the same with and without keys."""

# A signature for another purpose would have another secret.
_PURPOSE = b"carriers: read the feed, 1"
_TICKET = re.compile(
    rf"(?P<prefix>[{PREFIX_ALPHABET}]{{{PREFIX_LENGTH}}})\.(?P<expiry>[1-9][0-9]{{0,11}})"
    rf"\.(?P<signature>{SIGNATURE})"
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket of the key with `prefix`; `expires_at` is in seconds since 1970."""

    prefix: str
    expires_at: int
    signature: str

    def __str__(self) -> str:
        return f"{self.prefix}.{self.expires_at}.{self.signature}"

    def is_of(self, key: ApiKey) -> bool:
        """Whether the ticket was made with this key. Takes the same time for every signature."""
        return is_same(self.signature, _signature(key, self.expires_at))


def issue_ticket(key: ApiKey, now: float) -> Ticket:
    """A new ticket of this key; `now` is in seconds since 1970."""
    expires_at = int(now) + TICKET_SECONDS
    return Ticket(key.prefix, expires_at, _signature(key, expires_at))


def ticket_in(text: str) -> Ticket | None:
    """The ticket in the text, with an unchecked signature; None if the text has another form."""
    parts = _TICKET.fullmatch(text)
    if parts is None:
        return None
    return Ticket(parts["prefix"], int(parts["expiry"]), parts["signature"])


def _signature(key: ApiKey, expires_at: int) -> str:
    return signature_of(key, _PURPOSE, f"{key.prefix}.{expires_at}")
