"""Who sends a request, and what they may do: API keys, the port that keeps them, the key ring.

A key is `<prefix>.<secret>`. The prefix is public and names the key; of the secret only the SHA-256
is kept, which is enough: 256 random bits cannot be guessed, so a slow hash would protect nothing.
The key ring answers from memory, so that a request costs no question to the store.
"""

import enum
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final, Protocol

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable

PREFIX_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
PREFIX_LENGTH = 12
SECRET_BYTES = 32

FRESH_SECONDS = 10.0
"""For so long an answer of the store is used without asking again: what a revoked key still gets
where the store answers."""

USABLE_SECONDS = 50.0
"""For so long an older answer is used while the store gives none. With `ASK_SECONDS` it stays below
the 60 s within which a revoked key is refused everywhere."""

RECHECKS_PER_SECOND = 10
"""A key that is not known may be new: then the store is asked again, however fresh its answer is.
This bounds what somebody who guesses keys can make it do."""

ASK_SECONDS = 5.0
PAUSE_SECONDS = 1.0
"""How long one question may take, and how long the store is left alone after it failed."""

_NAME = re.compile(r"[A-Za-z0-9._@-](?:[A-Za-z0-9 ._@-]{0,62}[A-Za-z0-9._@-])?")
_ANONYMOUS_NAME = "anonymous"
_NOBODYS_DIGEST = bytes(32)


class Scope(enum.StrEnum):
    """What a key may do. `write` includes `read`, as every answer to a command shows the carrier;
    `admin` includes both."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


def known_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """The scopes of these names; one that only a newer release knows grants nothing here."""
    return frozenset(Scope(name) for name in names if name in list(Scope))


_INCLUDED: Final[Mapping[Scope, frozenset[Scope]]] = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.WRITE: frozenset({Scope.READ, Scope.WRITE}),
    Scope.ADMIN: frozenset(Scope),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request; `name` is the actor in what it writes."""

    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether one of the caller's scopes is, or includes, `scope`."""
        return any(scope in _INCLUDED[each] for each in self.scopes)


ANONYMOUS: Final = Caller(_ANONYMOUS_NAME, frozenset(Scope))
"""Whoever calls while no key is needed."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept. `digest` is the SHA-256 of its secret."""

    prefix: str
    digest: bytes = field(repr=False)
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    revoked_at: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether it has not been revoked."""
        return self.revoked_at is None


class BadKeyName(ValueError):
    """One sentence says what a key may be called."""


class NameTaken(Exception):
    """An active key has this name."""


class NotAuthenticated(Exception):
    """No key where one is needed, or one that is not valid. `given`: one was sent."""

    def __init__(self, message: str, *, given: bool) -> None:
        super().__init__(message)
        self.given = given


class NotPermitted(Exception):
    """The key is valid but lacks `scope`."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(f"the key lacks the scope {scope}")
        self.scope = scope


class ForeignHost(Exception):
    """The request was meant for another host."""


class KeyStore(Protocol):
    """Keeps API keys; they are never deleted, so that each actor stays known."""

    def add(self, key: ApiKey, deadline: Deadline) -> None:
        """Keep a new key. Raises NameTaken, StoreUnavailable or OutcomeUnknown."""
        ...

    def read_all(self, deadline: Deadline) -> list[ApiKey]:
        """Every key, revoked ones included, oldest first. Raises StoreUnavailable."""
        ...

    def revoke(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        """Revoke the key, once; False if there is none. Raises StoreUnavailable, OutcomeUnknown."""
        ...


def issue(name: str, scopes: Iterable[Scope], now: datetime) -> tuple[ApiKey, str]:
    """A new key and its whole text, which is known only here and now. Raises BadKeyName."""
    if _NAME.fullmatch(name) is None:
        raise BadKeyName(
            "A name has 1 to 64 characters: letters and digits of ASCII, ., _, @, -, and spaces"
            " within."
        )
    if name.casefold() == _ANONYMOUS_NAME:
        raise BadKeyName("This name is kept for callers without a key.")
    prefix = "".join(secrets.choice(PREFIX_ALPHABET) for _ in range(PREFIX_LENGTH))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return ApiKey(prefix, _digest(secret), name, frozenset(scopes), now), f"{prefix}.{secret}"


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store said, and when, on the monotonic clock, it was asked."""

    keys: Mapping[str, ApiKey]
    asked_at: float


class KeyRing:
    """All keys in memory, a few seconds old. One a process; used by all threads."""

    def __init__(self, store: KeyStore, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._known: _Known | None = None
        self._failed_at: float | None = None
        self._asking = threading.Lock()
        self._rechecks, self._counted_since = 0, monotonic()

    def has_keys(self, deadline: Deadline) -> bool:
        """Whether a key was ever created: revoking the last one opens no door.

        Raises StoreUnavailable if that is not known.
        """
        return bool(self._keys(deadline))

    def authenticate(self, prefix: str, secret: str, deadline: Deadline) -> Caller | None:
        """The owner of an active key; None for any other. Raises StoreUnavailable.

        An unknown prefix, a wrong secret and a revoked key all go the same way.
        """
        digest = _digest(secret)
        caller = _owner(self._keys(deadline), prefix, digest)
        if caller is None and self._may_recheck():
            caller = _owner(self._keys(deadline, fresh=0), prefix, digest)
        return caller

    def _may_recheck(self) -> bool:
        now = self._monotonic()
        if now - self._counted_since >= 1:
            self._rechecks, self._counted_since = 0, now
        self._rechecks += 1
        return self._rechecks <= RECHECKS_PER_SECOND

    def _keys(self, deadline: Deadline, fresh: float = FRESH_SECONDS) -> Mapping[str, ApiKey]:
        """What the store says, or said in answer to a question that is less than `fresh` old."""
        since = self._monotonic() - fresh
        known = self._known
        if known is not None and known.asked_at > since:
            return known.keys
        # One thread asks, the others wait for its answer.
        if not self._asking.acquire(timeout=deadline.remaining()):
            raise StoreUnavailable("the keys could not be read in time")
        try:
            known = self._known
            if known is None or known.asked_at <= since:
                known = self._ask(deadline)
            return known.keys
        finally:
            self._asking.release()

    def _ask(self, deadline: Deadline) -> _Known:
        try:
            self._known = self._read(deadline)
        except StoreUnavailable:
            known = self._known
            if known is None or self._monotonic() - known.asked_at >= USABLE_SECONDS:
                raise
            return known
        return self._known

    def _read(self, deadline: Deadline) -> _Known:
        asked_at = self._monotonic()
        if self._failed_at is not None and asked_at - self._failed_at < PAUSE_SECONDS:
            raise StoreUnavailable("the keys could not be read a moment ago")
        try:
            keys = self._store.read_all(Deadline.after(min(ASK_SECONDS, deadline.remaining())))
        except StoreUnavailable:
            self._failed_at = self._monotonic()
            raise
        self._failed_at = None
        return _Known({key.prefix: key for key in keys}, asked_at)


@dataclass(frozen=True, slots=True)
class Access:
    """Whom the service lets in.

    `keyless`: callers without a key are let in while no key was ever created. `hosts`: the names
    that the service goes by for them; None if any will do.
    """

    ring: KeyRing
    keyless: bool
    hosts: frozenset[str] | None


def _owner(keys: Mapping[str, ApiKey], prefix: str, digest: bytes) -> Caller | None:
    key = keys.get(prefix)
    same = hmac.compare_digest(digest, _NOBODYS_DIGEST if key is None else key.digest)
    return Caller(key.name, key.scopes) if key is not None and key.active and same else None


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
