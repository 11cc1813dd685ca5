"""The key ring: all API keys in memory, so that a request need not ask the store."""

import hmac
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.application.access.failures import FailureLimit
from app.application.access.keys import (
    Caller,
    ExpiredKey,
    InvalidKey,
    RevokedKey,
    UnknownKey,
    WrongSecret,
    digest_of,
)
from app.application.access.quotas import Quotas
from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.keys import ApiKey, KeyStore

FRESH_SECONDS = 10.0
"""How long keys that were read count as fresh. A revoked key works this much longer at most while
the store answers."""

USABLE_SECONDS = 50.0
"""How long keys that were read are used while the store is unavailable. With `ASK_SECONDS` this is
below the 60 s within which a revoked key is refused everywhere."""

RECHECKS_PER_SECOND = 10
"""An unknown key may be new, so the store is asked again even if the keys are fresh. This limits
the load that guessed keys can put on the store."""

ASK_SECONDS = 5.0
PAUSE_SECONDS = 1.0
"""How long one read of the keys may take, and the pause after a failed one."""

_NOBODYS_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class _Known:
    """The keys by prefix, and the moment on the monotonic clock when their read began."""

    keys: Mapping[str, ApiKey]
    asked_at: float


def _utc_now() -> datetime:
    return datetime.now(UTC)


class KeyRing:
    """All keys in memory, at most a few seconds old. One a process; shared by its threads.

    `clock` decides at each use whether a key has expired; `on_use` is called with the prefix of
    each valid key that a request sends.
    """

    def __init__(
        self,
        store: KeyStore,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] = _utc_now,
        on_use: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._clock = clock
        self._on_use = on_use
        self._known: _Known | None = None
        self._had_keys = False
        self._failed_at: float | None = None
        self._asking = threading.Lock()
        self._rechecks, self._counted_since = 0, monotonic()

    def has_keys(self, deadline: Deadline) -> bool:
        """Whether a key was ever created. Once true, it stays true for this process, so neither
        revoking the last key nor losing the store admits callers without a key.

        Raises StoreUnavailable if the keys cannot be read.
        """
        return self._had_keys or bool(self._keys(deadline))

    def authenticate(
        self, prefix: str, secret: str, deadline: Deadline, *, look_again: bool = True
    ) -> Caller:
        """The caller that a valid key stands for. With `look_again` the store is asked once more
        before a key is refused, as the key may be new.

        Raises InvalidKey and StoreUnavailable. An unknown prefix, a wrong secret and a revoked key
        take the same time.
        """
        digest = digest_of(secret)
        try:
            key = self._checked(self._keys(deadline), prefix, digest)
        except InvalidKey:
            if not look_again or not self._may_recheck():
                raise
            key = self._checked(self._keys(deadline, fresh=0), prefix, digest)
        self._on_use(prefix)
        return Caller(key.name, key.scopes, prefix)

    def valid_key(self, prefix: str, deadline: Deadline) -> ApiKey | None:
        """The key with this prefix, to check a ticket; None if there is none or it is revoked or
        expired. Raises StoreUnavailable."""
        key = self._keys(deadline).get(prefix)
        if key is None and self._may_recheck():  # it may be new
            key = self._keys(deadline, fresh=0).get(prefix)
        return key if key is not None and key.active and not key.expired(self._clock()) else None

    def look_again(self, deadline: Deadline) -> None:
        """Read the keys now, as this process has changed one. Raises StoreUnavailable."""
        self._keys(deadline, fresh=0)

    def knows(self, prefix: str) -> bool:
        """Whether a key in memory has this prefix; the store is not asked."""
        known = self._known
        return known is not None and prefix in known.keys

    def _checked(self, keys: Mapping[str, ApiKey], prefix: str, digest: bytes) -> ApiKey:
        key = keys.get(prefix)
        same = hmac.compare_digest(digest, _NOBODYS_DIGEST if key is None else key.digest)
        if key is None:
            raise UnknownKey
        if not same:
            raise WrongSecret
        if not key.active:
            raise RevokedKey
        if key.expires_at is not None and key.expired(self._clock()):
            raise ExpiredKey(key.expires_at)
        return key

    def _may_recheck(self) -> bool:
        now = self._monotonic()
        if now - self._counted_since >= 1:
            self._rechecks, self._counted_since = 0, now
        self._rechecks += 1
        return self._rechecks <= RECHECKS_PER_SECOND

    def _keys(self, deadline: Deadline, fresh: float = FRESH_SECONDS) -> Mapping[str, ApiKey]:
        """The keys, from a read that began less than `fresh` seconds ago."""
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
            # An empty set of keys is not used when it is stale: it would admit everybody.
            if known is None or not known.keys:
                raise
            if self._monotonic() - known.asked_at >= USABLE_SECONDS:
                raise
            return known
        return self._known

    def _read(self, deadline: Deadline) -> _Known:
        asked_at = self._monotonic()
        if self._failed_at is not None and asked_at - self._failed_at < PAUSE_SECONDS:
            raise StoreUnavailable("the keys could not be read a moment ago")
        try:
            keys = self._store.read_all(deadline.within(ASK_SECONDS))
        except StoreUnavailable:
            self._failed_at = self._monotonic()
            raise
        self._failed_at = None
        self._had_keys = self._had_keys or bool(keys)
        return _Known({key.prefix: key for key in keys}, asked_at)


@dataclass(frozen=True, slots=True)
class Access:
    """The rules by which requests are admitted.

    `keyless`: requests without a key are admitted as long as no key was ever created. `hosts`: the
    values of `Host` that such a request may have; None allows any. `failures` limits how often
    invalid keys are looked up. `proxies`: addresses and networks whose `X-Forwarded-For` is
    trusted. `quotas` limits how many requests a key or an address may send.
    """

    ring: KeyRing
    keyless: bool
    hosts: frozenset[str] | None
    failures: FailureLimit = field(default_factory=FailureLimit)
    proxies: tuple[str, ...] = ()
    quotas: Quotas = field(default_factory=Quotas)
