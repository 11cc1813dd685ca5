"""Sessions of the desk: what a browser's cookie holds once somebody has signed in with an API key.

A session is `<prefix>.<expiry>.<nonce>.<signature>`: the prefix of its key, the second at which the
session ends, 128 random bits, and the key's signature over all of it (`signatures.py`). So every
process can check a session, none is stored, and all sessions of a key end when it is revoked, or
when somebody who has one signs out everywhere: the key then says until when they began. A restore
from a backup ends the sessions of all keys in this way. A browser that is not signed in holds
`anonymous.<nonce>`, for the tokens of its forms alone.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from app.application.access.keys import PREFIX_ALPHABET, PREFIX_LENGTH
from app.application.access.signatures import SIGNATURE, encoded, is_same, signature_of
from app.application.deadline import Deadline
from app.application.ports.keys import ApiKey, KeyStore

SESSION_SECONDS = 12 * 3600
"""How long a session lasts: a working day, whether it is used or not."""

_PURPOSE = b"carriers: a session of the desk, 1"
_OF_FORMS = b"carriers: a form of the desk, 1"
_NONCE_BYTES = 16
_NONCE = "[A-Za-z0-9_-]{22}"
_SESSION = re.compile(
    rf"(?P<prefix>[{PREFIX_ALPHABET}]{{{PREFIX_LENGTH}}})\.(?P<expiry>[1-9][0-9]{{0,11}})"
    rf"\.(?P<nonce>{_NONCE})\.(?P<signature>{SIGNATURE})"
)
_VISITOR: Final = re.compile(rf"anonymous\.{_NONCE}")


@dataclass(frozen=True, slots=True)
class Session:
    """A session of the key with `prefix`; `expires_at` is in seconds since 1970."""

    prefix: str
    expires_at: int
    nonce: str
    signature: str

    def __str__(self) -> str:
        return f"{_signed(self.prefix, self.expires_at, self.nonce)}.{self.signature}"

    def is_of(self, key: ApiKey) -> bool:
        """Whether the session was made with this key. Takes the same time for every signature."""
        signed = _signed(key.prefix, self.expires_at, self.nonce)
        return is_same(self.signature, signature_of(key, _PURPOSE, signed))

    def has_ended(self, key: ApiKey, now: float) -> bool:
        """Whether the session of this key is over at `now`, in seconds since 1970: its time is, or
        it began before somebody signed out everywhere."""
        began_at = self.expires_at - SESSION_SECONDS
        return now >= self.expires_at or began_at <= _ended_at(key)


def begin_session(key: ApiKey, now: float) -> Session:
    """A new session of this key; `now` is in seconds since 1970."""
    # Sessions begin with a second. In the one in which all were ended, a new one begins later.
    began_at = max(int(now), int(_ended_at(key)) + 1)
    expires_at, nonce = began_at + SESSION_SECONDS, secrets.token_urlsafe(_NONCE_BYTES)
    signature = signature_of(key, _PURPOSE, _signed(key.prefix, expires_at, nonce))
    return Session(key.prefix, expires_at, nonce, signature)


def end_all_sessions(keys: KeyStore, moment: datetime, deadline: Deadline) -> None:
    """End every session that began until `moment`, whatever its key. For who restores a registry:
    a copy does not know which sessions were ended since. Raises StoreUnavailable, OutcomeUnknown;
    then it is to be called again."""
    for key in keys.read_all(deadline):
        keys.end_sessions(key.prefix, moment, deadline)


def session_in(text: str) -> Session | None:
    """The session in the text, with an unchecked signature; None if the text has another form."""
    parts = _SESSION.fullmatch(text)
    if parts is None:
        return None
    return Session(parts["prefix"], int(parts["expiry"]), parts["nonce"], parts["signature"])


def new_visitor() -> str:
    """What the cookie of a visitor holds, which the forms of a browser belong to that is not signed
    in."""
    return f"anonymous.{secrets.token_urlsafe(_NONCE_BYTES)}"


def is_visitor(text: str) -> bool:
    """Whether the text has the form of `new_visitor`."""
    return _VISITOR.fullmatch(text) is not None


def form_token(cookie: str) -> str:
    """What every form of a browser with this cookie must hold. Other sites can make the browser
    send a form, but cannot read the cookie, and so cannot fill in this."""
    return encoded(hmac.digest(cookie.encode(), _OF_FORMS, sha256))


def is_form_token(given: str, cookie: str) -> bool:
    """Whether `given` is the token of forms of a browser with this cookie. Anybody can make that of
    no cookie at all, so without one there is none."""
    return cookie != "" and given.isascii() and is_same(given, form_token(cookie))


def _ended_at(key: ApiKey) -> float:
    """The last moment at which a session can have begun that is ended, in seconds since 1970."""
    return key.sessions_ended_at.timestamp() if key.sessions_ended_at else -1


def _signed(prefix: str, expires_at: int, nonce: str) -> str:
    return f"{prefix}.{expires_at}.{nonce}"
