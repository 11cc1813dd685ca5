"""API keys as they are kept, and when each was last used."""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.application.deadline import Deadline
from app.domain.command import OVERSIGHT, POLICY, PROFILE, REGISTER


class Scope(enum.StrEnum):
    """What a key may do. `register`, `profile`, `oversight` and `policy` each allow one group of
    commands and no reading; `write` includes the first three and `read`; `admin` includes
    everything. `policy` is not in `write`: who keeps carriers does not decide what is asked of
    them."""

    READ = "read"
    REGISTER = REGISTER
    PROFILE = PROFILE
    OVERSIGHT = OVERSIGHT
    POLICY = POLICY
    WRITE = "write"
    ADMIN = "admin"


def known_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """The scopes of these names; one that only a newer release knows grants nothing here."""
    return frozenset(Scope(name) for name in names if name in list(Scope))


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept. `digest` is the SHA-256 of its secret; from `expires_at` on it is not
    valid, and without that moment it is so until it is revoked. Sessions of the desk that began
    with it until `sessions_ended_at` count no longer."""

    prefix: str
    digest: bytes = field(repr=False)
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    sessions_ended_at: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether it has not been revoked."""
        return self.revoked_at is None

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now


class NameTaken(Exception):
    """A key that has not been revoked, expired or not, has this name."""


class KeyStore(Protocol):
    """Keeps API keys; they are never deleted, so that each actor stays known. And when each was
    last used, apart from the keys: to lose that harms nobody."""

    def add(self, key: ApiKey, deadline: Deadline) -> None:
        """Keep a new key. Raises NameTaken, StoreUnavailable or OutcomeUnknown."""
        ...

    def read_all(self, deadline: Deadline) -> list[ApiKey]:
        """Every key, revoked ones included, oldest first. Raises StoreUnavailable."""
        ...

    def revoke(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        """Revoke the key, once; False if there is none. Raises StoreUnavailable, OutcomeUnknown."""
        ...

    def end_sessions(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        """Keep until when the sessions of the key are ended, the latest such moment; False if there
        is no such key. Raises StoreUnavailable, OutcomeUnknown."""
        ...

    def note_uses(self, uses: Mapping[str, datetime], deadline: Deadline) -> None:
        """Keep when each of these prefixes was used, where no later use is kept already. Waits for
        no disk. Raises StoreUnavailable; then some, all or none of them may be kept."""
        ...

    def last_uses(self, deadline: Deadline) -> Mapping[str, datetime]:
        """By prefix the latest use that was noted. Raises StoreUnavailable."""
        ...
