"""API keys: how a key is made, which caller it stands for, and why a key is refused.

A key is `<prefix>.<secret>`. The prefix is public and names the key. Only the secret's SHA-256 is
stored: 256 random bits cannot be guessed, so a slow hash would protect nothing.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from app.application.ports.keys import ApiKey, Scope

PREFIX_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
PREFIX_LENGTH = 12
SECRET_BYTES = 32

_NAME = re.compile(r"[A-Za-z0-9._@-](?:[A-Za-z0-9 ._@-]{0,62}[A-Za-z0-9._@-])?")
_ANONYMOUS_NAME = "anonymous"

_INCLUDED: Final[Mapping[Scope, frozenset[Scope]]] = {
    **{scope: frozenset({scope}) for scope in Scope},
    Scope.WRITE: frozenset(Scope) - {Scope.POLICY, Scope.ADMIN},
    Scope.ADMIN: frozenset(Scope),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request. `name` is the actor of its events, `prefix` names its key."""

    name: str
    scopes: frozenset[Scope]
    prefix: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether one of the caller's scopes is, or includes, `scope`."""
        return any(scope in _INCLUDED[each] for each in self.scopes)


ANONYMOUS: Final = Caller(_ANONYMOUS_NAME, frozenset(Scope))
"""The caller of a request without a key, where no key is needed."""


class BadKeyName(ValueError):
    """The name is not allowed; the message is one sentence that says which names are."""


class NotAuthenticated(Exception):
    """The request has no key although one is needed, or an invalid key. `given` says whether it had
    a key. `cause` is for the operator; clients see only the message."""

    cause = "missing"

    def __init__(self, message: str, *, given: bool) -> None:
        super().__init__(message)
        self.given = given


class MalformedKey(NotAuthenticated):
    """The Authorization header does not have the form of a key."""

    cause = "malformed"

    def __init__(self) -> None:
        super().__init__("The Authorization header must be Bearer <prefix>.<secret>", given=True)


class InvalidKey(NotAuthenticated):
    """The key is well-formed but not valid. The message does not say which subclass it is, so that
    nobody learns which prefixes exist."""

    def __init__(self, message: str = "This API key is not valid") -> None:
        super().__init__(message, given=True)


class InvalidTicket(NotAuthenticated):
    """The ticket is malformed or has expired, or its key is no longer valid."""

    cause = "ticket"

    def __init__(self) -> None:
        super().__init__(
            "This ticket is not valid, or no longer: get another one with POST /events/ticket",
            given=True,
        )


class UnknownKey(InvalidKey):
    """No key has the prefix."""

    cause = "unknown"


class WrongSecret(InvalidKey):
    """A key has the prefix, but another secret."""

    cause = "wrong-secret"


class RevokedKey(InvalidKey):
    """The secret is right, but the key was revoked."""

    cause = "revoked"


class ExpiredKey(InvalidKey):
    """The secret is right, but the key has expired. Its holder may learn when that was."""

    cause = "expired"

    def __init__(self, expired_at: datetime) -> None:
        moment = expired_at.isoformat(timespec="seconds").replace("+00:00", "Z")
        super().__init__(f"This API key has expired at {moment}; ask for a new one")


class TooManyFailures(NotAuthenticated):
    """The key is not known to be valid, and its address or prefix has had too many failures, so the
    store was not asked. Valid keys are still accepted. `seconds` is when the store is asked again.
    """

    cause = "limited"

    def __init__(self, seconds: float = 1) -> None:
        super().__init__(
            "Too many requests with invalid API keys came from this address or with this prefix,"
            " and this key is not known to be valid; valid keys are let in meanwhile",
            given=True,
        )
        self.seconds = seconds


class NotPermitted(Exception):
    """The key of `caller` is valid but lacks `scope`."""

    def __init__(self, scope: Scope, caller: Caller = ANONYMOUS) -> None:
        super().__init__(f"the key lacks the scope {scope}")
        self.scope = scope
        self.caller = caller


class ForeignHost(Exception):
    """The request's `Host` is not one of the service's names."""


def issue(
    name: str, scopes: Iterable[Scope], now: datetime, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key and its text, `<prefix>.<secret>`, which is stored nowhere. Raises BadKeyName."""
    if _NAME.fullmatch(name) is None:
        raise BadKeyName(
            "A name has 1 to 64 characters: letters and digits of ASCII, ., _, @, -, and spaces"
            " within."
        )
    if name.casefold() == _ANONYMOUS_NAME:
        raise BadKeyName("This name is kept for callers without a key.")
    prefix = "".join(secrets.choice(PREFIX_ALPHABET) for _ in range(PREFIX_LENGTH))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey(prefix, digest_of(secret), name, frozenset(scopes), now, expires_at=expires_at)
    return key, f"{prefix}.{secret}"


def digest_of(secret: str) -> bytes:
    """The SHA-256 of a secret, 32 bytes: what a store keeps of it."""
    return sha256(secret.encode()).digest()
