"""Tickets: a page in a browser sends one instead of an API key where it cannot send a header.

A ticket is `<prefix>.<expiry>.<signature>`: the prefix of its key, the second at which the ticket
expires, and an HMAC over both. The HMAC's secret is derived from the digest of the key's secret,
which every process reads with the keys. So every process can check a ticket, nothing is stored, and
a ticket ends with its key. A ticket permits reading the feed and nothing else.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

from app.application.access.keys import PREFIX_ALPHABET, PREFIX_LENGTH
from app.application.ports.keys import ApiKey

TICKET_SECONDS = 60
"""How long a ticket can be used to open a stream; a stream that is open goes on."""

NO_TICKET = "anonymous"
"""The ticket of a caller who needs no key, so that a page works the same with and without keys."""

# A signature for another purpose would have another secret.
_PURPOSE = b"carriers: read the feed, 1"
_TICKET = re.compile(
    rf"(?P<prefix>[{PREFIX_ALPHABET}]{{{PREFIX_LENGTH}}})\.(?P<expiry>[1-9][0-9]{{0,11}})"
    r"\.(?P<signature>[A-Za-z0-9_-]{43})"
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
        return hmac.compare_digest(self.signature, _signature(key, self.expires_at))


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
    secret = hmac.digest(key.digest, _PURPOSE, sha256)
    signature = hmac.digest(secret, f"{key.prefix}.{expires_at}".encode(), sha256)
    return urlsafe_b64encode(signature).decode().rstrip("=")
